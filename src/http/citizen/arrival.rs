//! Arrival: an agency or a portal hands a person over, and the person goes on or back.

use std::sync::Arc;

use askama::Template as _;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;

use super::flow::{Flow, flow, leave, next};
use super::sign_in::{begin, hand_over, is_child_alone};
use crate::broker::Refusal;
use crate::ephemeral::Space;
use crate::http::browser::Browser;
use crate::http::form::Form;
use crate::http::oauth::handle_of;
use crate::http::portal::Waiting;
use crate::http::visit::{Answer, Opened, Posted};
use crate::http::{App, view};
use crate::pages::Outcome;

/// `GET /oauth/authorize`: an agency or a portal hands a person over.
pub(in crate::http) async fn authorize(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    mut browser: Browser,
) -> Answer {
    let form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).ok();
    let handle = form.as_ref().and_then(|form| handle_of(form.get("request_uri")?));
    let client = form.as_ref().and_then(|form| form.get("client_id"));
    let pushed = match handle {
        Some(handle) => app.pushed(handle).await.map_err(|lost| app.lost(lost))?,
        None => None,
    };
    // Nobody is sent back to an address that no pushed request vouches for.
    let known = pushed.is_some_and(|pushed| Some(pushed.client.as_str()) == client);
    let Some(handle) = handle.filter(|_| known) else {
        return Err(app.message(&browser, StatusCode::BAD_REQUEST, Outcome::LinkExpired, None, None));
    };
    browser.session.begin(format!("request:{handle}"));
    app.keep(&browser).await?;
    Ok(app.redirect(&browser, &format!("/{}/demande", browser.language.code())))
}

/// `GET /confirm/{name}`: a portal sends its person to confirm a draft. Good until it is answered, once.
pub(in crate::http) async fn confirm_uri(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    mut browser: Browser,
) -> Answer {
    let waiting: Option<Waiting> = app.get(Space::ConfirmUri, &name).await.map_err(|lost| app.lost(lost))?;
    if waiting.is_none() {
        return Err(app.message(&browser, StatusCode::NOT_FOUND, Outcome::LinkExpired, None, None));
    }
    browser.session.begin(format!("draft:{name}"));
    app.keep(&browser).await?;
    let next = if browser.session.person(app.broker.now()).is_some() { "brouillon" } else { "demande" };
    Ok(app.redirect(&browser, &format!("/{}/{next}", browser.language.code())))
}

/// `GET /{language}/demande`: who sent the person here, and what for.
pub(in crate::http) async fn arrival(State(app): State<Arc<App>>, Opened(browser): Opened) -> Answer {
    let flow = flow(&app, &browser).await?;
    let (client, redirect_uri) = flow.client();
    let in_force = app.broker.in_force();
    let kind = match &flow {
        Flow::Draft(_, waiting) => app.broker.draft_kind(&waiting.draft).map_err(|it| app.refused(&browser, &it))?,
        Flow::Request(..) => None,
    };
    let what = match &flow {
        Flow::Request(_, pushed) => Some(&pushed.what),
        Flow::Draft(..) => None,
    };
    let page = view::arrival(app.chrome(&browser, "demande"), in_force.catalogue(), client, what, kind.as_ref());
    let page = page.ok_or_else(|| app.refused(&browser, &Refusal::Unknown))?;
    Ok(app.page(&browser, StatusCode::OK, page.render(), &[redirect_uri, app.persons.issuer()]))
}

/// `POST /{language}/demande`
pub(in crate::http) async fn arrive(State(app): State<Arc<App>>, Posted(mut browser, form): Posted) -> Answer {
    if form.get("choice") != Some("continue") {
        return leave(&app, &mut browser).await;
    }
    if browser.session.person(app.broker.now()).is_some() {
        let next = next(&app, &browser).await?;
        return Ok(app.redirect(&browser, &next));
    }
    if browser.session.signed_in().is_some_and(|signed_in| is_child_alone(&app, signed_in)) {
        return hand_over(&app, &mut browser).await;
    }
    begin(&app, &mut browser).await
}
