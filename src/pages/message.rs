//! Pages that tell one thing: an outcome, a problem and its mend, the English gate, the front door.

use super::{Chrome, Reason};
use crate::clock::Moment;
use crate::domain::{Language, Text};
use crate::i18n::Texts;

/// Where a page leads on.
#[derive(Clone, Debug)]
pub enum Onward {
    /// To the person's decisions.
    Decisions {
        /// Their address.
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
    /// The person signed out.
    SignedOut,
    /// The session ran out.
    SessionEnded,
    /// The request is used, too old or unknown.
    LinkExpired,
    /// The person answered before.
    Answered,
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
    /// Something is in doubt, so nothing was done.
    Unavailable,
}

/// A page that tells an outcome.
#[derive(askama::Template, Clone, Debug)]
#[template(path = "message.html", config = "src/pages/askama.toml")]
pub struct Message {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// What it tells.
    pub outcome: Outcome,
    /// Every reason of a refusal.
    pub reasons: Vec<Reason>,
    /// What the act left behind.
    pub receipt: Option<Receipt>,
    /// Where it leads on; the front page otherwise.
    pub onward: Option<Onward>,
}

/// The page of a problem type (RFC 9457): its cause and its mend.
#[derive(askama::Template, Clone, Debug)]
#[template(path = "problem.html", config = "src/pages/askama.toml")]
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

/// The English gate (C-11), always in both languages, French first. Posts `choice` = `attest` or `stay`, and `next`. Which group it is
/// is never asked.
#[derive(askama::Template, Clone, Debug)]
#[template(path = "attestation.html", config = "src/pages/askama.toml")]
pub struct Attestation {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// The page to go on to.
    pub next: String,
}

/// The front door, before sign-in.
#[derive(askama::Template, Clone, Debug)]
#[template(path = "home.html", config = "src/pages/askama.toml")]
pub struct Home {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// Where to sign in.
    pub sign_in_href: String,
}

/// The cases of which the person attests one.
const GROUPS: [&str; 5] = [
    "attestation.group_2021",
    "attestation.group_school",
    "attestation.group_indigenous",
    "attestation.group_arrival",
    "attestation.group_outside",
];

impl Attestation {
    /// What a person attests, word for word as the page says it.
    pub fn statement() -> Text {
        let said = |language| {
            let t = Texts::of(language);
            let keys = ["attestation.lead"].into_iter().chain(GROUPS).chain(["attestation.yes"]);
            keys.map(|key| t.say(key).to_string()).collect::<Vec<_>>().join("\n")
        };
        Text { fr: said(Language::Fr), en: said(Language::En) }
    }

    const fn groups() -> [&'static str; 5] {
        GROUPS
    }

    fn french() -> &'static Texts {
        Texts::of(Language::Fr)
    }

    fn english() -> &'static Texts {
        Texts::of(Language::En)
    }
}

impl Outcome {
    const fn title(self) -> &'static str {
        match self {
            Self::Withdrawn => "outcome.withdrawn_title",
            Self::Kept => "outcome.kept_title",
            Self::SignedOut => "outcome.signed_out_title",
            Self::SessionEnded => "outcome.session_ended_title",
            Self::LinkExpired => "outcome.link_expired_title",
            Self::Answered => "outcome.answered_title",
            Self::OtherPerson => "outcome.other_person_title",
            Self::TooYoung => "outcome.too_young_title",
            Self::NoMandate => "outcome.no_mandate_title",
            Self::NotAnOfficer => "outcome.not_an_officer_title",
            Self::Refused => "outcome.refused_title",
            Self::BadRequest => "outcome.bad_request_title",
            Self::NotFound => "outcome.not_found_title",
            Self::Unavailable => "outcome.unavailable_title",
        }
    }

    /// What an enterprise's representative reads in its place.
    const fn text_enterprise(self) -> &'static str {
        match self {
            Self::Withdrawn => "outcome.withdrawn_text_enterprise",
            other => other.text(),
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Withdrawn => "outcome.withdrawn_text",
            Self::Kept => "outcome.kept_text",
            Self::SignedOut => "outcome.signed_out_text",
            Self::SessionEnded => "outcome.session_ended_text",
            Self::LinkExpired => "outcome.link_expired_text",
            Self::Answered => "outcome.answered_text",
            Self::OtherPerson => "outcome.other_person_text",
            Self::TooYoung => "outcome.too_young_text",
            Self::NoMandate => "outcome.no_mandate_text",
            Self::NotAnOfficer => "outcome.not_an_officer_text",
            Self::Refused => "outcome.refused_text",
            Self::BadRequest => "outcome.bad_request_text",
            Self::NotFound => "outcome.not_found_text",
            Self::Unavailable => "outcome.unavailable_text",
        }
    }
}
