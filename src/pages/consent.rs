//! The question (ss. 53.1, 59, 65): one purpose, one receiving body, the exact values, two equal answers.

use askama::Template;

use super::notice::{Outside, Told};
use super::safe::quote;
use super::{Chrome, Party, Value};
use crate::clock::Moment;
use crate::domain::{AttributeId, Capacity, Language, MandateKind, NoticeKey, Origin, SubjectKind, Text};
use crate::i18n::{Phrase, Texts};

/// The body that runs the broker, and in which capacity.
#[derive(Clone, Debug)]
pub struct Custody {
    /// The body.
    pub body: Party,
    /// The capacity.
    pub capacity: Capacity,
    /// Title of the instrument that gives it.
    pub instrument: Text,
}

/// What is on file for an attribute.
#[derive(Clone, Debug)]
pub struct OnFile {
    /// The value.
    pub value: Value,
    /// When this version was recorded.
    pub since: Moment,
    /// The portal's body through which it was given, where it was.
    pub via: Option<Text>,
}

/// A box, as the page shows it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Tick {
    /// Never touched: every box begins so.
    #[default]
    Empty,
    /// Ticked by the person in the form that comes back with an error.
    Kept,
    /// Needed to agree, and missing in the form that comes back.
    Missing,
}

/// One attribute asked for.
#[derive(Clone, Debug)]
pub struct Item {
    /// The attribute: the value of its box.
    pub attribute: AttributeId,
    /// Its label.
    pub label: Text,
    /// Why it is needed or useful.
    pub reason: Text,
    /// Whether the person may leave it out.
    pub optional: bool,
    /// Sensitive in the sense of s. 59.
    pub sensitive: bool,
    /// The body that holds it.
    pub holder: Text,
    /// Declared by the person, or vouched for at sign-in.
    pub origin: Origin,
    /// What is on file; none when nothing is.
    pub on_file: Option<OnFile>,
    /// The portals where the person can file it.
    pub portals: Vec<Text>,
    /// State of its box, where it has one.
    pub tick: Tick,
}

/// The question. Posts `choice` = `yes` or `no`; `with` for each ordinary optional attribute ticked; `express` for
/// each sensitive one ticked (an optional sensitive attribute has the `express` box alone, which also includes it). Where
/// a necessary value is not on file, a yes would release nothing: `choice` = `leave` stands in its place.
#[derive(Template, Clone, Debug)]
#[template(path = "consent.html", config = "src/pages/askama.toml")]
pub struct Consent {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// Whether a person consents or an enterprise authorises.
    pub subject: SubjectKind,
    /// The power of a representative; the name is in `chrome.acting_for`.
    pub mandate: Option<MandateKind>,
    /// The purpose's label.
    pub purpose: Text,
    /// The purpose's version.
    pub version: u32,
    /// Why, in one sentence.
    pub why: Text,
    /// What gives the body this programme or power: a provision as the rules cite it, or words.
    pub powers: Vec<Text>,
    /// The body that asks and may receive.
    pub receiving: Party,
    /// Who runs the broker.
    pub custody: Custody,
    /// The attributes asked for.
    pub items: Vec<Item>,
    /// When the page was made.
    pub shown: Moment,
    /// First moment at which the consent is no longer valid.
    pub until: Moment,
    /// Most releases; none is unlimited while it lasts.
    pub max_uses: Option<u32>,
    /// What refusing leads to.
    pub refusal: Text,
    /// How to do without the broker.
    pub alternative: Text,
    /// How long the body keeps what it gets.
    pub kept: Text,
    /// What leaves Québec.
    pub outside: Outside,
    /// The asking body's own reference.
    pub case: Option<String>,
}

/// The notice alone: all that is shown, from the heading to the two answers.
#[derive(Template)]
#[template(path = "notice.html", config = "src/pages/askama.toml")]
struct Notice<'a> {
    page: &'a Consent,
    t: &'static Texts,
    /// Whether what is on file is shown with it.
    preview: bool,
}

impl Consent {
    /// Name and version of its template.
    pub const TEMPLATE: (&'static str, u32) = ("consent", 2);

    /// What the page tells, in `language`, whatever the language of the page; without what is on file and without what
    /// the person ticked. The same question gives the same text: its hash goes into the consent.
    pub fn told(&self, language: Language) -> Result<Told, askama::Error> {
        let mut page = self.clone();
        page.items.iter_mut().for_each(|item| item.tick = Tick::Empty);
        let notice = Notice { page: &page, t: Texts::of(language), preview: false };
        Ok(Told::of(&notice.render()?))
    }

    fn notice(&self) -> Notice<'_> {
        Notice { page: self, t: self.chrome.texts(), preview: true }
    }

    fn incomplete(&self) -> bool {
        self.items.iter().any(|item| item.tick == Tick::Missing)
    }

    fn absent(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.on_file.is_none())
    }

    /// Whether a necessary value is not on file, so that nothing could be released.
    pub fn lacks_value(&self) -> bool {
        self.absent().any(|item| !item.optional)
    }

    fn necessary(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| !item.optional)
    }

    fn sensitive(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.sensitive)
    }

    /// Whether s. 59 applies: it speaks of persons alone.
    fn needs_express(&self) -> bool {
        self.subject == SubjectKind::Person && self.sensitive().next().is_some()
    }

    fn extras(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.optional && !item.sensitive)
    }

    fn word(&self, t: &'static Texts, person: &'static str, enterprise: &'static str) -> Phrase {
        t.say(match self.subject {
            SubjectKind::Person => person,
            SubjectKind::Enterprise => enterprise,
        })
    }

    fn acting_as(&self, t: &'static Texts) -> Option<Phrase> {
        let (name, mandate) = (self.chrome.acting_for.as_ref()?, self.mandate?);
        Some(t.say("consent.acting_as").with("name", name).with("mandate", t.mandate(&mandate)))
    }

    fn quoted_case(&self) -> Option<String> {
        self.case.as_deref().map(quote)
    }

    fn uses(&self, t: &'static Texts) -> Phrase {
        match self.max_uses {
            None => t.say("consent.uses_free"),
            Some(1) => t.say("consent.uses_once"),
            Some(n) => t.say("consent.uses_most").with("n", t.number(&n.into())),
        }
    }
}

impl Custody {
    pub(super) fn said(&self, t: &'static Texts) -> Phrase {
        let phrase = t.say("consent.operator_text").with("body", t.catalogue(&self.body.name));
        phrase.with("capacity", t.capacity(&self.capacity))
    }
}

impl Item {
    /// Who holds the attribute, who vouches for it, and through whom it came. What this reader has not on file, nobody
    /// declared; the text that is kept, without `preview`, is the same for everyone.
    pub(super) fn source(&self, t: &'static Texts, subject: SubjectKind, preview: bool) -> String {
        let origin = match (self.origin, subject) {
            (Origin::Subject, SubjectKind::Person) => t.say("consent.declared_person"),
            (Origin::Subject, SubjectKind::Enterprise) => t.say("consent.declared_enterprise"),
            (Origin::IdentityService, _) => t.say("consent.identity"),
            (Origin::Attested, _) => t.say("consent.attested"),
        };
        let holder = t.say("consent.held_by").with("body", t.catalogue(&self.holder));
        match self.on_file.as_ref().filter(|_| preview).map(|known| known.via.as_ref()) {
            None if preview => holder.to_string(),
            Some(Some(via)) => {
                let via = t.say("consent.via").with("body", t.catalogue(via));
                format!("{holder} {origin} {via}")
            }
            Some(None) | None => format!("{holder} {origin}"),
        }
    }

    /// Where the person can file it.
    fn given_at(&self, t: &'static Texts) -> Phrase {
        match self.portals.as_slice() {
            [] => t.say("consent.missing_nowhere"),
            portals => t.say("consent.missing_at").with("portals", t.joined(portals)),
        }
    }
}

impl<'a> Notice<'a> {
    /// Whether this reader cannot say yes: the text that is kept has all answers, this page the possible ones.
    fn closed(&self) -> bool {
        self.preview && self.page.lacks_value()
    }

    fn known(&self, item: &'a Item) -> Option<&'a OnFile> {
        item.on_file.as_ref().filter(|_| self.preview)
    }

    fn source(&self, item: &Item) -> String {
        item.source(self.t, self.page.subject, self.preview)
    }
}
