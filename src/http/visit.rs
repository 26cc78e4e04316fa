//! Where every page begins: the browser behind a request, as a handler's argument.
//!
//! Not here: what a page does with it. A request that is no visit of ours is answered here, with a page.
//! INVARIANT: no handler holds a posted form that is not the session's own.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};

use super::App;
use super::browser::{Browser, Stop};
use super::form::Form;
use crate::broker::Refusal;
use crate::domain::Language;

/// What a page's handler yields; a page that ends it early is its answer too.
pub(super) type Answer = Result<Response, Stop>;

/// What comes before any English.
const ENGLISH_GATE: &str = "/fr/english";

/// The browser that asks for a page, in the language of the address, which it reads from now on. English comes after
/// the gate.
pub(super) struct Opened(pub(super) Browser);

/// The browser that sends a form, and the form. English comes after the gate here too.
pub(super) struct Posted(pub(super) Browser, pub(super) Form);

/// An address that names no language speaks the one last read.
impl FromRequestParts<Arc<App>> for Browser {
    type Rejection = Stop;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Stop> {
        app.browser(&parts.headers, None).await
    }
}

impl FromRequestParts<Arc<App>> for Opened {
    type Rejection = Stop;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Stop> {
        let asked = language(parts, app).await;
        let mut browser = app.browser(&parts.headers, asked).await?;
        match asked {
            None => Err(app.refused(&browser, &Refusal::Unknown)),
            Some(Language::En) if browser.session.attested.is_none() => {
                Err(app.redirect(&browser, ENGLISH_GATE).into())
            }
            Some(language) => {
                let changed = browser.session.language != language;
                browser.session.language = language;
                app.keep_to_read(&mut browser, changed).await?;
                Ok(Self(browser))
            }
        }
    }
}

impl FromRequest<Arc<App>> for Posted {
    type Rejection = Stop;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Stop> {
        let (mut parts, body) = request.into_parts();
        let language = language(&mut parts, app).await.unwrap_or_default();
        let headers = parts.headers.clone();
        let body = Bytes::from_request(Request::from_parts(parts, body), app).await;
        let body = body.map_err(|refused| Stop::from(refused.into_response()))?;
        let (browser, form) = app.form(&headers, language, &body).await?;
        if language == Language::En && browser.session.attested.is_none() {
            return Err(app.redirect(&browser, ENGLISH_GATE).into());
        }
        Ok(Self(browser, form))
    }
}

/// The language that the address names.
async fn language(parts: &mut Parts, app: &Arc<App>) -> Option<Language> {
    let names = RawPathParams::from_request_parts(parts, app).await.ok()?;
    let (_, code) = names.iter().find(|(name, _)| *name == "language")?;
    [Language::Fr, Language::En].into_iter().find(|language| language.code() == code)
}
