//! What operators' machines ask, on a listener of its own.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::App;
use crate::ephemeral::Lost;
use crate::identity::NotAuthenticated;

const FORGOT: &str = "it lost what it held";

/// The operators' routes.
pub fn ops(app: Arc<App>) -> Router {
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready)).with_state(app)
}

/// `GET /readyz`: whether releases are made, and what stands in their way.
async fn ready(State(app): State<Arc<App>>) -> Response {
    let record = app.broker.ledger().health().map_err(|fault| fault.to_string());
    let mut guard = guarded(&app).await;
    if guard == Err(FORGOT.to_owned()) {
        // Begun anew here: who asks first whether we are ready may send nobody until we are.
        app.guard_lost(NotAuthenticated::Guard(Lost::Stale)).await;
        guard = guarded(&app).await;
    }
    let ready = record.is_ok() && guard.is_ok();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let said = |part: Result<(), String>| part.err().unwrap_or_else(|| "ok".to_owned());
    (status, Json(json!({"ready": ready, "record": said(record), "guard": said(guard)}))).into_response()
}

/// Whether the replay guard knows all that it was told.
async fn guarded(app: &App) -> Result<(), String> {
    let stamp = app.broker.ephemeral().stamp().await.map_err(|fault| fault.to_string())?;
    if stamp == Some(app.broker.gate().guard_epoch()) { Ok(()) } else { Err(FORGOT.to_owned()) }
}
