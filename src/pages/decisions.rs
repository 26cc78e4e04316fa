//! What a person decided, what was released under it, and taking it back.

use super::{Chrome, Citation};
use crate::clock::Moment;
use crate::domain::{SubjectKind, Text};
use crate::i18n::{Phrase, Texts};

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
    /// Every release that it allowed was made. A lost answer may still be delivered again, so it can be taken back.
    Used {
        /// When it was given.
        since: Moment,
        /// How many releases it allowed.
        most: u32,
    },
    /// It was taken back.
    Withdrawn {
        /// When it was given.
        since: Moment,
        /// When it was taken back.
        at: Moment,
    },
    /// Nothing is released under it for now. It can be taken back.
    Suspended {
        /// When it was given.
        since: Moment,
        /// When it was suspended.
        at: Moment,
    },
    /// It has lapsed.
    Lapsed {
        /// When it was given.
        since: Moment,
        /// When it lapsed.
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

/// A release that rested on no consent.
#[derive(Clone, Debug)]
pub struct Unasked {
    /// The body that received.
    pub receiving: Text,
    /// The purpose's label.
    pub purpose: Text,
    /// On what it rested, in the words of the register; none where there is no row.
    pub reason: Option<Text>,
    /// The sections applied.
    pub citations: Vec<Citation>,
    /// The release.
    pub released: Released,
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
#[derive(askama::Template, Clone, Debug)]
#[template(path = "decisions.html", config = "src/pages/askama.toml")]
pub struct Decisions {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// Those that can carry releases.
    pub active: Vec<Decided>,
    /// Those that can carry none, for now or for ever.
    pub ended: Vec<Decided>,
    /// Those refused.
    pub refused: Vec<Decided>,
    /// Releases on another basis, newest first.
    pub unasked: Vec<Unasked>,
    /// What is kept.
    pub records: Vec<RecordLine>,
}

/// Taking a consent back. Posts `choice` = `withdraw` or `keep`.
#[derive(askama::Template, Clone, Debug)]
#[template(path = "withdraw.html", config = "src/pages/askama.toml")]
pub struct Withdraw {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// The decision.
    pub decided: Decided,
}

/// Decisions that stand alike.
struct Group<'a> {
    id: &'static str,
    title: &'static str,
    empty: &'static str,
    decided: &'a [Decided],
}

impl Decisions {
    /// Whether it is a person's: what an enterprise supplied is released on its authorisation, or not at all.
    fn of_person(&self) -> bool {
        self.chrome.subject == SubjectKind::Person
    }

    fn groups(&self) -> [Group<'_>; 3] {
        let no_active = match self.chrome.subject {
            SubjectKind::Person => "decisions.no_active",
            SubjectKind::Enterprise => "decisions.no_active_enterprise",
        };
        [
            Group { id: "active", title: "decisions.active", empty: no_active, decided: &self.active },
            Group { id: "ended", title: "decisions.ended", empty: "decisions.no_ended", decided: &self.ended },
            Group { id: "refused", title: "decisions.refused", empty: "decisions.no_refused", decided: &self.refused },
        ]
    }
}

impl Decided {
    /// When it was given, where it was.
    const fn since(&self) -> Option<Moment> {
        match self.state {
            State::Active { since, .. }
            | State::Expired { since, .. }
            | State::Used { since, .. }
            | State::Withdrawn { since, .. }
            | State::Suspended { since, .. }
            | State::Lapsed { since, .. } => Some(since),
            State::Refused { .. } => None,
        }
    }

    /// How many releases it allowed, where all were made.
    fn used(&self, t: &'static Texts) -> Phrase {
        let most = match self.state {
            State::Used { most, .. } => most,
            _ => 0,
        };
        t.count(most.into(), "decisions.used_one", "decisions.used_many")
    }

    fn count(&self, t: &'static Texts) -> Phrase {
        let n = u64::try_from(self.releases.len()).unwrap_or(u64::MAX);
        t.count(n, "decisions.releases_one", "decisions.releases_many")
    }
}
