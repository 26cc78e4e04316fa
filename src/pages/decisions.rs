//! What a person decided, what was released under it, and taking it back.

use super::Chrome;
use crate::clock::Moment;
use crate::domain::{SubjectKind, Text};

/// One release under a consent.
#[derive(Clone, Debug)]
pub struct Released {
    /// When it was authorised.
    pub at: Moment,
    /// Labels of the attributes.
    pub attributes: Vec<Text>,
    /// Index of its entry in the log.
    pub index: u64,
    /// Where its proof is.
    pub proof_href: String,
}

/// Where a decision stands, with what is true there.
#[derive(Clone, Debug)]
pub enum State {
    /// It can carry releases.
    Active {
        /// When it was given.
        since: Moment,
        /// First moment at which it is no longer valid.
        until: Moment,
        /// Releases left; none is unlimited while it lasts.
        uses_left: Option<u32>,
    },
    /// It ran out.
    Expired {
        /// When it was given.
        since: Moment,
        /// When it ran out.
        until: Moment,
    },
    /// It was taken back.
    Withdrawn {
        /// When it was given.
        since: Moment,
        /// When it was taken back.
        at: Moment,
    },
    /// The person did not agree.
    Refused {
        /// When.
        at: Moment,
    },
}

/// One decision.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The body that asked.
    pub receiving: Text,
    /// The purpose's label.
    pub purpose: Text,
    /// Labels of the attributes; of a refused one, those asked for.
    pub attributes: Vec<Text>,
    /// Where it stands.
    pub state: State,
    /// Its releases, newest first.
    pub releases: Vec<Released>,
    /// Where it can be taken back, while it can.
    pub withdraw_href: Option<String>,
}

/// A record that is kept.
#[derive(Clone, Debug)]
pub struct RecordLine {
    /// Label of its kind.
    pub kind: Text,
    /// The body that holds it.
    pub holder: Text,
    /// When this version was recorded; the page tells the month.
    pub since: Moment,
}

/// A person's page: decisions, releases, records.
#[derive(Clone, Debug)]
pub struct Decisions {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// Whose page it is.
    pub subject: SubjectKind,
    /// Those that can carry releases.
    pub active: Vec<Decided>,
    /// Those that ran out or were taken back.
    pub ended: Vec<Decided>,
    /// Those refused.
    pub refused: Vec<Decided>,
    /// What is kept.
    pub records: Vec<RecordLine>,
}

/// Taking a consent back. Posts `choice` = `withdraw` or `keep`.
#[derive(Clone, Debug)]
pub struct Withdraw {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// Whether a consent or an enterprise's authorisation.
    pub subject: SubjectKind,
    /// The decision.
    pub decided: Decided,
}
