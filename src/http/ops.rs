//! What operators' machines ask, on a listener of its own.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::App;

/// The operators' routes.
pub fn ops(app: Arc<App>) -> Router {
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready)).with_state(app)
}

/// `GET /readyz`: whether releases are made, and what stands in their way.
async fn ready(State(app): State<Arc<App>>) -> Response {
    let record = app.broker.ledger().health().map_err(|fault| fault.to_string());
    let guard = app.broker.ephemeral().stamp().await.map_err(|fault| fault.to_string());
    let known = app.broker.gate().guard_epoch();
    let guard = guard.and_then(|stamp| if stamp == Some(known) { Ok(()) } else { Err("it lost what it held".into()) });
    let ready = record.is_ok() && guard.is_ok();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let said = |part: Result<(), String>| part.err().unwrap_or_else(|| "ok".to_owned());
    (status, Json(json!({"ready": ready, "record": said(record), "guard": said(guard)}))).into_response()
}
