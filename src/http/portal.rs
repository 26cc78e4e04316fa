//! What portals call with a token, their person present: what is on file, and drafts.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::App;
use super::form::Form;
use super::oauth::{PORTAL_RESOURCE, random_name};
use super::problem::{self, MALFORMED, NOT_FOUND};
use crate::broker::{PortalSession, Refusal};
use crate::domain::{ClientId, DraftId, KindId};
use crate::ephemeral::Space;
use crate::identity::{AuthenticatedBody, NotAuthenticated};
use crate::jose::object;

/// Life of a `confirm_uri`, in seconds.
const CONFIRM_LIFE: u32 = 3_600;
/// Longest `state`, in bytes.
const LONGEST_STATE: usize = 4_096;

/// A draft that waits for its person.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Waiting {
    pub(super) draft: DraftId,
    pub(super) client: ClientId,
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DraftRequest {
    values: Map<String, Value>,
    redirect_uri: String,
    #[serde(default)]
    state: Option<String>,
}

/// `GET /v1/records?kind=…`: on file, yes or no and the month.
pub(super) async fn check(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let answer = respond_check(&app, query.as_deref(), &headers).await.unwrap_or_else(|refused| *refused);
    app.with_nonce(answer)
}

/// `PUT /v1/records/{kind}`: a draft, which becomes a record only when the person confirms it.
pub(super) async fn draft(
    State(app): State<Arc<App>>,
    Path(kind): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answer = respond_draft(&app, &kind, &headers, &body).await.unwrap_or_else(|refused| *refused);
    app.with_nonce(answer)
}

async fn respond_check(app: &App, query: Option<&str>, headers: &HeaderMap) -> Result<Response, Box<Response>> {
    let portal = app.bearer(headers, "GET", PORTAL_RESOURCE, PORTAL_RESOURCE).await?;
    let session = session(app, &portal).await?;
    let malformed = || Box::new(problem::document(app.issuer(), &MALFORMED, json!({})));
    let form = Form::parse(query.unwrap_or_default().as_bytes(), &["kind"]).map_err(|_| malformed())?;
    let kinds: BTreeSet<KindId> =
        form.list("kind").map(|kind| kind.parse().map_err(|_| malformed())).collect::<Result<_, _>>()?;
    let kinds = if kinds.is_empty() { session.ask.checks.clone() } else { kinds };
    let on_file = app.broker.check(&portal, &session, kinds).await;
    let on_file = on_file.map_err(|refusal| Box::new(problem::problem(app.issuer(), &refusal)))?;
    Ok(Json(json!({"records": on_file})).into_response())
}

async fn respond_draft(app: &App, kind: &str, headers: &HeaderMap, body: &[u8]) -> Result<Response, Box<Response>> {
    let path = format!("{PORTAL_RESOURCE}/{kind}");
    let portal = app.bearer(headers, "PUT", &path, PORTAL_RESOURCE).await?;
    let session = session(app, &portal).await?;
    let malformed = || Box::new(problem::document(app.issuer(), &MALFORMED, json!({})));
    let json = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let request: DraftRequest = object(body).map_err(|_| malformed())?;
    let in_force = app.broker.in_force();
    let registered = in_force.catalogue().clients.get(portal.client());
    let known = registered.is_some_and(|client| client.redirect_uris.contains(&request.redirect_uri));
    let short = request.state.as_ref().is_none_or(|state| state.len() <= LONGEST_STATE);
    if !json.starts_with("application/json") || !known || !short {
        return Err(malformed());
    }
    let unknown = || Box::new(problem::document(app.issuer(), &NOT_FOUND, json!({})));
    let kind: KindId = kind.parse().map_err(|_| unknown())?;
    let drafted = app.broker.draft(&portal, &session, kind, request.values).await;
    let draft = drafted.map_err(|refusal| Box::new(problem::problem(app.issuer(), &refusal)))?;
    let waiting =
        Waiting { draft, client: portal.client().clone(), redirect_uri: request.redirect_uri, state: request.state };
    let name = random_name()?;
    let kept = app.put(Space::ConfirmUri, &name, &waiting, CONFIRM_LIFE).await;
    kept.map_err(|fault| Box::new(problem::problem(app.issuer(), &Refusal::from(fault))))?;
    let confirm_uri = format!("{}/confirm/{name}", app.issuer());
    Ok((StatusCode::CREATED, Json(json!({"confirm_uri": confirm_uri, "expires_in": CONFIRM_LIFE}))).into_response())
}

/// What the person let this portal do, in the session that its token was made for.
async fn session(app: &App, portal: &AuthenticatedBody) -> Result<PortalSession, Box<Response>> {
    let ended = || Box::new(problem::not_authenticated(app.issuer(), PORTAL_RESOURCE, NotAuthenticated::Token));
    let name = portal.token().and_then(|token| token.granted.as_ref()).ok_or_else(ended)?.grant_id.clone();
    let session: Option<PortalSession> = app
        .get(Space::PortalSession, &name)
        .await
        .map_err(|fault| Box::new(problem::problem(app.issuer(), &Refusal::from(fault))))?;
    session.filter(|session| session.client == *portal.client()).ok_or_else(ended)
}
