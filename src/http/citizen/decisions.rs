//! What the person decided, what was released, and taking a consent back.

use std::sync::Arc;

use askama::Template as _;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::person;
use super::sign_in::begin;
use crate::broker::Refusal;
use crate::domain::ConsentId;
use crate::http::visit::{Answer, Opened, Posted};
use crate::http::{App, view};
use crate::pages::{Onward, Outcome, Receipt};

/// `GET /{language}/decisions`: what the person decided, and what was released.
pub(in crate::http) async fn decisions(State(app): State<Arc<App>>, Opened(mut browser): Opened) -> Answer {
    let Some(person) = browser.session.person(app.broker.now()) else { return begin(&app, &mut browser).await };
    let newest = app.broker.ledger().head().ok().and_then(|head| head.size.checked_sub(1));
    let shown = app.broker.decisions(&person, newest).await.map_err(|it| app.refused(&browser, &it))?;
    let records = app.broker.records(&person).map_err(|it| app.refused(&browser, &it))?;
    let in_force = app.broker.in_force();
    let chrome = app.chrome(&browser, "decisions");
    let page = view::decisions(chrome, in_force.catalogue(), &shown, &records, app.broker.now());
    Ok(app.page(&browser, StatusCode::OK, page.render(), &[]))
}

/// `GET /{language}/decisions/{consent}`: taking a consent back, to confirm.
pub(in crate::http) async fn withdrawal(
    State(app): State<Arc<App>>,
    Path((_, consent)): Path<(String, ConsentId)>,
    Opened(mut browser): Opened,
) -> Answer {
    let Some(person) = browser.session.person(app.broker.now()) else { return begin(&app, &mut browser).await };
    let shown = app.broker.decisions(&person, None).await.map_err(|it| app.refused(&browser, &it))?;
    let chrome = app.chrome(&browser, &format!("decisions/{consent}"));
    let in_force = app.broker.in_force();
    let page = shown.consents.iter().find(|shown| shown.consent.id == consent);
    let page = page.map(|shown| view::withdraw(chrome, in_force.catalogue(), shown, app.broker.now()));
    let page = page.ok_or_else(|| app.refused(&browser, &Refusal::Unknown))?;
    Ok(app.page(&browser, StatusCode::OK, page.render(), &[]))
}

/// `POST /{language}/decisions/{consent}`
pub(in crate::http) async fn withdraw(
    State(app): State<Arc<App>>,
    Path((_, consent)): Path<(String, ConsentId)>,
    Posted(browser, form): Posted,
) -> Answer {
    let person = person(&app, &browser)?;
    let onward = || Some(Onward::Decisions { href: format!("/{}/decisions", browser.language.code()) });
    if form.get("choice") != Some("withdraw") {
        return Err(app.message(&browser, StatusCode::OK, Outcome::Kept, None, onward()));
    }
    let index = app.broker.withdraw(&person, &consent).await.map_err(|it| app.refused(&browser, &it))?;
    let receipt = Receipt { at: app.broker.now(), index };
    Err(app.message(&browser, StatusCode::OK, Outcome::Withdrawn, Some(receipt), onward()))
}

/// `GET /{language}/preuves/{index}`: the entry proof of one of the person's own releases.
pub(in crate::http) async fn proof(
    State(app): State<Arc<App>>,
    Path((_, index)): Path<(String, u64)>,
    Opened(browser): Opened,
) -> Answer {
    let person = person(&app, &browser)?;
    let proof = app.broker.own_proof(&person, index).map_err(|it| app.refused(&browser, &it))?;
    Ok(view::download(&proof.to_string(), &format!("entree-{index}.tlog-proof")))
}
