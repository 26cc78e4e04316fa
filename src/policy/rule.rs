//! One rule of law: what it says, the sections that it rests on, and how its file is read.
//!
//! Not here: how rules are weighed (`rules`).

use std::collections::BTreeSet;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{ActionConstraint, Effect, Policy, PolicyId};
use serde_json::Value;

use super::bundle::{Finding, RULES, located};
use super::catalogue::nearest;
use super::model::{Fact, Stated};
use super::rows::ROWS;
use super::rules::{Action, known_actions};
use crate::clock::Day;
use crate::domain::Text;

/// What a reason rests on, and so whether a body is told it (P4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum About {
    /// The body's own request and registration.
    Request,
    /// The person.
    Person,
}

/// A provision applied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Citation {
    /// The provision, for example `A-2.1, art. 59`.
    pub cite: String,
    /// The consolidation date of the copy that was read; none where no dated copy was.
    pub read: Option<Day>,
    /// Whether counsel has yet to confirm it: « à confirmer ».
    pub to_confirm: bool,
}

impl Citation {
    /// A provision with the consolidation that was read; one of which none was is to be confirmed in any case.
    pub(super) fn new(cite: &str, read: Option<Day>, to_confirm: bool) -> Self {
        Self { cite: cite.to_owned(), read, to_confirm: to_confirm || read.is_none() }
    }
}

/// One rule of law.
#[derive(Debug)]
pub struct Rule {
    /// Its name, which is its file's.
    pub id: String,
    /// The provisions, each with the copy that was read.
    pub citations: Vec<Citation>,
    /// The rows that it serves of the table of what the law asks of software.
    pub rows: BTreeSet<u8>,
    /// What it says.
    pub text: Text,
    /// What to do about it.
    pub mend: Text,
    /// Whether counsel has yet to confirm it.
    pub to_confirm: bool,
    /// What it rests on.
    pub about: About,
    /// Whether it permits; otherwise it forbids.
    pub permits: bool,
    /// What it applies to.
    pub actions: BTreeSet<Action>,
    pub(super) policy: Policy,
    /// The sets that it wants whole.
    wholes: Vec<Whole>,
}

/// A fact that a rule wants to hold all of something: `context.items.containsAll([…])`.
#[derive(Debug)]
struct Whole {
    fact: String,
    of: Members,
}

#[derive(Debug)]
enum Members {
    Named(Vec<String>),
    Fact(String),
}

impl Rule {
    /// The names that it turns on, in a case with these facts: what is missing from a set, or too much for it. Empty
    /// where the rule turns on a single truth, which its text says.
    pub(super) fn turns_on(&self, stated: &Stated<'_>) -> BTreeSet<String> {
        let names = |fact: &str| stated.get(fact).map(Fact::names).unwrap_or_default();
        let lacking = self.wholes.iter().map(|whole| {
            let of = match &whole.of {
                Members::Named(named) => named.iter().cloned().collect(),
                Members::Fact(fact) => names(fact),
            };
            &of - &names(&whole.fact)
        });
        lacking.flatten().collect()
    }
}

/// The sets that a rule's conditions want whole, wherever they stand in them.
fn wholes(conditions: &Value) -> Vec<Whole> {
    let of_context = |side: &Value| side.pointer("/./attr").and_then(Value::as_str).map(str::to_owned);
    let named = |side: &Value| {
        let members = side.get("Set")?.as_array()?.iter();
        members.map(|member| member.get("Value")?.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    };
    let here = conditions.get("containsAll").and_then(|sides| {
        let (left, right) = (&sides["left"], &sides["right"]);
        let of = named(right).map(Members::Named).or_else(|| of_context(right).map(Members::Fact))?;
        Some(Whole { fact: of_context(left)?, of })
    });
    let within: Vec<Whole> = match conditions {
        Value::Object(members) => members.values().flat_map(wholes).collect(),
        Value::Array(elements) => elements.iter().flat_map(wholes).collect(),
        _ => Vec::new(),
    };
    here.into_iter().chain(within).collect()
}

/// The annotations of a rule, all of them mandatory.
const ANNOTATIONS: [&str; 10] = ["id", "cite", "read", "rows", "fr", "en", "mend_fr", "mend_en", "status", "about"];

/// Reads one file: one rule, all annotations.
pub(super) fn read(path: &str, text: &str, findings: &mut Vec<Finding>) -> Option<Rule> {
    let name = path.strip_prefix(RULES)?.strip_suffix(".cedar")?;
    let policy = match Policy::parse(Some(PolicyId::new(name)), text) {
        Ok(policy) => policy,
        Err(errors) => {
            findings.extend(errors.iter().map(|error| located(path, text, &DetailedError::from(error))));
            return None;
        }
    };
    let mut reader = Annotations { path, text, policy: &policy, findings };
    reader.refuse_strangers();
    let id = reader.parsed("id", "the name of the file", |id| (id == name).then(|| id.to_owned()));
    let cited =
        reader.parsed("cite", "for example \"A-2.1, art. 53.1; A-2.1, art. 65\"", |text| listed(text, provision));
    let read = reader.parsed("read", "for each provision, a day YYYY-MM-DD or \"none\"", |text| listed(text, day_read));
    let rows = reader.parsed("rows", "rows of the table, for example \"4 8\", or \"-\"", rows);
    let to_confirm = reader.parsed("status", "\"read\" or \"to-confirm\"", |text| match text {
        "read" => Some(false),
        "to-confirm" => Some(true),
        _ => None,
    });
    let about = reader.parsed("about", "\"request\" or \"person\"", |text| match text {
        "request" => Some(About::Request),
        "person" => Some(About::Person),
        _ => None,
    });
    let (fr, en) = (reader.sentence("fr"), reader.sentence("en"));
    let (mend_fr, mend_en) = (reader.sentence("mend_fr"), reader.sentence("mend_en"));
    if read.as_ref().is_some_and(|read| read.iter().all(Option::is_none)) && to_confirm == Some(false) {
        reader.report("status", "nothing dated was read, so it is still \"to-confirm\"");
    }
    let citations = cited.zip(read).zip(to_confirm).and_then(|((cited, read), to_confirm)| {
        if cited.len() != read.len() {
            reader.report("read", "as many days as there are provisions");
            return None;
        }
        let dated = cited.into_iter().zip(read);
        Some(dated.map(|(cite, read)| Citation::new(&cite, read, to_confirm)).collect())
    });
    let actions = reader.actions();
    let (text, mend) = (Text { fr: fr?, en: en? }, Text { fr: mend_fr?, en: mend_en? });
    let permits = policy.effect() == Effect::Permit;
    let (id, citations, rows, to_confirm, about) = (id?, citations?, rows?, to_confirm?, about?);
    let wholes = policy.to_json().map(|json| wholes(&json["conditions"])).unwrap_or_default();
    Some(Rule { id, citations, rows, text, mend, to_confirm, about, permits, actions: actions?, policy, wholes })
}

/// What stands between semicolons.
fn listed<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split("; ").map(parse).collect()
}

/// An Act's chapter and an article; an annual statute whose article was not seen is cited whole.
fn provision(text: &str) -> Option<String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let well_formed = match text.split_once(", art. ") {
        Some((chapter, article)) => !chapter.is_empty() && article.starts_with(|c: char| c.is_ascii_digit()),
        None => text.split_once(", c. ").is_some_and(|(year, chapter)| digits(year) && digits(chapter)),
    };
    well_formed.then(|| text.to_owned())
}

#[expect(clippy::option_option, reason = "no day is well formed too")]
fn day_read(text: &str) -> Option<Option<Day>> {
    if text == "none" { Some(None) } else { text.parse().ok().map(Some) }
}

fn rows(text: &str) -> Option<BTreeSet<u8>> {
    let numbers = text.split(' ').filter(|number| *number != "-");
    numbers.map(|number| number.parse().ok().filter(|row| ROWS.iter().any(|known| known.row == *row))).collect()
}

/// Reads the annotations of one rule.
struct Annotations<'a> {
    path: &'a str,
    text: &'a str,
    policy: &'a Policy,
    findings: &'a mut Vec<Finding>,
}

impl Annotations<'_> {
    fn parsed<T>(&mut self, key: &str, expected: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = self.policy.annotation(key).and_then(parse);
        if value.is_none() {
            self.report(key, expected);
        }
        value
    }

    fn sentence(&mut self, key: &str) -> Option<String> {
        self.parsed(key, "a sentence", |text| {
            let whole = text == text.trim() && text.ends_with(['.', '?', '!']);
            whole.then(|| text.to_owned())
        })
    }

    fn actions(&mut self) -> Option<BTreeSet<Action>> {
        let named = match self.policy.action_constraint() {
            ActionConstraint::Any => Vec::new(),
            ActionConstraint::In(named) => named,
            ActionConstraint::Eq(named) => vec![named],
        };
        let actions: Option<BTreeSet<Action>> = named.iter().map(|uid| uid.id().unescaped().parse().ok()).collect();
        let actions = actions.filter(|actions| !actions.is_empty());
        if actions.is_none() {
            self.findings.push(Finding::at(
                self.path,
                self.text,
                0,
                "its scope does not name its actions",
                known_actions(),
            ));
        }
        actions
    }

    fn refuse_strangers(&mut self) {
        for (key, _) in self.policy.annotations().filter(|(key, _)| !ANNOTATIONS.contains(key)) {
            let fix = nearest(key, ANNOTATIONS).map_or_else(String::new, |near| format!("did you mean @{near}?"));
            let offset = self.text.find(&format!("@{key}")).unwrap_or_default();
            self.findings.push(Finding::at(self.path, self.text, offset, format!("unknown annotation @{key}"), fix));
        }
    }

    fn report(&mut self, key: &str, expected: &str) {
        let offset = self.text.find(&format!("@{key}(")).unwrap_or_default();
        let message = format!("@{key} is missing or not well formed");
        self.findings.push(Finding::at(self.path, self.text, offset, message, format!("expected: {expected}")));
    }
}
