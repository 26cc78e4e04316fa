//! Pages that tell one thing: an outcome, a problem and its mend, the English gate, the front door.

use super::Chrome;
use crate::clock::Moment;
use crate::domain::Text;

/// Where a page leads on.
#[derive(Clone, Debug)]
pub enum Onward {
    /// Back to the site that sent the person.
    Back {
        /// Its address.
        href: String,
        /// What it is called.
        name: Text,
    },
    /// To the person's decisions.
    Decisions {
        /// Their address.
        href: String,
    },
    /// To sign in.
    SignIn {
        /// Where.
        href: String,
    },
    /// To the search, for an officer.
    Search {
        /// Its address.
        href: String,
    },
}

/// What an act left behind.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// When it was recorded.
    pub at: Moment,
    /// Index of its entry in the log.
    pub index: u64,
}

/// What a page has to tell. The texts are in `i18n`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// A consent was taken back.
    Withdrawn,
    /// A consent was kept.
    Kept,
    /// A draft became a record.
    Filed,
    /// A draft was thrown away.
    Dropped,
    /// The person signed out.
    SignedOut,
    /// The session ran out.
    SessionEnded,
    /// The request is used, too old or unknown.
    LinkExpired,
    /// The person changed between two steps.
    OtherPerson,
    /// Under 14, and no one with a mandate.
    TooYoung,
    /// No mandate to act for this subject.
    NoMandate,
    /// No delegation as an officer.
    NotAnOfficer,
    /// The rules refuse.
    Refused,
    /// The form was not understood.
    BadRequest,
    /// No such page.
    NotFound,
    /// Too many asks.
    TooMany,
    /// Something is in doubt, so nothing was done.
    Unavailable,
}

/// A page that tells an outcome.
#[derive(Clone, Debug)]
pub struct Message {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// What it tells.
    pub outcome: Outcome,
    /// What the act left behind.
    pub receipt: Option<Receipt>,
    /// Where it leads on; the front page otherwise.
    pub onward: Option<Onward>,
}

/// The page of a problem type (RFC 9457): its cause and its mend.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// The type, as in the answer.
    pub kind: String,
    /// The HTTP status that goes with it.
    pub status: u16,
    /// Title.
    pub title: Text,
    /// Why it happens.
    pub cause: Text,
    /// What mends it.
    pub mend: Text,
    /// Sections it rests on.
    pub sections: Vec<String>,
}

/// The English gate (C-11). Posts `attest` = `yes`; which group is never asked. Always in both languages.
#[derive(Clone, Debug)]
pub struct Attestation {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// The page to go on to, posted as `next`.
    pub next: String,
    /// The same in French.
    pub french_href: String,
}

/// The front door, before sign-in.
#[derive(Clone, Debug)]
pub struct Home {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// Where to sign in.
    pub sign_in_href: String,
}
