//! What notices share: their words as they are kept, what they tell, and where information goes.
//!
//! INVARIANT: what a notice tells is read off the page as it was rendered: a part that is not there is not told.

use std::collections::BTreeSet;

use super::safe::plain;
use crate::domain::{NoticeKey, Text};
use crate::i18n::{Phrase, Texts};

/// A notice in one language, as it is kept: without any value, and without anything that its reader ticked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Told {
    /// Its words.
    pub text: String,
    /// What it tells.
    pub keys: BTreeSet<NoticeKey>,
}

impl Told {
    /// The notice that renders to `html`. What others wrote cannot look like a part of it: markup in it is escaped.
    pub(super) fn of(html: &str) -> Self {
        let marked = html.split("data-notice=\"").skip(1).filter_map(|rest| rest.split_once('"'));
        let keys = marked.filter_map(|(name, _)| name.parse().ok()).collect();
        Self { text: plain(html), keys }
    }
}

/// A place outside Québec, by its ISO 3166 code, and who or what is there.
#[derive(Clone, Debug)]
pub struct Abroad {
    /// Who.
    pub name: Text,
    /// Its place.
    pub place: String,
}

/// Where information goes outside Québec; nowhere when empty.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// The receiving body, where it is outside.
    pub recipient: Option<Abroad>,
    /// The broker's hosts that are.
    pub hosts: Vec<Abroad>,
}

impl Outside {
    /// Whether anything leaves Québec.
    pub fn any(&self) -> bool {
        self.recipient.is_some() || !self.hosts.is_empty()
    }

    /// What is told of it, line by line.
    pub(super) fn said(&self, t: &'static Texts) -> Vec<Phrase> {
        let line = |key: &'static str, abroad: &Abroad| {
            t.say(key).with("name", t.catalogue(&abroad.name)).with("place", t.place(&abroad.place))
        };
        let recipient = self.recipient.iter().map(|abroad| line("consent.outside_recipient", abroad));
        let lines = recipient.chain(self.hosts.iter().map(|abroad| line("consent.outside_host", abroad)));
        if self.any() { lines.collect() } else { vec![t.say("consent.outside_nothing")] }
    }
}
