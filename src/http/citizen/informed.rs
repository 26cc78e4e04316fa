//! What a body gets without the person's consent: read, and not decided.

use std::sync::Arc;

use askama::Template as _;
use axum::extract::State;
use axum::http::StatusCode;

use super::beginner;
use super::flow::{Flow, finish, flow, step_up};
use super::notice::{Values, notice};
use super::sign_in::begin;
use crate::broker::{Refusal, Relying};
use crate::clock::Moment;
use crate::domain::SubjectKind;
use crate::http::browser::{Browser, Stop};
use crate::http::oauth::{Grants, Pushed, Pushes};
use crate::http::visit::{Answer, Opened, Posted};
use crate::http::{App, view};
use crate::identity::AuthenticatedPerson;
use crate::pages::{Informed, Outcome};

/// `GET /{language}/avis`: what a body gets, with the exact values.
pub(in crate::http) async fn informed(State(app): State<Arc<App>>, Opened(mut browser): Opened) -> Answer {
    let person = beginner(&app, &browser)?;
    let (_, pushed, relying) = relied_on(&app, &browser).await?;
    if step_up(&app, &relying.purpose, &relying.attributes) && !person.express() {
        return begin(&app, &mut browser).await;
    }
    let shown = browser.session.show(app.broker.now());
    app.keep(&browser).await?;
    let (page, _) = told(&app, &browser, &person, &relying, shown).await?;
    Ok(app.page(&browser, StatusCode::OK, page.render(), &[&pushed.redirect_uri]))
}

/// `POST /{language}/avis`
pub(in crate::http) async fn read(State(app): State<Arc<App>>, Posted(mut browser, form): Posted) -> Answer {
    let person = beginner(&app, &browser)?;
    let (handle, pushed, relying) = relied_on(&app, &browser).await?;
    let shown = browser.session.shown().ok_or_else(|| app.refused(&browser, &Refusal::State))?;
    if form.get("read").is_none() {
        return Err(app.message(&browser, StatusCode::BAD_REQUEST, Outcome::BadRequest, None, None));
    }
    let (page, values) = told(&app, &browser, &person, &relying, shown).await?;
    let kept = notice(Informed::TEMPLATE, |language| page.told(language), &values, &browser, shown);
    let (notice, text) = kept.ok_or_else(|| app.refused(&browser, &Refusal::State))?;
    let informed = app.broker.inform(&person, app.request(&handle), &relying, &notice, &text).await;
    let informed = informed.map_err(|it| app.refused(&browser, &it))?;
    let (grant, until, sub) = (informed.grant, informed.until, informed.pseudonym.to_string());
    finish(&app, &mut browser, &handle, &pushed, Grants::Basis { grant, relying, until, sub }).await
}

async fn relied_on(app: &App, browser: &Browser) -> Result<(String, Box<Pushed>, Relying), Stop> {
    match flow(app, browser).await? {
        Flow::Request(handle, pushed) => match pushed.what.clone() {
            Pushes::Relying(relying) => Ok((handle, pushed, relying)),
            Pushes::Consent(_) | Pushes::Session(_) => Err(app.refused(browser, &Refusal::Unknown)),
        },
        Flow::Draft(..) => Err(app.refused(browser, &Refusal::Unknown)),
    }
}

/// The notice as it stands before the person.
async fn told(
    app: &App,
    browser: &Browser,
    person: &AuthenticatedPerson,
    relying: &Relying,
    shown: Moment,
) -> Result<(Informed, Values), Stop> {
    // None of these bases is of what an enterprise supplied.
    if person.who().kind == SubjectKind::Enterprise {
        return Err(app.refused(browser, &Refusal::State));
    }
    let values = app.broker.preview(person, relying.attributes.clone()).await;
    let values = values.map_err(|it| app.refused(browser, &it))?;
    let in_force = app.broker.in_force();
    let chrome = app.chrome(browser, "avis");
    let custodian = app.broker.custodian();
    let page = view::informed(chrome, in_force.catalogue(), custodian, person, relying, &values, shown);
    let page = page.ok_or_else(|| app.refused(browser, &Refusal::State))?;
    Ok((page, values))
}
