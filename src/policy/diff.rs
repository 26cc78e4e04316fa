//! What sets two bundles apart: rules, the facts that they look at, catalogue, purposes that ask for more, and cases that
//! are decided otherwise.
//!
//! Not here: what is in force (`broker`), what past decisions would have been (`rehearse`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::bundle::{Bundle, Finding, Loaded};
use super::cases::{Case, Ruling};
use super::rule::Rule;
use super::schema;
use crate::domain::{Catalogue, Difference, PurposeId};

/// What sets two bundles apart.
#[derive(Clone, Debug, Serialize)]
pub struct Diff {
    /// Rules, by name.
    pub rules: Vec<RuleChange>,
    /// Facts that rules may look at: `action/fact`.
    pub facts: Vec<Change>,
    /// Entries of the catalogue and their members: `section/name/member`.
    pub catalogue: Vec<Change>,
    /// Purposes of which the new one makes another question.
    pub widened: Vec<Widened>,
    /// Cases that come to something else.
    pub cases: Vec<CaseChange>,
}

/// Something that was added (nothing before), dropped (nothing after) or changed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Change {
    /// Where: names joined by a slash.
    pub at: String,
    /// What stood there.
    pub old: Option<Value>,
    /// What stands there.
    pub new: Option<Value>,
}

/// A rule that was added, dropped or changed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct RuleChange {
    /// Its name.
    pub rule: String,
    /// What became of it.
    pub change: What,
    /// Whether what it applies to, or its condition, is another.
    pub condition: bool,
    /// Its annotations and texts that are others.
    pub annotations: Vec<Change>,
}

/// What became of a rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// It is new.
    Added,
    /// It is gone.
    Dropped,
    /// It is another.
    Changed,
}

/// A purpose of which another question is made: its version is another, or it asks for more.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Widened {
    /// The purpose.
    pub purpose: PurposeId,
    /// Its version before.
    pub from: u32,
    /// Its version after.
    pub to: u32,
    /// What it asks beyond the one before; nothing where its version alone is another.
    pub differences: Vec<Difference>,
    /// How many consents would be asked again at most, where a record is at hand: those given to the version before, not
    /// taken back, and not older than a consent can be.
    pub consents: Option<u64>,
}

/// A case that comes to something else; to nothing where its facts are not those of that side.
#[derive(Clone, Debug, Serialize)]
pub struct CaseChange {
    /// The case.
    pub case: String,
    /// What the old rules come to.
    pub old: Option<Ruling>,
    /// What the new ones come to.
    pub new: Option<Ruling>,
}

/// A bundle, as it is compared.
#[derive(Debug)]
pub struct Side {
    loaded: Loaded,
    facts: BTreeMap<String, Map<String, Value>>,
}

impl Side {
    /// The bundle, which must load.
    pub fn of(bundle: &Bundle) -> Result<Self, Vec<Finding>> {
        Ok(Self { loaded: bundle.load()?, facts: schema::facts(bundle.files()) })
    }

    /// The bundle, loaded.
    pub const fn loaded(&self) -> &Loaded {
        &self.loaded
    }
}

impl Diff {
    /// What sets `new` apart from `old`, and what becomes of these cases.
    pub fn of(old: &Side, new: &Side, cases: &[Case]) -> Self {
        let value = |facts: &BTreeMap<_, Map<_, _>>| serde_json::to_value(facts).unwrap_or_default();
        let catalogue = |side: &Side| serde_json::to_value(side.loaded.catalogue()).unwrap_or_default();
        Self {
            rules: rules(&old.loaded, &new.loaded),
            facts: changes(&value(&old.facts), &value(&new.facts)),
            catalogue: changes(&catalogue(old), &catalogue(new)),
            widened: widened(old.loaded.catalogue(), new.loaded.catalogue()),
            cases: cases.iter().filter_map(|case| decided_otherwise(case, &old.loaded, &new.loaded)).collect(),
        }
    }
}

/// The purposes of which `new` makes another question than `old`.
pub fn widened(old: &Catalogue, new: &Catalogue) -> Vec<Widened> {
    let both = old.purposes.iter().filter_map(|(id, old)| Some((id, old, new.purposes.get(id)?)));
    let compared = both.map(|(id, old, new)| Widened {
        purpose: id.clone(),
        from: old.version,
        to: new.version,
        differences: Catalogue::widened(old, new),
        consents: None,
    });
    compared.filter(|it| it.from != it.to || !it.differences.is_empty()).collect()
}

fn rules(old: &Loaded, new: &Loaded) -> Vec<RuleChange> {
    let by_name = |loaded: &'_ Loaded| -> BTreeMap<String, (Value, Value)> {
        loaded.rules().all().map(|rule| (rule.id.clone(), parts(rule))).collect()
    };
    let (old, new) = (by_name(old), by_name(new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let change = |name: &String| {
        let (change, condition, annotations) = match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) if old != new => (What::Changed, old.1 != new.1, changes(&old.0, &new.0)),
            (Some(_), None) => (What::Dropped, false, Vec::new()),
            (None, Some(_)) => (What::Added, false, Vec::new()),
            _ => return None,
        };
        Some(RuleChange { rule: name.clone(), change, condition, annotations })
    };
    names.into_iter().filter_map(change).collect()
}

/// A rule's annotations, and all the rest of it.
fn parts(rule: &Rule) -> (Value, Value) {
    let annotations = rule.policy.annotations().map(|(name, text)| (name.to_owned(), text.into())).collect();
    let mut rest = rule.policy.to_json().unwrap_or_default();
    if let Some(members) = rest.as_object_mut() {
        members.remove("annotations");
    }
    (Value::Object(annotations), rest)
}

/// Everything in which two JSON values differ, member by member.
fn changes(old: &Value, new: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    compare("", Some(old), Some(new), &mut found);
    found
}

fn compare(at: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Change>) {
    if old == new {
        return;
    }
    let (Some(Value::Object(before)), Some(Value::Object(after))) = (old, new) else {
        found.push(Change { at: at.to_owned(), old: old.cloned(), new: new.cloned() });
        return;
    };
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let below = if at.is_empty() { name.clone() } else { format!("{at}/{name}") };
        compare(&below, before.get(name), after.get(name), found);
    }
}

fn decided_otherwise(case: &Case, old: &Loaded, new: &Loaded) -> Option<CaseChange> {
    let ruling = |loaded: &Loaded| {
        let fits = case.departure(loaded.rules()).is_none();
        fits.then(|| case.ruling(loaded.rules()))
    };
    let (old, new) = (ruling(old), ruling(new));
    (old != new).then(|| CaseChange { case: case.to_string(), old, new })
}
