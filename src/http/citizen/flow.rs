//! What brought the browser here, where it goes on, and how it ends.

use axum::http::StatusCode;

use super::other_person;
use crate::broker::{Asked, Refusal};
use crate::domain::{AttributeId, ClientId, PurposeId};
use crate::ephemeral::{Lost, Space};
use crate::http::App;
use crate::http::browser::{Browser, Stop};
use crate::http::oauth::{Grants, Pushed, Pushes};
use crate::http::portal::Waiting;
use crate::http::visit::Answer;
use crate::pages::Outcome;

/// What brought the browser here.
pub(super) enum Flow {
    Request(String, Box<Pushed>),
    Draft(String, Waiting),
}

impl Flow {
    pub(super) fn client(&self) -> (&ClientId, &str) {
        match self {
            Self::Request(_, pushed) => (&pushed.client, &pushed.redirect_uri),
            Self::Draft(_, waiting) => (&waiting.client, &waiting.redirect_uri),
        }
    }
}

/// Whether seeing these values, and consenting to their release, takes a stronger sign-in.
pub(super) fn step_up<'a>(
    app: &App,
    purpose: &PurposeId,
    attributes: impl IntoIterator<Item = &'a AttributeId>,
) -> bool {
    let in_force = app.broker.in_force();
    let catalogue = in_force.catalogue();
    attributes.into_iter().any(|id| catalogue.sensitive_for(id, purpose))
}

/// The attributes of a question.
pub(super) fn asked_for(asked: &Asked) -> impl Iterator<Item = &AttributeId> {
    asked.ask.attributes.iter().chain(&asked.ask.optional)
}

/// What brought the browser here; a page where it is over.
pub(super) async fn flow(app: &App, browser: &Browser) -> Result<Flow, Stop> {
    let ended = || {
        if browser.is_standby() {
            // What the browser keeps itself does not say what brought it here: that is out of reach, and not over.
            app.refused(browser, &Refusal::from(Lost::Unavailable))
        } else {
            app.message(browser, StatusCode::NOT_FOUND, Outcome::LinkExpired, None, None)
        }
    };
    let (kind, name) = browser.session.flow().and_then(|flow| flow.split_once(':')).ok_or_else(ended)?;
    let found = if kind == "draft" {
        let waiting: Option<Waiting> = app.get(Space::ConfirmUri, name).await.map_err(|lost| app.lost(lost))?;
        waiting.map(|waiting| Flow::Draft(name.to_owned(), waiting))
    } else {
        let pushed = app.pushed(name).await.map_err(|lost| app.lost(lost))?;
        pushed.map(|pushed| Flow::Request(name.to_owned(), Box::new(pushed)))
    };
    found.ok_or_else(ended)
}

/// Where a signed-in person goes on.
pub(super) async fn next(app: &App, browser: &Browser) -> Result<String, Stop> {
    let page = match browser.session.flow() {
        None => "decisions",
        Some(_) => match flow(app, browser).await? {
            Flow::Draft(..) => "brouillon",
            Flow::Request(_, pushed) => match pushed.what {
                Pushes::Consent(_) => "consentement",
                Pushes::Relying(_) => "avis",
                Pushes::Session(_) => "portail",
            },
        },
    };
    Ok(format!("/{}/{page}", browser.language.code()))
}

/// Ends a request with a grant, and sends the person back.
pub(super) async fn finish(app: &App, browser: &mut Browser, handle: &str, pushed: &Pushed, grants: Grants) -> Answer {
    let back = app.complete(handle, pushed, grants).await.map_err(|lost| app.lost(lost))?;
    browser.session.end_flow();
    app.keep(browser).await?;
    Ok(app.redirect(browser, &back))
}

/// Ends what brought the browser here without a grant, and sends the person back. Another's is not ended.
pub(super) async fn leave(app: &App, browser: &mut Browser) -> Answer {
    if browser.session.is_of_another() {
        return Err(other_person(app, browser));
    }
    let back = match flow(app, browser).await? {
        Flow::Request(handle, pushed) => app.abandon(&handle, &pushed).await.map_err(|lost| app.lost(lost))?,
        Flow::Draft(name, waiting) => {
            // The portal is told that it is over: then it is, and the draft goes with its time.
            app.remove(Space::ConfirmUri, &name).await.map_err(|lost| app.lost(lost))?;
            app.back(&waiting.redirect_uri, &[("result", "abandoned")], waiting.state.as_deref())
        }
    };
    browser.session.end_flow();
    app.keep(browser).await?;
    Ok(app.redirect(browser, &back))
}
