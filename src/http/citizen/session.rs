//! A portal's session: what it may do while its person is there.

use std::sync::Arc;

use askama::Template as _;
use axum::extract::State;
use axum::http::StatusCode;

use super::beginner;
use super::flow::{Flow, finish, flow, leave};
use crate::broker::{PortalSession, Refusal};
use crate::domain::SessionAsk;
use crate::http::browser::{Browser, Stop};
use crate::http::oauth::{Grants, Pushed, Pushes};
use crate::http::visit::{Answer, Opened, Posted};
use crate::http::{App, view};

/// `GET /{language}/portail`: what a portal may do in this session.
pub(in crate::http) async fn session(State(app): State<Arc<App>>, Opened(browser): Opened) -> Answer {
    beginner(&app, &browser)?;
    let (_, pushed, ask) = session_asked(&app, &browser).await?;
    let in_force = app.broker.in_force();
    let page = view::session(app.chrome(&browser, "portail"), in_force.catalogue(), &pushed.client, &ask);
    let page = page.ok_or_else(|| app.refused(&browser, &Refusal::Unknown))?;
    Ok(app.page(&browser, StatusCode::OK, page.render(), &[&pushed.redirect_uri]))
}

/// `POST /{language}/portail`
pub(in crate::http) async fn answer_session(State(app): State<Arc<App>>, Posted(mut browser, form): Posted) -> Answer {
    let person = beginner(&app, &browser)?;
    let (handle, pushed, ask) = session_asked(&app, &browser).await?;
    if form.get("choice") != Some("yes") {
        return leave(&app, &mut browser).await;
    }
    let session = PortalSession { client: pushed.client.clone(), subject: *person.subject(), ask };
    finish(&app, &mut browser, &handle, &pushed, Grants::Session(session)).await
}

async fn session_asked(app: &App, browser: &Browser) -> Result<(String, Box<Pushed>, SessionAsk), Stop> {
    match flow(app, browser).await? {
        Flow::Request(handle, pushed) => match pushed.what.clone() {
            Pushes::Session(ask) => Ok((handle, pushed, ask)),
            Pushes::Consent(_) | Pushes::Relying(_) => Err(app.refused(browser, &Refusal::Unknown)),
        },
        Flow::Draft(..) => Err(app.refused(browser, &Refusal::Unknown)),
    }
}
