//! Pages for whoever comes: the first one, the gate before English, problems, and addresses that lead nowhere.

use std::sync::Arc;

use askama::Template as _;
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::broker::Refusal;
use crate::crypto::sha256;
use crate::domain::{Language, Text};
use crate::http::App;
use crate::http::browser::Browser;
use crate::http::form::Form;
use crate::http::problem::KINDS;
use crate::http::visit::{Answer, Opened, Posted};
use crate::identity::Attested;
use crate::jose::b64;
use crate::pages::{Attestation, Home, Problem};

/// `GET /`: French first.
pub(in crate::http) async fn root() -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, "/fr")]).into_response()
}

/// `GET /{language}`
pub(in crate::http) async fn home(State(app): State<Arc<App>>, Opened(browser): Opened) -> Answer {
    let chrome = app.chrome(&browser, "");
    let sign_in_href = format!("/{}/connexion", browser.language.code());
    let page = Home { chrome, sign_in_href };
    Ok(app.page(&browser, StatusCode::OK, page.render(), &[]))
}

/// `GET /{language}/english`: the gate before English.
pub(in crate::http) async fn gate(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    mut browser: Browser,
) -> Answer {
    browser.language = Language::Fr;
    app.keep_to_read(&mut browser, false).await?;
    let form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).unwrap_or_default();
    let next = form.get("vers").filter(|path| is_path(path)).unwrap_or_default().to_owned();
    let page = Attestation { chrome: app.chrome(&browser, "english"), next };
    Ok(app.page(&browser, StatusCode::OK, page.render(), &[]))
}

/// `POST /{language}/english`: what the person attested is kept with the session; on what ground is never asked.
pub(in crate::http) async fn attest(State(app): State<Arc<App>>, Posted(mut browser, form): Posted) -> Answer {
    let next = form.get("next").filter(|path| is_path(path)).unwrap_or_default();
    let attested = form.get("choice") == Some("attest");
    browser.session.attested = attested.then(|| Attested { at: app.broker.now(), statement: statement() });
    browser.session.language = if attested { Language::En } else { Language::Fr };
    app.keep(&browser).await?;
    let language = browser.session.language.code();
    Ok(app.redirect(&browser, format!("/{language}/{next}").trim_end_matches('/')))
}

/// What was attested, told apart from every other text that the page may have had.
fn statement() -> String {
    let Text { fr, en } = Attestation::statement();
    b64::encode(sha256(&[fr.as_bytes(), b"\n", en.as_bytes()]))
}

/// Whether this is a path of ours without more: nobody is sent elsewhere by what an address says.
fn is_path(path: &str) -> bool {
    path.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/')) && !path.starts_with('/')
}

/// `GET /problems/{slug}`: cause and mend of a kind of problem.
pub(in crate::http) async fn problem(
    State(app): State<Arc<App>>,
    Path(slug): Path<String>,
    browser: Browser,
) -> Answer {
    let kind = KINDS.iter().find(|kind| kind.slug == slug);
    let kind = kind.ok_or_else(|| app.refused(&browser, &Refusal::Unknown))?;
    let [title, cause, mend] = kind.texts();
    let chrome = app.chrome(&browser, "");
    let status = kind.status.as_u16();
    let page = Problem { chrome, kind: slug, status, title, cause, mend, sections: Vec::new() };
    Ok(app.page(&browser, StatusCode::OK, page.render(), &[]))
}

/// Any other address.
pub(in crate::http) async fn nowhere(State(app): State<Arc<App>>, browser: Browser) -> Answer {
    Err(app.refused(&browser, &Refusal::Unknown))
}
