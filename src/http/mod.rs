//! The surface: one table of routes, one file per caller.
//!
//! Handlers parse, hand over to `broker`, and turn what comes back into bytes. No rule and no record is touched here.
//! INVARIANT: what a caller learns of a refusal is decided in `problem`, and nowhere else.

mod agency;
mod attestations;
mod browser;
mod citizen;
mod form;
mod log;
mod oauth;
mod officer;
mod ops;
mod portal;
mod problem;
mod rar;
mod sign_in;
mod view;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::STRICT_TRANSPORT_SECURITY;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post, put};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::Instrument as _;

use self::citizen::{anyone, arrival, consent, decisions, draft, informed, session, sign_in as person};
pub use self::ops::ops;
use crate::broker::Broker;
use crate::ephemeral::{Lost, Space};
use crate::identity::NotAuthenticated;
use crate::identity::login::Login;
use crate::jose::b64;
use crate::pages::{ICON, STYLE};

/// Largest request body, in bytes.
const LARGEST_BODY: usize = 64 * 1024;

/// What handlers work with.
pub struct App {
    /// The jobs.
    pub broker: Broker,
    /// Sign-in of persons.
    pub persons: Login,
    /// Sign-in of officers.
    pub officers: Login,
    /// Whether everything is fictional, which every page says.
    pub trial: bool,
}

/// The routes. Adding one means adding a line here.
pub fn service(app: Arc<App>) -> Router {
    let secure = app.secure();
    Router::new()
        // Metadata and keys
        .route("/.well-known/oauth-authorization-server", get(oauth::server_metadata))
        .route("/.well-known/oauth-protected-resource/v1", get(oauth::agency_metadata))
        .route("/.well-known/oauth-protected-resource/v1/records", get(oauth::portal_metadata))
        .route("/.well-known/oauth-protected-resource/v1/attestations", get(oauth::source_metadata))
        .route("/jwks", get(oauth::jwks))
        .route("/types/data-release/v1.json", get(oauth::data_release_schema))
        .route("/types/portal-session/v1.json", get(oauth::portal_session_schema))
        // Clients
        .route(oauth::PAR, post(oauth::par))
        .route(oauth::TOKEN, post(oauth::token))
        .route(agency::RELEASES, post(agency::release))
        .route(oauth::SOURCE_RESOURCE, post(attestations::attest))
        .route("/v1/records", get(portal::check))
        .route("/v1/records/{kind}", put(portal::draft))
        // Persons
        .route(oauth::AUTHORIZE, get(arrival::authorize))
        .route("/confirm/{name}", get(arrival::confirm_uri))
        .route("/login/persons", get(person::signed_in))
        .route("/", get(anyone::root))
        .route("/{language}", get(anyone::home))
        .route("/{language}/demande", get(arrival::arrival).post(arrival::arrive))
        .route("/{language}/connexion", get(person::sign_in))
        .route("/{language}/quitter", post(person::sign_out))
        .route("/{language}/pour-qui", get(person::whom).post(person::choose_whom))
        .route("/{language}/portail", get(session::session).post(session::answer_session))
        .route("/{language}/brouillon", get(draft::draft).post(draft::answer_draft))
        .route("/{language}/consentement", get(consent::consent).post(consent::answer_consent))
        .route("/{language}/avis", get(informed::informed).post(informed::read))
        .route("/{language}/decisions", get(decisions::decisions))
        .route("/{language}/decisions/{consent}", get(decisions::withdrawal).post(decisions::withdraw))
        .route("/{language}/preuves/{index}", get(decisions::proof))
        .route("/{language}/english", get(anyone::gate).post(anyone::attest))
        // Officers
        .route("/login/officers", get(officer::signed_in))
        .route("/{language}/registre", get(officer::search).post(officer::find))
        .route("/{language}/registre/entree", post(officer::open_entry))
        .route("/{language}/registre/etat", post(officer::record_status))
        .route("/{language}/registre/{index}", get(officer::closed_proof))
        // Anyone
        .route("/log/checkpoint", get(log::checkpoint))
        .route("/log/vkey", get(log::vkey))
        .route("/problems/{slug}", get(anyone::problem))
        .route(STYLE.path(), get(async || browser::asset(&STYLE)))
        .route(ICON.path(), get(async || browser::asset(&ICON)))
        .fallback(anyone::nowhere)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn(move |request, next| observe(secure, request, next)))
        .with_state(app)
}

/// Gives each request an id, logs its route and outcome, and sets what every answer carries. Paths with identifiers are
/// never logged.
async fn observe(secure: bool, request: Request, next: Next) -> Response {
    let id = crate::crypto::random::<9>().map(b64::encode).unwrap_or_default();
    let method = request.method().clone();
    let route = request.extensions().get::<axum::extract::MatchedPath>().map(|path| path.as_str().to_owned());
    let span = tracing::info_span!("request", id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    span.in_scope(|| tracing::info!(%method, route = route.as_deref().unwrap_or("none"), status, "answered"));
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if secure {
        // Our host alone: what else its owner serves below it is not ours to promise for.
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000"));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    response
}

impl App {
    fn issuer(&self) -> &str {
        self.broker.issuer()
    }

    fn secure(&self) -> bool {
        self.issuer().starts_with("https://")
    }

    async fn put<T: Serialize + Sync>(&self, space: Space, name: &str, value: &T, lives: u32) -> Result<(), Lost> {
        let epoch = self.broker.gate().guard_epoch();
        let put = self.broker.ephemeral().put(epoch, space, name, value, lives).await;
        self.noted(put).await
    }

    async fn get<T: DeserializeOwned>(&self, space: Space, name: &str) -> Result<Option<T>, Lost> {
        let epoch = self.broker.gate().guard_epoch();
        let got = self.broker.ephemeral().get(epoch, space, name).await;
        self.noted(got).await
    }

    async fn take<T: DeserializeOwned>(&self, space: Space, name: &str) -> Result<Option<T>, Lost> {
        let epoch = self.broker.gate().guard_epoch();
        let taken = self.broker.ephemeral().take(epoch, space, name).await;
        self.noted(taken).await
    }

    async fn remove(&self, space: Space, name: &str) -> Result<(), Lost> {
        let epoch = self.broker.gate().guard_epoch();
        let removed = self.broker.ephemeral().remove(epoch, space, name).await;
        self.noted(removed).await
    }

    async fn noted<T>(&self, result: Result<T, Lost>) -> Result<T, Lost> {
        if let Err(lost) = &result {
            self.guard_lost(NotAuthenticated::Guard(*lost)).await;
        }
        result
    }

    /// An engine that forgot begins anew, so that the next request passes; this one does not.
    async fn guard_lost(&self, fault: NotAuthenticated) {
        if fault == NotAuthenticated::Guard(Lost::Stale)
            && let Err(refusal) = self.broker.restart_ephemeral().await
        {
            tracing::error!(%refusal, "the ephemeral engine does not begin anew");
        }
    }
}
