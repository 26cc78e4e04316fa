//! Persons: from a partner's site through sign-in to a decision and back; and their own page of decisions.
//!
//! One file per step of that way. `flow` remembers what brought the browser here, from its arrival to its end.

pub(super) mod anyone;
pub(super) mod arrival;
pub(super) mod consent;
pub(super) mod decisions;
pub(super) mod draft;
mod flow;
pub(super) mod informed;
mod notice;
pub(super) mod session;
pub(super) mod sign_in;

use axum::http::StatusCode;

use super::App;
use super::browser::{Browser, Stop};
use crate::identity::AuthenticatedPerson;
use crate::pages::Outcome;

/// The person who acts; a page where nobody does any more.
fn person(app: &App, browser: &Browser) -> Result<AuthenticatedPerson, Stop> {
    let ended = || app.message(browser, StatusCode::FORBIDDEN, Outcome::SessionEnded, None, None);
    browser.session.person(app.broker.now()).ok_or_else(ended)
}

/// The person who goes on with what they began here; a page where another came in since, or acts for another.
fn beginner(app: &App, browser: &Browser) -> Result<AuthenticatedPerson, Stop> {
    let person = person(app, browser)?;
    if browser.session.is_of_another() { Err(other_person(app, browser)) } else { Ok(person) }
}

/// The page that tells somebody that what is here is another's.
fn other_person(app: &App, browser: &Browser) -> Stop {
    app.message(browser, StatusCode::FORBIDDEN, Outcome::OtherPerson, None, None)
}
