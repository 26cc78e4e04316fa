//! The authorization server's side that clients call: metadata, keys, pushed requests, tokens (FAPI 2.0 5.3.2).

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::App;
use super::form::Form;
use super::problem::{not_authenticated_oauth, oauth, oauth_error};
use super::rar::{self, Details};
use crate::broker::{Asked, Given, PortalSession, Refusal, Relying, Request, Wish};
use crate::clock::Moment;
use crate::crypto::{equal, random, sha256};
use crate::domain::{Client, ClientId, ConsentId, GrantId, Role, SessionAsk, Terms};
use crate::ephemeral::{Lost, Space};
use crate::identity::{
    ASSERTION_TYPE, AccessClaims, AuthenticatedBody, Confirmation, Granted, LONGEST_LIFE, NotAuthenticated,
    ProvenRequest,
};
use crate::jose::b64;

/// Life of a pushed request, in seconds: FAPI allows less than 600.
const PUSHED_LIFE: u32 = 300;
/// Life of a code, in seconds: FAPI allows 60.
const CODE_LIFE: u32 = 60;
const REQUEST_URI: &str = "urn:ietf:params:oauth:request_uri:";
/// Longest `state`, in bytes.
const LONGEST_STATE: usize = 4_096;

/// Path of the pushed-authorization-request endpoint.
pub(super) const PAR: &str = "/oauth/par";
/// Path of the authorization endpoint.
pub(super) const AUTHORIZE: &str = "/oauth/authorize";
/// Path of the token endpoint.
pub(super) const TOKEN: &str = "/oauth/token";
/// Path of the agencies' resource; also its audience's.
pub(super) const AGENCY_RESOURCE: &str = "/v1";
/// Path of the portals' resource.
pub(super) const PORTAL_RESOURCE: &str = "/v1/records";
/// Path of the sources' resource.
pub(super) const SOURCE_RESOURCE: &str = "/v1/attestations";

/// What a client pushed, until its person comes.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Pushed {
    pub(super) client: ClientId,
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
    challenge: String,
    jkt: Option<String>,
    pub(super) what: Pushes,
}

/// What was pushed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) enum Pushes {
    /// An agency's ask for a consent.
    Consent(Asked),
    /// What an agency gets without asking.
    Relying(Relying),
    /// A portal's ask for a session.
    Session(SessionAsk),
}

/// What a code stands for.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Code {
    client: ClientId,
    redirect_uri: String,
    challenge: String,
    jkt: Option<String>,
    grants: Grants,
}

/// What a person granted.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(clippy::large_enum_variant, reason = "one lives for the time of one request")]
pub(super) enum Grants {
    /// Releases under a consent.
    Consent { grant: GrantId, consent: ConsentId, terms: Terms, sub: String },
    /// Releases on another basis, of which the person was told.
    Basis { grant: GrantId, relying: Relying, until: Moment, sub: String },
    /// Checks and drafts in a session.
    Session(PortalSession),
}

impl From<Wish> for Pushes {
    fn from(wish: Wish) -> Self {
        match wish {
            Wish::Consent(asked) => Self::Consent(asked),
            Wish::Relying(relying) => Self::Relying(relying),
        }
    }
}

impl From<Given> for Grants {
    fn from(given: Given) -> Self {
        let Given { consent, grant, terms, pseudonym, .. } = given;
        Self::Consent { grant, consent, terms, sub: pseudonym.to_string() }
    }
}

/// `GET /.well-known/oauth-authorization-server` (RFC 8414).
pub(super) async fn server_metadata(State(app): State<Arc<App>>) -> Response {
    let issuer = app.issuer();
    let resources = [AGENCY_RESOURCE, PORTAL_RESOURCE, SOURCE_RESOURCE].map(|path| format!("{issuer}{path}"));
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}{AUTHORIZE}"),
        "token_endpoint": format!("{issuer}{TOKEN}"),
        "pushed_authorization_request_endpoint": format!("{issuer}{PAR}"),
        "require_pushed_authorization_requests": true,
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES256", "EdDSA"],
        "dpop_signing_alg_values_supported": ["ES256", "EdDSA"],
        "authorization_response_iss_parameter_supported": true,
        "authorization_details_types_supported":
            [format!("{issuer}{}", rar::DATA_RELEASE), format!("{issuer}{}", rar::PORTAL_SESSION)],
        "ui_locales_supported": ["fr", "en"],
        "protected_resources": resources,
    }))
    .into_response()
}

/// `GET /.well-known/oauth-protected-resource/v1` (RFC 9728).
pub(super) async fn agency_metadata(State(app): State<Arc<App>>) -> Response {
    resource_metadata(&app, AGENCY_RESOURCE, &[rar::DATA_RELEASE])
}

/// `GET /.well-known/oauth-protected-resource/v1/records` (RFC 9728).
pub(super) async fn portal_metadata(State(app): State<Arc<App>>) -> Response {
    resource_metadata(&app, PORTAL_RESOURCE, &[rar::PORTAL_SESSION])
}

/// `GET /.well-known/oauth-protected-resource/v1/attestations` (RFC 9728).
pub(super) async fn source_metadata(State(app): State<Arc<App>>) -> Response {
    resource_metadata(&app, SOURCE_RESOURCE, &[])
}

fn resource_metadata(app: &App, path: &str, details: &[&str]) -> Response {
    let issuer = app.issuer();
    let details: Vec<String> = details.iter().map(|path| format!("{issuer}{path}")).collect();
    Json(json!({
        "resource": format!("{issuer}{path}"),
        "authorization_servers": [issuer],
        "jwks_uri": format!("{issuer}/jwks"),
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": ["ES256", "EdDSA"],
        "dpop_bound_access_tokens_required": true,
        "authorization_details_types_supported": details,
    }))
    .into_response()
}

/// `GET /jwks`: the keys that sign, each with its place in the log.
pub(super) async fn jwks(State(app): State<Arc<App>>) -> Response {
    match app.broker.ledger().key_history() {
        Ok(keys) => Json(&*keys).into_response(),
        Err(fault) => oauth(&Refusal::from(fault), "server_error"),
    }
}

/// `POST /oauth/par` (RFC 9126).
pub(super) async fn par(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = push(&app, &headers, &body).await.unwrap_or_else(|refused| *refused);
    app.with_nonce(answer)
}

/// `POST /oauth/token`.
pub(super) async fn token(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = grant(&app, &headers, &body).await.unwrap_or_else(|refused| *refused);
    app.with_nonce(answer)
}

/// An answer that ends a request early; boxed, since most do not.
type Refused = Box<Response>;

fn refused(status: StatusCode, error: &str) -> Refused {
    Box::new(oauth_error(status, error))
}

fn bad(error: &str) -> Refused {
    refused(StatusCode::BAD_REQUEST, error)
}

async fn push(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<Response, Refused> {
    let form = read_form(headers, body)?;
    let (caller, registered) = authenticate(app, &form).await?;
    if form.get("request_uri").is_some() || form.get("request").is_some() {
        return Err(bad("invalid_request"));
    }
    let redirect_uri = form.get("redirect_uri").filter(|uri| registered.redirect_uris.contains(*uri));
    let redirect_uri = redirect_uri.ok_or_else(|| bad("invalid_request"))?.to_owned();
    let challenge = form.get("code_challenge").filter(|challenge| b64::decode_array::<32>(challenge).is_ok());
    let s256 = form.get("code_challenge_method") == Some("S256");
    if form.get("response_type") != Some("code") || !s256 {
        return Err(bad("invalid_request"));
    }
    let challenge = challenge.ok_or_else(|| bad("invalid_request"))?.to_owned();
    let state = form.get("state").map(str::to_owned);
    if state.as_ref().is_some_and(|state| state.len() > LONGEST_STATE) {
        return Err(bad("invalid_request"));
    }
    let jkt = proven_key(app, headers, PAR, form.get("dpop_jkt")).await?;
    let what = pushes(app, &caller, &form).await?;
    let client = caller.client().clone();
    let pushed = Pushed { client, redirect_uri, state, challenge, jkt, what };
    let handle = random_name()?;
    app.put(Space::PushedRequest, &handle, &pushed, PUSHED_LIFE).await.map_err(lost)?;
    let answer = Json(json!({"request_uri": format!("{REQUEST_URI}{handle}"), "expires_in": PUSHED_LIFE}));
    Ok((StatusCode::CREATED, answer).into_response())
}

/// Decides what is pushed: the rules speak before any person is there.
async fn pushes(app: &App, caller: &AuthenticatedBody, form: &Form) -> Result<Pushes, Refused> {
    const DENIED: &str = "invalid_authorization_details";
    let details = form.get("authorization_details").ok_or_else(|| bad(DENIED))?;
    let details = rar::parse(app.issuer(), details).map_err(|_| bad(DENIED))?;
    let resource = form.get("resource");
    let told = |refusal: Refusal| Box::new(oauth(&refusal, DENIED));
    match details {
        Details::Consent(ask) => {
            app.same_resource(resource, AGENCY_RESOURCE).map_err(bad)?;
            app.broker.ask(caller, ask).await.map(Pushes::from).map_err(told)
        }
        Details::Session(ask) => {
            app.same_resource(resource, PORTAL_RESOURCE).map_err(bad)?;
            app.broker.ask_session(caller, ask).await.map(Pushes::Session).map_err(told)
        }
    }
}

async fn grant(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<Response, Refused> {
    let form = read_form(headers, body)?;
    let (caller, registered) = authenticate(app, &form).await?;
    let client = caller.client().clone();
    match form.get("grant_type") {
        Some("authorization_code") => redeem(app, headers, &form, client).await,
        Some("client_credentials") => match &registered.role {
            Role::Source { .. } => admit(app, headers, &form, client).await,
            Role::Agency { .. } => hold(app, headers, &form, &caller).await,
            // A portal has its tokens from a person's session alone.
            Role::Relay {} | Role::Collector { .. } => Err(bad("unauthorized_client")),
        },
        _ => Err(bad("unsupported_grant_type")),
    }
}

/// A token for a source (RFC 6749 4.4), which rests on nobody's grant: what it may attest is decided at each attestation.
async fn admit(app: &App, headers: &HeaderMap, form: &Form, client: ClientId) -> Result<Response, Refused> {
    app.same_resource(form.get("resource"), SOURCE_RESOURCE).map_err(bad)?;
    if form.get("authorization_details").is_some() {
        return Err(bad("invalid_authorization_details"));
    }
    let jkt = bound_key(app, headers).await?;
    let token = access_token(app, SOURCE_RESOURCE, client.to_string(), client, jkt, None)?;
    Ok(Json(json!({"access_token": token, "token_type": "DPoP", "expires_in": LONGEST_LIFE})).into_response())
}

/// Another token for what a client holds: a consent given to it, or carried to it in a reform. Whether the consent is not
/// there, not the client's or taken back, the answer is the same.
async fn hold(app: &App, headers: &HeaderMap, form: &Form, caller: &AuthenticatedBody) -> Result<Response, Refused> {
    const DENIED: &str = "invalid_authorization_details";
    app.same_resource(form.get("resource"), AGENCY_RESOURCE).map_err(bad)?;
    let details = form.get("authorization_details").ok_or_else(|| bad(DENIED))?;
    let consent = rar::held(app.issuer(), details).map_err(|_| bad(DENIED))?;
    let jkt = bound_key(app, headers).await?;
    let held = app.broker.held(caller, &consent).map_err(|refusal| Box::new(oauth(&refusal, DENIED)))?;
    let grants = held.map(Grants::from).ok_or_else(|| bad(DENIED))?;
    issue(app, caller.client().clone(), jkt, grants).await
}

/// The key that the token is to be bound to: no token is issued without one.
async fn bound_key(app: &App, headers: &HeaderMap) -> Result<String, Refused> {
    proven_key(app, headers, TOKEN, None).await?.ok_or_else(|| bad("invalid_dpop_proof"))
}

async fn redeem(app: &App, headers: &HeaderMap, form: &Form, client: ClientId) -> Result<Response, Refused> {
    let jkt = bound_key(app, headers).await?;
    let name = form.get("code").ok_or_else(|| bad("invalid_request"))?;
    let code: Option<Code> = app.take(Space::Code, name).await.map_err(lost)?;
    let code = code.ok_or_else(|| bad("invalid_grant"))?;
    let verifier = form.get("code_verifier").unwrap_or_default();
    let proven = equal(b64::encode(sha256(&[verifier.as_bytes()])).as_bytes(), code.challenge.as_bytes());
    let same = code.client == client && form.get("redirect_uri") == Some(code.redirect_uri.as_str());
    if !proven || !same || code.jkt.as_ref().is_some_and(|bound| *bound != jkt) {
        return Err(bad("invalid_grant"));
    }
    // The engine may have forgotten that it gave the code out; the record has not.
    let digest = sha256(&[b"code\n", name.as_bytes()]);
    let until = app.broker.now().plus(i64::from(CODE_LIFE));
    let first = app.broker.spend(digest, until).await.map_err(|refusal| Box::new(oauth(&refusal, "invalid_grant")))?;
    if !first {
        return Err(bad("invalid_grant"));
    }
    issue(app, client, jkt, code.grants).await
}

async fn issue(app: &App, client: ClientId, jkt: String, grants: Grants) -> Result<Response, Refused> {
    let issuer = app.issuer();
    let (resource, sub, grant_id, details) = match grants {
        Grants::Consent { grant, consent, terms, sub } => {
            (AGENCY_RESOURCE, sub, grant.to_string(), rar::granted(issuer, consent, &terms))
        }
        Grants::Basis { grant, relying, until, sub } => {
            (AGENCY_RESOURCE, sub, grant.to_string(), rar::told(issuer, &relying, until))
        }
        Grants::Session(session) => {
            let name = random_name()?;
            app.put(Space::PortalSession, &name, &session, PORTAL_LIFE).await.map_err(lost)?;
            (PORTAL_RESOURCE, client.to_string(), name, rar::granted_session(issuer, &session.ask))
        }
    };
    let granted = Granted { grant_id: grant_id.clone(), authorization_details: details.clone() };
    let access_token = access_token(app, resource, sub, client, jkt, Some(granted))?;
    let body = json!({
        "access_token": access_token, "token_type": "DPoP", "expires_in": LONGEST_LIFE, "grant_id": grant_id,
        "authorization_details": details,
    });
    Ok(Json(body).into_response())
}

/// An access token for the client at one of our resources.
fn access_token(
    app: &App,
    resource: &str,
    sub: String,
    client: ClientId,
    jkt: String,
    granted: Option<Granted>,
) -> Result<String, Refused> {
    let (issuer, now) = (app.issuer(), app.broker.now());
    let claims = AccessClaims {
        iss: issuer.to_owned(),
        aud: format!("{issuer}{resource}"),
        sub,
        client_id: client,
        iat: now.unix(),
        exp: now.plus(LONGEST_LIFE).unix(),
        jti: random_name()?,
        granted,
        cnf: Confirmation { jkt },
    };
    let signed = app.broker.gate().tokens().issue(&claims);
    signed.map_err(|fault| Box::new(oauth(&Refusal::from(fault), "server_error")))
}

/// Life of a portal's session once its token is issued, in seconds.
const PORTAL_LIFE: u32 = 3_600;

async fn authenticate(app: &App, form: &Form) -> Result<(AuthenticatedBody, Client), Refused> {
    let invalid = || refused(StatusCode::UNAUTHORIZED, "invalid_client");
    if form.get("client_secret").is_some() || form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
        return Err(invalid());
    }
    let (Some(id), Some(assertion)) = (form.get("client_id"), form.get("client_assertion")) else {
        return Err(invalid());
    };
    let in_force = app.broker.in_force();
    match app.broker.gate().client(in_force.catalogue(), id, assertion).await {
        Ok((caller, client)) if !in_force.is_stopped(caller.client()) => Ok((caller, client.clone())),
        Ok(_) => Err(invalid()),
        Err(fault) => {
            app.guard_lost(fault).await;
            Err(Box::new(not_authenticated_oauth(fault)))
        }
    }
}

/// The key that a DPoP proof shows, if there is one; it must be the one announced.
async fn proven_key(
    app: &App,
    headers: &HeaderMap,
    path: &str,
    announced: Option<&str>,
) -> Result<Option<String>, Refused> {
    let Some(proof) = single(headers, &HeaderName::from_static("dpop")).map_err(|()| bad("invalid_dpop_proof"))? else {
        return Ok(announced.map(str::to_owned));
    };
    let uri = format!("{}{path}", app.issuer());
    let request = ProvenRequest { method: "POST", uri: &uri, access_token: None };
    match app.broker.gate().proof(request, proof).await {
        Ok(jkt) if announced.is_none_or(|announced| announced == jkt) => Ok(Some(jkt)),
        Ok(_) => Err(bad("invalid_dpop_proof")),
        Err(fault) => {
            app.guard_lost(fault).await;
            Err(Box::new(not_authenticated_oauth(fault)))
        }
    }
}

fn read_form(headers: &HeaderMap, body: &[u8]) -> Result<Form, Refused> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") || headers.contains_key(header::AUTHORIZATION) {
        return Err(bad("invalid_request"));
    }
    Form::parse(body, &[]).map_err(|_| bad("invalid_request"))
}

fn lost(fault: Lost) -> Refused {
    Box::new(not_authenticated_oauth(NotAuthenticated::Guard(fault)))
}

/// The one value of a header; an error when there are several or it is not text.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        (Some(_), Some(_)) => Err(()),
    }
}

/// A random name of 256 bits.
pub(super) fn random_name() -> Result<String, Refused> {
    random::<32>().map(b64::encode).map_err(|fault| Box::new(oauth(&Refusal::from(fault), "server_error")))
}

impl App {
    /// The pushed request that a browser brings, if it is this client's. It can be read again until it is completed.
    pub(super) async fn pushed(&self, handle: &str) -> Result<Option<Pushed>, Lost> {
        self.get(Space::PushedRequest, handle).await
    }

    /// The pushed request as the record knows it: no engine has it longer than its life from now.
    pub(super) fn request(&self, handle: &str) -> Request {
        let until = self.broker.now().plus(i64::from(PUSHED_LIFE));
        Request { digest: sha256(&[b"request\n", handle.as_bytes()]), until }
    }

    /// Ends a pushed request with what the person granted: a code for the client, and where to send the person.
    pub(super) async fn complete(&self, handle: &str, pushed: &Pushed, grants: Grants) -> Result<String, Lost> {
        self.remove(Space::PushedRequest, handle).await?;
        let name = random::<32>().map(b64::encode).map_err(|_| Lost::Unavailable)?;
        let code = Code {
            client: pushed.client.clone(),
            redirect_uri: pushed.redirect_uri.clone(),
            challenge: pushed.challenge.clone(),
            jkt: pushed.jkt.clone(),
            grants,
        };
        self.put(Space::Code, &name, &code, CODE_LIFE).await?;
        Ok(self.back(&pushed.redirect_uri, &[("code", &name)], pushed.state.as_deref()))
    }

    /// Ends a pushed request without a grant: where to send the person.
    pub(super) async fn abandon(&self, handle: &str, pushed: &Pushed) -> Result<String, Lost> {
        self.remove(Space::PushedRequest, handle).await?;
        Ok(self.back(&pushed.redirect_uri, &[("error", "access_denied")], pushed.state.as_deref()))
    }

    /// A client's address with parameters, its state and our issuer (RFC 9207).
    pub(super) fn back(&self, uri: &str, parameters: &[(&str, &str)], state: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        if let Some(state) = state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", self.issuer());
        let joint = if uri.contains('?') { '&' } else { '?' };
        format!("{uri}{joint}{}", query.finish())
    }

    fn same_resource(&self, resource: Option<&str>, path: &str) -> Result<(), &'static str> {
        let same = resource.is_none_or(|resource| resource == format!("{}{path}", self.issuer()));
        if same { Ok(()) } else { Err("invalid_target") }
    }

    /// Adds the nonce to be used next, and forbids keeping the answer.
    pub(super) fn with_nonce(&self, mut response: Response) -> Response {
        if let Ok(nonce) = HeaderValue::from_str(&self.broker.gate().nonce()) {
            response.headers_mut().insert(HeaderName::from_static("dpop-nonce"), nonce);
        }
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// The handle in a `request_uri`.
pub(super) fn handle_of(request_uri: &str) -> Option<&str> {
    request_uri.strip_prefix(REQUEST_URI)
}

/// A type's JSON Schema.
pub(super) async fn data_release_schema(State(app): State<Arc<App>>) -> Response {
    schema(&app, include_str!("types/data-release.v1.json"), rar::DATA_RELEASE)
}

/// A type's JSON Schema.
pub(super) async fn portal_session_schema(State(app): State<Arc<App>>) -> Response {
    schema(&app, include_str!("types/portal-session.v1.json"), rar::PORTAL_SESSION)
}

fn schema(app: &App, text: &str, path: &str) -> Response {
    let mut schema: Value = serde_json::from_str(text).unwrap_or_default();
    if let Some(kind) = schema.pointer_mut("/properties/type") {
        *kind = json!({"const": format!("{}{path}", app.issuer())});
    }
    Json(schema).into_response()
}
