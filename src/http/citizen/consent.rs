//! The question, and the person's answer.

use std::sync::Arc;

use askama::Template as _;
use axum::extract::State;
use axum::http::StatusCode;

use super::flow::{Flow, asked_for, finish, flow, leave, step_up};
use super::notice::{Values, notice};
use super::sign_in::begin;
use super::{beginner, other_person, person};
use crate::broker::{Asked, Chosen, Refusal};
use crate::clock::Moment;
use crate::domain::AttributeId;
use crate::http::browser::{Browser, Stop};
use crate::http::oauth::{Pushed, Pushes};
use crate::http::visit::{Answer, Opened, Posted};
use crate::http::{App, view};
use crate::identity::AuthenticatedPerson;
use crate::pages::{Consent, Outcome};

/// `GET /{language}/consentement`: the question, with the exact values.
pub(in crate::http) async fn consent(State(app): State<Arc<App>>, Opened(mut browser): Opened) -> Answer {
    let person = beginner(&app, &browser)?;
    let (_, pushed, asked) = consent_asked(&app, &browser).await?;
    if step_up(&app, &asked.ask.purpose, asked_for(&asked)) && !person.express() {
        return begin(&app, &mut browser).await;
    }
    let shown = browser.session.show(app.broker.now());
    app.keep(&browser).await?;
    let (page, _) = question(&app, &browser, &person, &asked, shown).await?;
    Ok(app.page(&browser, StatusCode::OK, page.render(), &[&pushed.redirect_uri]))
}

/// `POST /{language}/consentement`
pub(in crate::http) async fn answer_consent(State(app): State<Arc<App>>, Posted(mut browser, form): Posted) -> Answer {
    let person = person(&app, &browser)?;
    let (handle, pushed, asked) = consent_asked(&app, &browser).await?;
    let shown = browser.session.shown().ok_or_else(|| app.refused(&browser, &Refusal::State))?;
    let (mut page, values) = question(&app, &browser, &person, &asked, shown).await?;
    let told = |language| page.told(language);
    let (notice, text) = notice(Consent::TEMPLATE, told, &values, &browser, shown)
        .ok_or_else(|| app.refused(&browser, &Refusal::State))?;
    let ticked = |name| form.list(name).filter_map(|id| id.parse::<AttributeId>().ok());
    let chosen = Chosen {
        optional: ticked("with").chain(ticked("express")).collect(),
        express: ticked("express").collect(),
        notice,
        text,
        control: form.get("choice").unwrap_or_default().to_owned(),
        same_session: browser.session.is_same(),
    };
    let (choice, again) = (form.get("choice"), form.get("again").is_some());
    // The values are shown, or agreed to, only as strongly signed in as for the question itself: that may have aged.
    let on_values = choice == Some("yes") || (choice.is_none() && again);
    if on_values && chosen.same_session && step_up(&app, &asked.ask.purpose, asked_for(&asked)) && !person.express() {
        return begin(&app, &mut browser).await;
    }
    match choice {
        // Who began the question is asked again; of another's yes the rules say what it is worth, and the log keeps it.
        Some("yes") if chosen.same_session && (page.lacks_value() || view::lacks_express(&mut page, &chosen)) => {
            Ok(app.page(&browser, StatusCode::UNPROCESSABLE_ENTITY, page.render(), &[&pushed.redirect_uri]))
        }
        Some("yes") => {
            let given = app.broker.give(&person, app.request(&handle), &asked, &chosen).await;
            let given = given.map_err(|it| app.refused(&browser, &it))?;
            finish(&app, &mut browser, &handle, &pushed, given.into()).await
        }
        // No rule speaks of a no: it is told here that it would be another's.
        Some("no") if !chosen.same_session => Err(other_person(&app, &browser)),
        Some("no") => {
            let declined = app.broker.decline(&person, app.request(&handle), &asked, &chosen).await;
            declined.map_err(|it| app.refused(&browser, &it))?;
            leave(&app, &mut browser).await
        }
        Some("leave") => leave(&app, &mut browser).await,
        // Enter, pressed in a box: nothing is decided.
        None if again && !chosen.same_session => Err(other_person(&app, &browser)),
        None if again => {
            view::keep_ticks(&mut page, &chosen);
            Ok(app.page(&browser, StatusCode::OK, page.render(), &[&pushed.redirect_uri]))
        }
        _ => Err(app.message(&browser, StatusCode::BAD_REQUEST, Outcome::BadRequest, None, None)),
    }
}

async fn consent_asked(app: &App, browser: &Browser) -> Result<(String, Box<Pushed>, Asked), Stop> {
    match flow(app, browser).await? {
        Flow::Request(handle, pushed) => match pushed.what.clone() {
            Pushes::Consent(asked) => Ok((handle, pushed, asked)),
            Pushes::Relying(_) | Pushes::Session(_) => Err(app.refused(browser, &Refusal::Unknown)),
        },
        Flow::Draft(..) => Err(app.refused(browser, &Refusal::Unknown)),
    }
}

/// The question as it stands before the person.
async fn question(
    app: &App,
    browser: &Browser,
    person: &AuthenticatedPerson,
    asked: &Asked,
    shown: Moment,
) -> Result<(Consent, Values), Stop> {
    let attributes = asked.ask.attributes.union(&asked.ask.optional).cloned().collect();
    let values = app.broker.preview(person, attributes).await.map_err(|it| app.refused(browser, &it))?;
    let in_force = app.broker.in_force();
    let chrome = app.chrome(browser, "consentement");
    let custodian = app.broker.custodian();
    let page = view::consent(chrome, in_force.catalogue(), custodian, person, asked, &values, shown);
    let page = page.ok_or_else(|| app.refused(browser, &Refusal::Unknown))?;
    Ok((page, values))
}
