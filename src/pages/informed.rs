//! What a body gets without the person's consent: told, and not asked (s. 65). One button, which decides nothing.

use askama::Template;

use super::consent::{Item, OnFile};
use super::notice::{Outside, Told};
use super::{Chrome, Custody, Party};
use crate::clock::Moment;
use crate::domain::{Language, MandateKind, NoticeKey, SubjectKind, Text};
use crate::i18n::{Phrase, Texts};

/// On what the release rests.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The instrument: an agreement, an Act, a contract, an order.
    pub title: Text,
    /// The section under which it permits the release, as the rules cite it.
    pub section: String,
    /// How often, where it says so.
    pub intervals: Option<Text>,
}

/// The page. Posts `read`.
#[derive(Template, Clone, Debug)]
#[template(path = "informed.html", config = "src/pages/askama.toml")]
pub struct Informed {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// The power of a representative; the name is in `chrome.acting_for`.
    pub mandate: Option<MandateKind>,
    /// The purpose's label.
    pub purpose: Text,
    /// The purpose's version.
    pub version: u32,
    /// Why, in one sentence.
    pub why: Text,
    /// What gives the body this programme or power.
    pub powers: Vec<Text>,
    /// The body that receives.
    pub receiving: Party,
    /// On what it rests.
    pub ground: Ground,
    /// Who runs the broker.
    pub custody: Custody,
    /// The attributes.
    pub items: Vec<Item>,
    /// First moment at which the body has to tell the person anew.
    pub until: Moment,
    /// How to reach the body otherwise.
    pub alternative: Text,
    /// How long the body keeps what it gets.
    pub kept: Text,
    /// What leaves Québec.
    pub outside: Outside,
    /// The body's own reference.
    pub case: Option<String>,
}

/// The notice alone.
#[derive(Template)]
#[template(path = "informed_notice.html", config = "src/pages/askama.toml")]
struct Notice<'a> {
    page: &'a Informed,
    t: &'static Texts,
    /// Whether what is on file is shown with it.
    preview: bool,
}

impl<'a> Notice<'a> {
    fn known(&self, item: &'a Item) -> Option<&'a OnFile> {
        item.on_file.as_ref().filter(|_| self.preview)
    }

    fn source(&self, item: &Item) -> String {
        item.source(self.t, SubjectKind::Person, self.preview)
    }
}

impl Informed {
    /// Name and version of its template.
    pub const TEMPLATE: (&'static str, u32) = ("informed", 1);

    /// What the page tells, in `language`, whatever the language of the page; without what is on file.
    pub fn told(&self, language: Language) -> Result<Told, askama::Error> {
        let notice = Notice { page: self, t: Texts::of(language), preview: false };
        Ok(Told::of(&notice.render()?))
    }

    fn notice(&self) -> Notice<'_> {
        Notice { page: self, t: self.chrome.texts(), preview: true }
    }

    fn acting_as(&self, t: &'static Texts) -> Option<Phrase> {
        let (name, mandate) = (self.chrome.acting_for.as_ref()?, self.mandate?);
        Some(t.say("consent.acting_as").with("name", name).with("mandate", t.mandate(&mandate)))
    }

    fn quoted_case(&self) -> Option<String> {
        self.case.as_deref().map(super::safe::quote)
    }
}
