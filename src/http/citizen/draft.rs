//! A portal's draft, which becomes a record only here.

use std::sync::Arc;

use askama::Template as _;
use axum::extract::State;
use axum::http::StatusCode;

use super::flow::{Flow, flow};
use super::{beginner, other_person, person};
use crate::broker::Refusal;
use crate::ephemeral::Space;
use crate::http::visit::{Answer, Opened, Posted};
use crate::http::{App, view};

/// `GET /{language}/brouillon`: a portal's draft, to confirm or not.
pub(in crate::http) async fn draft(State(app): State<Arc<App>>, Opened(browser): Opened) -> Answer {
    let person = beginner(&app, &browser)?;
    let Flow::Draft(_, waiting) = flow(&app, &browser).await? else {
        return Err(app.refused(&browser, &Refusal::Unknown));
    };
    let seen = app.broker.draft_view(&person, &waiting.draft).map_err(|_| other_person(&app, &browser))?;
    let in_force = app.broker.in_force();
    let page = view::draft(app.chrome(&browser, "brouillon"), in_force.catalogue(), &waiting.client, &seen);
    let page = page.ok_or_else(|| app.refused(&browser, &Refusal::Unknown))?;
    Ok(app.page(&browser, StatusCode::OK, page.render(), &[&waiting.redirect_uri]))
}

/// `POST /{language}/brouillon`
pub(in crate::http) async fn answer_draft(State(app): State<Arc<App>>, Posted(mut browser, form): Posted) -> Answer {
    let person = person(&app, &browser)?;
    let Flow::Draft(name, waiting) = flow(&app, &browser).await? else {
        return Err(app.refused(&browser, &Refusal::Unknown));
    };
    let (confirmed, same_session) = (form.get("choice") == Some("yes"), browser.session.is_same());
    if !confirmed && !same_session {
        return Err(other_person(&app, &browser));
    }
    let done = if confirmed {
        app.broker.confirm(&person, &waiting.draft, browser.language, same_session).await.map(|_| ())
    } else {
        app.broker.discard(&person, &waiting.draft).await
    };
    done.map_err(|it| app.refused(&browser, &it))?;
    app.remove(Space::ConfirmUri, &name).await.map_err(|lost| app.lost(lost))?;
    browser.session.end_flow();
    app.keep(&browser).await?;
    let result = if confirmed { "done" } else { "abandoned" };
    let back = app.back(&waiting.redirect_uri, &[("result", result)], waiting.state.as_deref());
    Ok(app.redirect(&browser, &back))
}
