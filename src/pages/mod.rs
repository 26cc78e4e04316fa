//! The pages, as typed views: each is a struct that says what it shows, beside its template. One stylesheet, one icon,
//! both embedded; no script. A page needs nothing from another host and works under
//! `default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`.
//!
//! Not here: routes, cookies, headers, what a form's answer leads to (`http`).
//! INVARIANT: what others wrote is shown as text, never as markup, and cannot turn the direction of the page's text.
//! INVARIANT: two buttons that decide have the same class, size and row, and neither is the default of its form.
//!
//! Forms post back to [`Chrome::path`] unless a field says otherwise, with `csrf` and the fields that the page's
//! documentation names.

mod assets;
mod consent;
mod console;
mod decisions;
mod informed;
mod message;
mod notice;
mod portal;
mod safe;
mod value;

pub use assets::{Asset, ICON, STYLE};
pub use consent::{Consent, Custody, Item, OnFile, Tick};
pub use console::{
    Choice, Citation, Entry, PersonPart, Progress, Proof, Reason, Results, Row, Search, SearchError, SearchForm,
    Verdict,
};
pub use decisions::{Decided, Decisions, RecordLine, Released, State, Unasked, Withdraw};
pub use informed::{Ground, Informed};
pub use message::{Attestation, Home, Message, Onward, Outcome, Problem, Receipt};
pub use notice::{Abroad, Outside, Told};
pub use portal::{ActFor, Arrival, ConfirmDraft, DraftLine, Portal, Represented, Session, TooYoung, Wish};
pub use value::Value;

use crate::domain::{Body, Contact, Language, SubjectKind, Text};
use crate::i18n::{Phrase, Texts};

/// What surrounds every page.
#[derive(Clone, Debug)]
pub struct Chrome {
    /// Language of the page.
    pub language: Language,
    /// The same page in the other language (for English, by the attestation gate where it was not passed).
    pub other_language_href: Option<String>,
    /// Shows on top that everything is fictional.
    pub trial: bool,
    /// Name of the person or officer who is signed in.
    pub signed_in: Option<String>,
    /// Name of the person or enterprise whom the signed-in person represents.
    pub acting_for: Option<String>,
    /// What the subject is for whom the signed-in person acts: an enterprise is spoken to as one.
    pub subject: SubjectKind,
    /// Where the sign-out form posts (`csrf`).
    pub sign_out_href: String,
    /// Where the product's name leads.
    pub home_href: String,
    /// The session's form token, sent back as `csrf` by every form.
    pub csrf: String,
    /// This page's own path.
    pub path: String,
    /// Legal name of the body that runs the broker.
    pub custodian: Text,
    /// Whom to turn to for help: the custodian's person in charge.
    pub help: Contact,
}

/// A body as persons are told of it.
#[derive(Clone, Debug)]
pub struct Party {
    /// Legal name.
    pub name: Text,
    /// The provisions under which it is public, as in the catalogue.
    pub public_under: Vec<String>,
    /// Its person in charge of the protection of personal information.
    pub contact: Contact,
}

impl From<&Body> for Party {
    fn from(body: &Body) -> Self {
        Self { name: body.name.clone(), public_under: body.public_under.clone(), contact: body.contact.clone() }
    }
}

impl Chrome {
    fn texts(&self) -> &'static Texts {
        Texts::of(self.language)
    }

    /// The text for a person, or the one for an enterprise.
    fn word(&self, person: &'static str, enterprise: &'static str) -> Phrase {
        self.texts().say(match self.subject {
            SubjectKind::Person => person,
            SubjectKind::Enterprise => enterprise,
        })
    }

    fn other_texts(&self) -> &'static Texts {
        Texts::of(match self.language {
            Language::Fr => Language::En,
            Language::En => Language::Fr,
        })
    }
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
