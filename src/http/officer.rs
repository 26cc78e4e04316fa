//! Officers: sign-in, a search that is itself entered, and one entry with its proof.

use std::sync::Arc;

use askama::Template as _;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;

use super::App;
use super::browser::{Browser, Stop};
use super::form::Form;
use super::view;
use super::visit::{Answer, Opened, Posted};
use crate::broker::{Recording, Refusal};
use crate::domain::{Query as LogQuery, StatusChange};
use crate::identity::AuthenticatedOfficer;
use crate::identity::login::{Callback, Manner};
use crate::pages::{Outcome, Search, SearchError, SearchForm};

/// `GET /login/officers`: the identity service sends the officer back.
pub(super) async fn signed_in(
    State(app): State<Arc<App>>,
    Query(callback): Query<Callback>,
    mut browser: Browser,
) -> Answer {
    let signed_in = app.finish_sign_in(&app.officers, &mut browser, callback).await?;
    let sign_outs = app.broker.sign_outs(&signed_in).map_err(|it| app.refused(&browser, &it))?;
    browser.session.sign_in_officer(signed_in, app.broker.now(), sign_outs);
    app.rename(&mut browser).await?;
    Ok(app.redirect(&browser, &format!("/{}/registre", browser.language.code())))
}

/// `GET /{language}/registre`: the search form.
pub(super) async fn search(State(app): State<Arc<App>>, Opened(mut browser): Opened) -> Answer {
    if browser.session.officer().is_none() {
        return app.begin_sign_in(&app.officers, &mut browser, Manner::EVERYDAY).await;
    }
    let page = form_page(&app, &browser, SearchForm::default(), Vec::new());
    Ok(app.page(&browser, StatusCode::OK, page.render(), &[]))
}

/// `POST /{language}/registre`: what was found. The search is entered before anything is shown.
pub(super) async fn find(State(app): State<Arc<App>>, Posted(browser, form): Posted) -> Answer {
    let officer = officer(&app, &browser)?;
    let sent = sent(&form);
    let (query, errors) = query(&form);
    if !errors.is_empty() {
        let page = form_page(&app, &browser, sent, errors);
        return Ok(app.page(&browser, StatusCode::UNPROCESSABLE_ENTITY, page.render(), &[]));
    }
    let found = app.broker.search(&officer, &sent.reason, query).await;
    let found = found.map_err(|it| refused(&app, &browser, &it))?;
    let in_force = app.broker.in_force();
    let mut page = form_page(&app, &browser, sent, Vec::new());
    page.results = Some(view::results(in_force.catalogue(), &found));
    Ok(app.page(&browser, StatusCode::OK, page.render(), &[]))
}

/// `POST /{language}/registre/entree`: one entry with its proof. The reading is entered before anything is shown.
pub(super) async fn open_entry(State(app): State<Arc<App>>, Posted(browser, form): Posted) -> Answer {
    let officer = officer(&app, &browser)?;
    let unknown = || app.refused(&browser, &Refusal::Unknown);
    let index = form.get("entry").and_then(|index| index.parse().ok()).ok_or_else(unknown)?;
    let reason = form.get("reason").unwrap_or_default();
    opened(&app, &browser, &officer, reason, index).await
}

/// `POST /{language}/registre/etat`: a death, or the end of a mandate, of the subject of an entry. Shows the new entry.
pub(super) async fn record_status(State(app): State<Arc<App>>, Posted(browser, form): Posted) -> Answer {
    let officer = officer(&app, &browser)?;
    let recording = recording(&form).ok_or_else(|| app.refused(&browser, &Refusal::BadValues))?;
    let entered = app.broker.record_status(&officer, &recording).await;
    let entered = entered.map_err(|it| refused(&app, &browser, &it))?;
    opened(&app, &browser, &officer, &recording.reason, entered).await
}

/// What the form says is to be recorded, where it says it.
fn recording(form: &Form) -> Option<Recording> {
    let text = |name| form.get(name).unwrap_or_default().trim().to_owned();
    let change = match form.get("change")? {
        "death" => StatusChange::Died { on: text("day").parse().ok()? },
        "mandate" => Some(text("mandate"))
            .filter(|mandate| !mandate.is_empty())
            .map(|mandate| StatusChange::MandateEnded { mandate })?,
        _ => return None,
    };
    Some(Recording {
        entry: form.get("entry")?.parse().ok()?,
        change,
        evidence: text("evidence"),
        reason: text("reason"),
    })
}

/// One entry's page. The reading is entered before anything is shown.
async fn opened(app: &App, browser: &Browser, officer: &AuthenticatedOfficer, reason: &str, index: u64) -> Answer {
    let seen = app.broker.open_entry(officer, reason, index).await;
    let seen = seen.map_err(|it| refused(app, browser, &it))?;
    let in_force = app.broker.in_force();
    let page = view::entry(app.chrome(browser, "registre"), in_force.catalogue(), in_force.loaded(), &seen);
    let page = page.ok_or_else(|| app.refused(browser, &Refusal::Unknown))?;
    Ok(app.page(browser, StatusCode::OK, page.render(), &[]))
}

/// `GET /{language}/registre/{index}`: an entry's proof with its act part closed, as a file. It names nobody.
pub(super) async fn closed_proof(
    State(app): State<Arc<App>>,
    Path((_, index)): Path<(String, u64)>,
    Opened(browser): Opened,
) -> Answer {
    officer(&app, &browser)?;
    let proof = app.broker.ledger().prove(index).map_err(|fault| app.refused(&browser, &fault.into()))?;
    let proof = proof.ok_or_else(|| app.refused(&browser, &Refusal::Unknown))?;
    Ok(view::download(&proof.to_string(), &format!("entree-{index}.tlog-proof")))
}

fn officer(app: &App, browser: &Browser) -> Result<AuthenticatedOfficer, Stop> {
    let ended = || app.message(browser, StatusCode::FORBIDDEN, Outcome::SessionEnded, None, None);
    browser.session.officer().ok_or_else(ended)
}

/// What the rules refuse an officer is a missing or ended delegation.
fn refused(app: &App, browser: &Browser, refusal: &Refusal) -> Stop {
    match refusal {
        Refusal::Denied(denial) => app.denied(browser, Outcome::NotAnOfficer, denial),
        other => app.refused(browser, other),
    }
}

fn form_page(app: &App, browser: &Browser, form: SearchForm, errors: Vec<SearchError>) -> Search {
    let in_force = app.broker.in_force();
    let (bodies, purposes) = view::choices(in_force.catalogue());
    let entry_href = format!("/{}/registre/entree", browser.language.code());
    Search { chrome: app.chrome(browser, "registre"), form, bodies, purposes, errors, results: None, entry_href }
}

fn sent(form: &Form) -> SearchForm {
    let text = |name| form.get(name).unwrap_or_default().to_owned();
    SearchForm {
        reason: text("reason"),
        event: text("event"),
        body: text("body"),
        purpose: text("purpose"),
        from: text("from"),
        to: text("to"),
    }
}

/// What is looked for, and what is wrong with the form.
fn query(form: &Form) -> (LogQuery, Vec<SearchError>) {
    let mut errors = Vec::new();
    if form.get("reason").is_none_or(|reason| reason.trim().is_empty()) {
        errors.push(SearchError::Reason);
    }
    let mut day = |name, error| match form.get(name).map(str::parse) {
        None => None,
        Some(Ok(day)) => Some(day),
        Some(Err(_)) => {
            errors.push(error);
            None
        }
    };
    let (from, to) = (day("from", SearchError::From), day("to", SearchError::To));
    let query = LogQuery {
        entry: None,
        event: form.get("event").map(str::to_owned),
        body: form.get("body").and_then(|body| body.parse().ok()),
        purpose: form.get("purpose").and_then(|purpose| purpose.parse().ok()),
        from,
        to,
        before: form.get("before").and_then(|before| before.parse().ok()),
    };
    (query, errors)
}
