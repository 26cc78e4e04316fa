//! From a partner's site and back: arrival, whom the person acts for, what a portal may do in this session, and the
//! draft that it submitted.

use super::{Chrome, Party, Value};
use crate::domain::{Capacity, MandateKind, SubjectKind, Text};
use crate::i18n::{Phrase, Texts};

/// Who sent the person here.
#[derive(Clone, Debug)]
pub struct Portal {
    /// What the client is called on pages.
    pub name: Text,
    /// The body for which it acts.
    pub body: Party,
    /// For a collector: the capacity and title of the instrument under which it collects.
    pub instrument: Option<(Capacity, Text)>,
}

/// What the person will be asked.
#[derive(Clone, Debug)]
pub enum Wish {
    /// To decide on one purpose.
    Consent {
        /// The purpose's label.
        purpose: Text,
        /// Labels of the attributes asked for.
        attributes: Vec<Text>,
        /// Bodies that hold them.
        holders: Vec<Text>,
    },
    /// To read what the body gets without asking.
    Informed {
        /// The purpose's label.
        purpose: Text,
        /// Labels of the attributes.
        attributes: Vec<Text>,
        /// Bodies that hold them.
        holders: Vec<Text>,
    },
    /// To let a portal check and draft.
    Session {
        /// Labels of the kinds to check.
        checks: Vec<Text>,
        /// Labels of the kinds to draft.
        drafts: Vec<Text>,
    },
    /// To see and confirm a draft of this kind.
    Draft {
        /// Label of the kind.
        kind: Text,
    },
}

/// Arrival from a partner's site, before sign-in. Posts `choice` = `continue` or `leave`.
#[derive(askama::Template, Clone, Debug)]
#[template(path = "arrival.html", config = "src/pages/askama.toml")]
pub struct Arrival {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// Who sent the person.
    pub portal: Portal,
    /// What is asked.
    pub wish: Wish,
}

/// Somebody whom the signed-in person may represent.
#[derive(Clone, Debug)]
pub struct Represented {
    /// The form's value for this choice.
    pub value: String,
    /// Name.
    pub name: String,
    /// Person or enterprise.
    pub kind: SubjectKind,
    /// The power.
    pub mandate: MandateKind,
}

/// Whom the person acts for: one button each, posting `subject`.
#[derive(askama::Template, Clone, Debug)]
#[template(path = "act_for.html", config = "src/pages/askama.toml")]
pub struct ActFor {
    /// What surrounds the page; `signed_in` names the person.
    pub chrome: Chrome,
    /// The form's value for acting for oneself; none where the law does not let this person decide alone.
    pub own: Option<String>,
    /// Those whom the person may represent.
    pub represented: Vec<Represented>,
}

/// Under 14, with nobody's mandate (s. 53.1): another person answers, or nobody does. Posts `choice` = `continue` or
/// `leave` to `answer_href`.
#[derive(askama::Template, Clone, Debug)]
#[template(path = "too_young.html", config = "src/pages/askama.toml")]
pub struct TooYoung {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// The portal that sent the person.
    pub portal: Text,
    /// Where the answer goes.
    pub answer_href: String,
}

/// What a portal may do in this session (s. 64 or 67.2). Posts `choice` = `yes` or `no`.
#[derive(askama::Template, Clone, Debug)]
#[template(path = "session.html", config = "src/pages/askama.toml")]
pub struct Session {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// The portal.
    pub portal: Portal,
    /// Labels of the kinds of which it learns whether they are on file, and the month.
    pub checks: Vec<Text>,
    /// Labels of the kinds that it may draft.
    pub drafts: Vec<Text>,
}

/// One value of a draft.
#[derive(Clone, Debug)]
pub struct DraftLine {
    /// The attribute's label.
    pub label: Text,
    /// Sensitive in the sense of s. 59.
    pub sensitive: bool,
    /// The value submitted.
    pub value: Value,
}

/// A portal's draft, which becomes a record only when the person confirms it. Posts `choice` = `yes` or `no`.
#[derive(askama::Template, Clone, Debug)]
#[template(path = "draft.html", config = "src/pages/askama.toml")]
pub struct ConfirmDraft {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// The portal that submitted it.
    pub portal: Portal,
    /// Label of the kind.
    pub kind: Text,
    /// The body that will hold the record.
    pub holder: Party,
    /// Label of the purpose for which it is first collected.
    pub collected_for: Text,
    /// How long it is kept, as the purpose says.
    pub kept: Text,
    /// How to do without the broker, as the purpose says.
    pub alternative: Text,
    /// The values.
    pub lines: Vec<DraftLine>,
    /// Whether a record of this kind is on file, which this one replaces.
    pub replaces: bool,
}

impl Portal {
    /// Who collects, and in which capacity.
    fn collector(&self, t: &'static Texts) -> String {
        let body = t.catalogue(&self.body.name);
        self.instrument.as_ref().map_or_else(
            || body.to_owned(),
            |(capacity, title)| {
                let phrase = t.say("capacity.under").with("body", body).with("capacity", t.capacity(capacity));
                phrase.with("instrument", t.catalogue(title)).to_string()
            },
        )
    }
}

impl Arrival {
    fn title(&self) -> Phrase {
        let key = match self.wish {
            Wish::Consent { .. } => "arrival.title_consent",
            Wish::Informed { .. } => "arrival.title_informed",
            Wish::Session { .. } => "arrival.title_session",
            Wish::Draft { .. } => "arrival.title_draft",
        };
        let t = self.chrome.texts();
        t.say(key).with("body", t.catalogue(&self.portal.body.name))
    }
}

impl Arrival {
    /// Whether there is something to answer, and not only to read.
    fn asks(&self) -> bool {
        !matches!(self.wish, Wish::Informed { .. })
    }

    fn leave(&self, t: &'static Texts) -> Phrase {
        t.say(if self.asks() { "arrival.leave" } else { "arrival.leave_unread" })
    }
}

impl Represented {
    /// What the subject is, and what the person is to it.
    fn said(&self, t: &'static Texts) -> Phrase {
        let kind = t.say(match self.kind {
            SubjectKind::Person => "act_for.person",
            SubjectKind::Enterprise => "act_for.enterprise",
        });
        t.say("act_for.represented").with("kind", kind).with("mandate", t.mandate(&self.mandate))
    }
}
