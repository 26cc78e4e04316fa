//! What anyone may read of the log: the newest checkpoint and the key that verifies it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::App;

/// `GET /log/checkpoint`
pub(super) async fn checkpoint(State(app): State<Arc<App>>) -> Response {
    match app.broker.ledger().checkpoint() {
        Ok(Some(note)) => text(note),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// `GET /log/vkey`
pub(super) async fn vkey(State(app): State<Arc<App>>) -> Response {
    text(format!("{}\n", app.broker.ledger().vkey()))
}

fn text(body: String) -> Response {
    let mut response = body.into_response();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}
