//! The authorization endpoint: who sends whom, which persona it is, and back with a code.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Query, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, COOKIE, LOCATION, REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::pages::{self, Words};
use super::{CODE_LIFE, Client, Code, Issuer, MOST_SESSIONS, Session, lock};
use crate::crypto;
use crate::domain::Language;
use crate::identity::login::ACR_STEPPED_UP;
use crate::jose::b64;

/// What the relying party asks, as it stands in the URL; other parameters are ignored.
#[derive(Deserialize)]
pub(super) struct Asked {
    client_id: Option<String>,
    redirect_uri: Option<String>,
    response_type: Option<String>,
    scope: Option<String>,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    acr_values: Option<String>,
    prompt: Option<String>,
    ui_locales: Option<String>,
}

/// What the person presses: one of the three.
#[derive(Deserialize)]
pub(super) struct Choice {
    persona: Option<String>,
    confirm: Option<String>,
    refuse: Option<String>,
}

/// An ask that may be answered: the client and its redirect URI are known.
struct Ask<'a> {
    asked: &'a Asked,
    client: &'a Client,
    redirect_uri: &'a str,
    words: &'static Words,
    /// The ask's own URL, to which the page's buttons post.
    url: String,
}

type AskedOf = Result<Query<Asked>, QueryRejection>;

pub(super) async fn show(
    State(issuer): State<Arc<Issuer>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    asked: AskedOf,
) -> Response {
    let Some(ask) = Ask::of(&issuer, &asked, query) else { return unknown_client(&asked) };
    if let Err(error) = ask.check() {
        return ask.error(&issuer, error);
    }
    match session(&issuer, &headers) {
        Some((_, session)) if ask.steps_up() && !ask.prompts("login") && !ask.prompts("select_account") => {
            ask.confirmation(&session)
        }
        _ => ask.personas(&issuer),
    }
}

pub(super) async fn choose(
    State(issuer): State<Arc<Issuer>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    asked: AskedOf,
    choice: Result<Form<Choice>, FormRejection>,
) -> Response {
    let Some(ask) = Ask::of(&issuer, &asked, query) else { return unknown_client(&asked) };
    if let Err(error) = ask.check() {
        return ask.error(&issuer, error);
    }
    let Ok(Form(choice)) = choice else { return ask.personas(&issuer) };
    if choice.refuse.is_some() {
        return ask.error(&issuer, "access_denied");
    }
    let before = session(&issuer, &headers);
    let now = issuer.clock.now();
    let session = match (choice.persona.as_deref(), choice.confirm.as_deref(), &before) {
        (Some(sub), None, _) => {
            issuer.persona(sub).map(|persona| Session { persona, auth_time: now, stepped_up: false })
        }
        (None, Some(sub), Some((_, session))) if session.persona.sub == sub => {
            Some(Session { auth_time: now, stepped_up: true, ..*session })
        }
        _ => None,
    };
    let Some(session) = session else { return ask.personas(&issuer) };
    let Ok(id) = random_name() else { return ask.error(&issuer, "server_error") };
    remember(&issuer, before.map(|(old, _)| old), id.clone(), session);
    let mut response =
        if ask.steps_up() && !session.stepped_up { ask.confirmation(&session) } else { ask.code(&issuer, session) };
    let cookie = format!("{}={id}; Path=/; HttpOnly; SameSite=Lax", cookie_name(&issuer));
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

impl<'a> Ask<'a> {
    /// The ask, if its client and redirect URI are registered; else the browser must not be sent anywhere.
    fn of(issuer: &'a Issuer, asked: &'a AskedOf, query: Option<String>) -> Option<Self> {
        let Query(asked) = asked.as_ref().ok()?;
        let client = issuer.client(asked.client_id.as_deref()?)?;
        let redirect_uri =
            asked.redirect_uri.as_deref().filter(|uri| client.redirect_uris.iter().any(|it| it == uri))?;
        let url = format!("/authorize?{}", query.unwrap_or_default());
        Some(Self { asked, client, redirect_uri, words: pages::words(language(asked)), url })
    }

    /// What is wrong with the rest of the ask, as an OAuth error.
    fn check(&self) -> Result<(), &'static str> {
        if self.asked.response_type.as_deref() != Some("code") {
            return Err("unsupported_response_type");
        }
        if !holds(self.asked.scope.as_ref(), "openid") {
            return Err("invalid_scope");
        }
        let s256 = self.asked.code_challenge_method.as_deref() == Some("S256");
        let challenge = self.asked.code_challenge.as_deref().and_then(|text| b64::decode_array::<32>(text).ok());
        if !s256 || challenge.is_none() {
            return Err("invalid_request");
        }
        if self.prompts("none") { Err("login_required") } else { Ok(()) }
    }

    fn prompts(&self, word: &str) -> bool {
        holds(self.asked.prompt.as_ref(), word)
    }

    fn steps_up(&self) -> bool {
        holds(self.asked.acr_values.as_ref(), ACR_STEPPED_UP)
    }

    fn personas(&self, issuer: &Issuer) -> Response {
        self.words.choose(issuer.settings.personas, &self.url).respond(StatusCode::OK, &origin(self.redirect_uri))
    }

    fn confirmation(&self, session: &Session) -> Response {
        let prompt = if self.asked.prompt.is_none() { "&prompt=select_account" } else { "" };
        let page = self.words.confirm(session.persona, &self.url, format!("{}{prompt}", self.url));
        page.respond(StatusCode::OK, &origin(self.redirect_uri))
    }

    fn code(&self, issuer: &Issuer, session: Session) -> Response {
        let Ok(code) = random_name() else { return self.error(issuer, "server_error") };
        let now = issuer.clock.now();
        let kept = Code {
            client: self.client.id.clone(),
            redirect_uri: self.redirect_uri.to_owned(),
            challenge: self.asked.code_challenge.clone().unwrap_or_default(),
            nonce: self.asked.nonce.clone(),
            session,
            until: now.plus(CODE_LIFE),
        };
        let mut codes = lock(&issuer.codes);
        codes.retain(|_, code| now < code.until);
        codes.insert(code.clone(), kept);
        self.back(issuer, "code", &code)
    }

    fn error(&self, issuer: &Issuer, error: &str) -> Response {
        self.back(issuer, "error", error)
    }

    /// Sends the browser back with one parameter, the state, and the issuer (RFC 9207).
    fn back(&self, issuer: &Issuer, name: &str, value: &str) -> Response {
        let mut url = self.redirect_uri.to_owned();
        let mut separator = if url.contains('?') { '&' } else { '?' };
        let state = self.asked.state.as_deref().map(|state| ("state", state));
        for (name, value) in [(name, value), ("iss", &issuer.settings.url)].into_iter().chain(state) {
            let _ = write!(url, "{separator}{name}={}", percent(value));
            separator = '&';
        }
        let headers = [(LOCATION, url.as_str()), (CACHE_CONTROL, "no-store"), (REFERRER_POLICY, "no-referrer")];
        (StatusCode::SEE_OTHER, headers).into_response()
    }
}

fn unknown_client(asked: &AskedOf) -> Response {
    let language = asked.as_ref().map_or(Language::Fr, |Query(asked)| language(asked));
    pages::words(language).unknown_client().respond(StatusCode::BAD_REQUEST, "")
}

/// Whether a list separated by spaces holds a word.
fn holds(list: Option<&String>, word: &str) -> bool {
    list.is_some_and(|list| list.split(' ').any(|item| item == word))
}

/// English where it comes before French; else French.
fn language(asked: &Asked) -> Language {
    let mut tags = asked.ui_locales.as_deref().unwrap_or_default().split(' ');
    let first = tags.find_map(|tag| match tag.split('-').next() {
        Some("en") => Some(Language::En),
        Some("fr") => Some(Language::Fr),
        _ => None,
    });
    first.unwrap_or_default()
}

/// Who is signed in, in this browser, and the cookie that says so.
fn session(issuer: &Issuer, headers: &HeaderMap) -> Option<(String, Session)> {
    let name = cookie_name(issuer);
    let cookies = headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
    let mut pairs = cookies.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let id = pairs.find(|(key, _)| *key == name)?.1;
    Some((id.to_owned(), *lock(&issuer.sessions).get(id)?))
}

/// Cookies know no ports, and two issuers may share a host.
fn cookie_name(issuer: &Issuer) -> String {
    let port = issuer.settings.url.parse::<Uri>().ok().and_then(|url| url.port_u16()).unwrap_or_default();
    format!("dev_identity_{port}")
}

fn remember(issuer: &Issuer, old: Option<String>, id: String, session: Session) {
    let mut sessions = lock(&issuer.sessions);
    if let Some(old) = old {
        sessions.remove(&old);
    }
    if sessions.len() >= MOST_SESSIONS {
        sessions.clear();
    }
    sessions.insert(id, session);
}

fn origin(url: &str) -> String {
    let parts = url.parse::<Uri>().unwrap_or_default();
    match (parts.scheme_str(), parts.authority()) {
        (Some(scheme), Some(authority)) => format!("{scheme}://{authority}"),
        _ => String::new(),
    }
}

fn random_name() -> Result<String, crypto::Unavailable> {
    crypto::random::<32>().map(b64::encode)
}

/// RFC 3986: all but unreserved characters as `%XX`.
pub(super) fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
