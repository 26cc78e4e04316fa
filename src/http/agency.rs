//! What agencies call with a token: releases.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Deserializer};
use serde_json::json;

use super::App;
use super::oauth::{AGENCY_RESOURCE, single};
use super::problem::{self, KEY_MISSING, MALFORMED};
use crate::clock::Moment;
use crate::domain::{Ask, AttributeId, ConsentId, Occasion, PurposeId, Reference, Relied};
use crate::identity::{AuthenticatedBody, NotAuthenticated};
use crate::jose::object;

/// Path of releases.
pub(super) const RELEASES: &str = "/v1/releases";
/// Longest Idempotency-Key, in characters.
const LONGEST_KEY: usize = 64;
/// Most attributes of one ask.
const MOST_ATTRIBUTES: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReleaseRequest {
    /// Absent where the grant rests on another basis than a consent; never null.
    #[serde(default, deserialize_with = "present")]
    consent_id: Option<ConsentId>,
    purpose: PurposeId,
    attributes: Vec<AttributeId>,
    #[serde(default, deserialize_with = "present")]
    occasion: Option<WrittenOccasion>,
}

/// What the release is for, where the purpose wants that said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOccasion {
    reference: Reference,
    /// When it closes (RFC 3339).
    #[serde(deserialize_with = "moment")]
    at: Moment,
    /// In whole dollars.
    #[serde(default, deserialize_with = "present")]
    amount: Option<u64>,
}

impl From<WrittenOccasion> for Occasion {
    fn from(WrittenOccasion { reference, at, amount }: WrittenOccasion) -> Self {
        Self { reference, at, amount }
    }
}

/// A member that may be absent, and is never null.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Moment, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// `POST /v1/releases`: one data token.
pub(super) async fn release(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = respond(&app, &headers, &body).await.unwrap_or_else(|refused| *refused);
    app.with_nonce(answer)
}

async fn respond(app: &App, headers: &HeaderMap, body: &Bytes) -> Result<Response, Box<Response>> {
    let agency = app.bearer(headers, "POST", RELEASES, AGENCY_RESOURCE).await?;
    let ask = parse(app, &agency, headers, body)?;
    match app.broker.release(&agency, ask, body).await {
        Ok(released) => {
            let body = json!({
                "release_id": released.release(), "data_token": released.token(), "proof": released.proof(),
                "expires_at": released.expires().to_string(),
            });
            Ok((StatusCode::OK, Json(body)).into_response())
        }
        Err(refusal) => Err(Box::new(problem::problem(app.issuer(), &refusal))),
    }
}

/// Step 0: the request becomes an ask, or is malformed.
fn parse(app: &App, agency: &AuthenticatedBody, headers: &HeaderMap, body: &[u8]) -> Result<Ask, Box<Response>> {
    let malformed = || Box::new(problem::document(app.issuer(), &MALFORMED, json!({})));
    let key = keyed_json(app, headers)?;
    let request: ReleaseRequest = object(body).map_err(|_| malformed())?;
    let count = request.attributes.len();
    let attributes: std::collections::BTreeSet<AttributeId> = request.attributes.into_iter().collect();
    if attributes.is_empty() || attributes.len() != count || count > MOST_ATTRIBUTES {
        return Err(malformed());
    }
    let token = agency.token().ok_or_else(malformed)?;
    let granted = token.granted.as_ref().ok_or_else(malformed)?;
    Ok(Ask {
        on: request.consent_id.map_or(Relied::Basis, Relied::Consent),
        grant: granted.grant_id.parse().map_err(|_| malformed())?,
        purpose: request.purpose,
        attributes,
        recipient_key: token.cnf.jkt.clone(),
        idempotency_key: key.to_owned(),
        occasion: request.occasion.map(Into::into),
    })
}

/// The Idempotency-Key of a request in JSON.
pub(super) fn keyed_json<'h>(app: &App, headers: &'h HeaderMap) -> Result<&'h str, Box<Response>> {
    let malformed = || Box::new(problem::document(app.issuer(), &MALFORMED, json!({})));
    let json = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !json.starts_with("application/json") {
        return Err(malformed());
    }
    let key = single(headers, &HeaderName::from_static("idempotency-key")).map_err(|()| malformed())?;
    let key = key.filter(|key| key.len() <= LONGEST_KEY && key.bytes().all(|byte| byte.is_ascii_graphic()));
    let key = key.filter(|key| !key.is_empty());
    key.ok_or_else(|| Box::new(problem::document(app.issuer(), &KEY_MISSING, json!({}))))
}

impl App {
    /// Step 1: the client that presents a token with a proof of the key it is bound to.
    pub(super) async fn bearer(
        &self,
        headers: &HeaderMap,
        method: &str,
        path: &str,
        resource: &str,
    ) -> Result<AuthenticatedBody, Box<Response>> {
        let issuer = self.issuer();
        let refuse = |fault| Box::new(problem::not_authenticated(issuer, resource, fault));
        let authorization = single(headers, &header::AUTHORIZATION).ok().flatten();
        let token = authorization.and_then(|value| value.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("DPoP")).map(|(_, token)| token.trim());
        let proof = single(headers, &HeaderName::from_static("dpop")).ok().flatten();
        let token = token.ok_or_else(|| refuse(NotAuthenticated::Token))?;
        let proof = proof.ok_or_else(|| refuse(NotAuthenticated::Proof))?;
        let (audience, uri) = (format!("{issuer}{resource}"), format!("{issuer}{path}"));
        let in_force = self.broker.in_force();
        let bearer = self.broker.gate().bearer(in_force.catalogue(), &audience, token, (method, &uri), proof).await;
        match bearer {
            Ok(body) => Ok(body),
            Err(fault) => {
                self.guard_lost(fault).await;
                Err(refuse(fault))
            }
        }
    }
}
