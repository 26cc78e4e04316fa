//! The token endpoint: a code, once, for an ID token.

use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{Query, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::{Form, Json};
use base64::Engine as _;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Client, Code, Issuer, PersonaMandate, lock};
use crate::clock::{Day, Moment};
use crate::crypto;
use crate::jose::{self, b64};

/// How long an ID token is good, in seconds.
const TOKEN_LIFE: i64 = 300;

#[derive(Deserialize)]
pub(super) struct TokenAsk {
    grant_type: Option<String>,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

#[derive(Deserialize)]
struct Credentials {
    client_id: String,
    client_secret: String,
}

#[derive(Serialize)]
struct IdToken<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    auth_time: i64,
    acr: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    birthdate: Option<Day>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unefois_neq: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unefois_mandates: Vec<MandateClaim>,
}

#[derive(Serialize)]
struct MandateClaim {
    sub: &'static str,
    kind: &'static str,
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    birthdate: Option<Day>,
    #[serde(skip_serializing_if = "Option::is_none")]
    neq: Option<&'static str>,
    evidence: &'static str,
}

impl MandateClaim {
    fn of(mandate: &PersonaMandate, today: Day) -> Self {
        let PersonaMandate { sub, kind, name, born, neq, evidence } = *mandate;
        let birthdate = born.and_then(|born| born.day(today));
        Self { sub, kind: kind.as_str(), name, birthdate, neq, evidence }
    }
}

pub(super) async fn token(
    State(issuer): State<Arc<Issuer>>,
    headers: HeaderMap,
    ask: Result<Form<TokenAsk>, FormRejection>,
) -> Response {
    let Ok(Form(ask)) = ask else { return refusal(StatusCode::BAD_REQUEST, "invalid_request") };
    let Some(client) = authenticate(&issuer, &headers, &ask) else {
        return refusal(StatusCode::UNAUTHORIZED, "invalid_client");
    };
    if ask.grant_type.as_deref() != Some("authorization_code") {
        return refusal(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    let now = issuer.clock.now();
    match redeem(&issuer, client, &ask, now).map(|code| signed(&issuer, &code, now)) {
        None => refusal(StatusCode::BAD_REQUEST, "invalid_grant"),
        Some(None) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "server_error"),
        Some(Some(answer)) => answer,
    }
}

/// The client that the credentials prove, in the header or in the body but not in both.
fn authenticate<'a>(issuer: &'a Issuer, headers: &HeaderMap, ask: &TokenAsk) -> Option<&'a Client> {
    let given = match (headers.get(AUTHORIZATION), &ask.client_id, &ask.client_secret) {
        (Some(header), _, None) => basic(header.to_str().ok()?)?,
        (None, Some(id), Some(secret)) => Credentials { client_id: id.clone(), client_secret: secret.clone() },
        _ => return None,
    };
    issuer.client(&given.client_id).filter(|client| client.secret == *given.client_secret)
}

/// RFC 6749, section 2.3.1: each half is form-encoded, then joined by a colon; so a form reader reads them.
fn basic(header: &str) -> Option<Credentials> {
    let (scheme, encoded) = header.split_once(' ')?;
    let text = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
    let (id, secret) = std::str::from_utf8(&text).ok()?.split_once(':')?;
    let form: Uri = format!("/?client_id={id}&client_secret={secret}").parse().ok()?;
    let Query(given) = Query::try_from_uri(&form).ok()?;
    scheme.eq_ignore_ascii_case("basic").then_some(given)
}

/// Takes the code out, whether or not the rest holds: it serves once.
fn redeem(issuer: &Issuer, client: &Client, ask: &TokenAsk, now: Moment) -> Option<Code> {
    let code = lock(&issuer.codes).remove(ask.code.as_deref()?)?;
    let verifier = ask.code_verifier.as_deref().filter(|verifier| (43..=128).contains(&verifier.len()))?;
    let challenge = b64::encode(crypto::sha256(&[verifier.as_bytes()]));
    let held = code.client == client.id
        && Some(code.redirect_uri.as_str()) == ask.redirect_uri.as_deref()
        && code.challenge == challenge
        && now < code.until;
    held.then_some(code)
}

fn signed(issuer: &Issuer, code: &Code, now: Moment) -> Option<Response> {
    let (session, today) = (&code.session, now.day());
    let claims = IdToken {
        iss: &issuer.settings.url,
        sub: session.persona.sub,
        aud: &code.client,
        iat: now.unix(),
        exp: now.plus(TOKEN_LIFE).unix(),
        auth_time: session.auth_time.unix(),
        acr: session.acr(),
        name: session.persona.name,
        nonce: code.nonce.as_deref(),
        birthdate: session.persona.born.and_then(|born| born.day(today)),
        unefois_neq: session.persona.neq,
        unefois_mandates: session.persona.mandates.iter().map(|mandate| MandateClaim::of(mandate, today)).collect(),
    };
    let answer = Json(json!({
        "id_token": jose::sign(&issuer.settings.key, "JWT", &claims).ok()?,
        // OAuth wants one; nothing here takes it.
        "access_token": b64::encode(crypto::random::<32>().ok()?),
        "token_type": "Bearer",
        "expires_in": TOKEN_LIFE,
    }));
    Some(([(CACHE_CONTROL, "no-store")], answer).into_response())
}

fn refusal(status: StatusCode, error: &'static str) -> Response {
    let body = Json(json!({ "error": error }));
    if status == StatusCode::UNAUTHORIZED {
        (status, [(CACHE_CONTROL, "no-store"), (WWW_AUTHENTICATE, "Basic")], body).into_response()
    } else {
        (status, [(CACHE_CONTROL, "no-store")], body).into_response()
    }
}
