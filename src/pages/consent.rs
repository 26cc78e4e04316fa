//! The question (ss. 53.1, 59, 65): one purpose, one receiving body, the exact values, two equal answers.

use super::{Chrome, Party, Value};
use crate::clock::Moment;
use crate::domain::{AttributeId, Capacity, MandateKind, Origin, SubjectKind, Text};

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
    /// State of its box, where it has one.
    pub tick: Tick,
}

/// The question. Posts `choice` = `yes` or `no`; `with` for each ordinary optional attribute ticked; `express` for
/// each sensitive one ticked (an optional sensitive attribute has the `express` box alone, which also includes it).
#[derive(Clone, Debug)]
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
    /// The provisions that give the body this programme or power.
    pub powers: Vec<String>,
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
    /// The asking body's own reference.
    pub case: Option<String>,
    /// Where a missing value can be given, if somewhere online.
    pub give_href: Option<String>,
}
