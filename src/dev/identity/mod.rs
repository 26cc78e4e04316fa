//! The development identity service: an OpenID Connect issuer of its own, with personas in place of people.
//!
//! It is a real issuer (discovery, code flow, PKCE, signed ID tokens) and nothing of the broker's: it shares with it the
//! JOSE code and the names of the claims, and meets it over HTTP alone. It is no identity service for people: whoever
//! reaches it is whichever persona they choose. Hence its metadata says `unefois_development`, which `serve` refuses.
//!
//! INVARIANT: a code goes to a redirect URI registered for its client, serves once, within 60 seconds, and gives a token
//! only to that client with the PKCE verifier.
//!
//! One runs for persons and another for officers, each on its own port, at the root of its URL.

mod authorize;
mod pages;
mod personas;
mod token;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;

pub use self::personas::{About, Born, OFFICERS, PERSONS, Persona, PersonaMandate};
use crate::clock::{Clock, Moment};
use crate::identity::login::{ACR_EVERYDAY, ACR_STEPPED_UP, SecretText};
use crate::jose::Signer;

/// How long a code serves, in seconds.
const CODE_LIFE: i64 = 60;
/// How many browsers are remembered before all are forgotten.
const MOST_SESSIONS: usize = 1000;

/// One issuer.
#[derive(Debug)]
pub struct IssuerSettings {
    /// Its URL, without a path or a final slash.
    pub url: String,
    /// Its key, for ES256.
    pub key: Signer,
    /// Whom one can sign in as.
    pub personas: &'static [Persona],
    /// Who may send people to it.
    pub clients: Vec<Client>,
}

/// A relying party.
#[derive(Debug)]
pub struct Client {
    /// Its name.
    pub id: String,
    /// Its secret.
    pub secret: SecretText,
    /// Where its people may be sent back, compared exactly.
    pub redirect_uris: Vec<String>,
}

/// The issuer's routes, to serve at the address that its URL names.
pub fn router(settings: IssuerSettings, clock: Arc<dyn Clock>) -> Router {
    let issuer = Issuer { settings, clock, codes: Mutex::default(), sessions: Mutex::default() };
    Router::new()
        .route("/.well-known/openid-configuration", get(metadata))
        .route("/jwks", get(jwks))
        .route("/authorize", get(authorize::show).post(authorize::choose))
        .route("/token", post(token::token))
        .route("/style.css", get(pages::style))
        .with_state(Arc::new(issuer))
}

/// The issuer at work.
struct Issuer {
    settings: IssuerSettings,
    clock: Arc<dyn Clock>,
    codes: Mutex<HashMap<String, Code>>,
    sessions: Mutex<HashMap<String, Session>>,
}

/// What a code stands for.
struct Code {
    client: String,
    redirect_uri: String,
    challenge: String,
    nonce: Option<String>,
    session: Session,
    until: Moment,
}

/// Who is signed in, in one browser.
#[derive(Clone, Copy)]
struct Session {
    persona: &'static Persona,
    auth_time: Moment,
    stepped_up: bool,
}

impl Issuer {
    fn client(&self, id: &str) -> Option<&Client> {
        self.settings.clients.iter().find(|client| client.id == id)
    }

    fn persona(&self, sub: &str) -> Option<&'static Persona> {
        self.settings.personas.iter().find(|persona| persona.sub == sub)
    }
}

impl Session {
    const fn acr(&self) -> &'static str {
        if self.stepped_up { ACR_STEPPED_UP } else { ACR_EVERYDAY }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn metadata(State(issuer): State<Arc<Issuer>>) -> Response {
    let url = &issuer.settings.url;
    Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/jwks"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "scopes_supported": ["openid", "profile"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "acr_values_supported": [ACR_EVERYDAY, ACR_STEPPED_UP],
        "claims_supported": ["sub", "name", "birthdate", "auth_time", "acr", "unefois_mandates", "unefois_neq"],
        "ui_locales_supported": ["fr", "en"],
        "unefois_development": true,
    }))
    .into_response()
}

async fn jwks(State(issuer): State<Arc<Issuer>>) -> Response {
    Json(json!({ "keys": [issuer.settings.key.jwk()] })).into_response()
}

#[cfg(test)]
mod tests;
