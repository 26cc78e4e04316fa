//! What sources call with a token: attestations.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::App;
use super::agency::keyed_json;
use super::oauth::SOURCE_RESOURCE;
use super::problem::{self, MALFORMED};
use crate::broker::Sent;
use crate::clock::Day;
use crate::domain::{Attestation, Identifier, KindId, Reference};
use crate::jose::object;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttestationRequest {
    kind: KindId,
    of: Identifier,
    values: Map<String, Value>,
    issued: Day,
    reference: Reference,
}

/// `POST /v1/attestations`: values of a subject, recorded at once.
pub(super) async fn attest(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = respond(&app, &headers, &body).await.unwrap_or_else(|refused| *refused);
    app.with_nonce(answer)
}

async fn respond(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<Response, Box<Response>> {
    let source = app.bearer(headers, "POST", SOURCE_RESOURCE, SOURCE_RESOURCE).await?;
    let key = keyed_json(app, headers)?;
    let malformed = |_| Box::new(problem::document(app.issuer(), &MALFORMED, json!({})));
    let AttestationRequest { kind, of, values, issued, reference } = object(body).map_err(malformed)?;
    let act = Attestation { kind, of, issued, reference };
    let attested = app.broker.attest(&source, act, Sent { values: &values, key, body }).await;
    let attested = attested.map_err(|refusal| Box::new(problem::problem(app.issuer(), &refusal)))?;
    let answer = json!({"entry": attested.entry, "valid_until": attested.valid_until});
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}
