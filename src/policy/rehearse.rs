//! A rehearsal (*répétition*): what was decided, decided again by a draft of the rules, on the facts of then.
//!
//! Not here: where decisions are kept (`ledger/facts`), who may rehearse and what the log says of it (`broker`). What a
//! draft changes in the catalogue changes facts, not verdicts: `diff` tells it.
//!
//! INVARIANTS
//! - What is told is how many: of bodies, purposes, actions and rules, never of a person.
//! - Facts that are not those of the draft's schema are not decided on: no value is made up for one that is missing.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use super::bundle::{Bundle, Finding, Loaded};
use super::cases::WrittenFacts;
use super::decide::refusals;
use super::diff::Widened;
use super::reasons;
use super::remember::Remembered;
use super::rules::Action;
use super::schema;
use crate::clock::Day;
use crate::crypto::sha256;
use crate::domain::SubjectId;

/// A decision as the log keeps it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Whether it permitted.
    pub permitted: bool,
    /// The rules that refused.
    pub rules: Vec<String>,
    /// Action and facts as the rules saw them: canonical JSON.
    pub facts: String,
    /// The body that asked.
    pub receiving: Option<String>,
    /// The purpose.
    pub purpose: Option<String>,
    /// Whom it concerned, where the log still links them.
    pub subject: Option<SubjectId>,
}

/// A draft, and what it has decided so far.
#[derive(Debug)]
pub struct Rehearsal {
    draft: Loaded,
    /// The facts that the draft's schema states, by action.
    stated: BTreeMap<String, BTreeSet<String>>,
    remembered: Remembered<Replayed>,
}

/// What the draft comes to on some facts.
#[derive(Debug)]
enum Replayed {
    Decided {
        action: Action,
        permitted: bool,
        /// Those that fired, or the broker's own reason where none did.
        rules: Vec<String>,
    },
    /// They are not facts of the draft, for this reason.
    Moved(String),
}

#[derive(Deserialize)]
struct Recorded {
    action: String,
    facts: WrittenFacts,
}

impl Rehearsal {
    /// A rehearsal of a draft, which must load.
    pub fn of(draft: &Bundle) -> Result<Self, Vec<Finding>> {
        let loaded = draft.load()?;
        let names =
            |(action, facts): (String, serde_json::Map<_, _>)| (action, facts.into_iter().map(|it| it.0).collect());
        let stated = schema::facts(draft.files()).into_iter().map(names).collect();
        Ok(Self { draft: loaded, stated, remembered: Remembered::default() })
    }

    /// The draft.
    pub const fn draft(&self) -> &Loaded {
        &self.draft
    }

    /// Decides again, and counts what comes of it.
    pub fn replay(&self, kept: &Kept, tally: &mut Tally) {
        tally.decisions += 1;
        let digest = sha256(&[kept.facts.as_bytes()]);
        match &*self.remembered.or_weigh(digest, || self.weigh(&kept.facts)) {
            Replayed::Moved(why) => count(&mut tally.not_replayed, why),
            Replayed::Decided { action, permitted, rules } => {
                tally.replayed += 1;
                let beside = kept.rules.iter().any(|rule| reasons::beside_the_rules(rule));
                match (kept.permitted, *permitted && !beside) {
                    (true, false) => tally.denials.add(kept, *action, rules),
                    (false, true) => tally.permits.add(kept, *action, &kept.rules),
                    _ => return,
                }
                tally.persons.extend(kept.subject);
            }
        }
    }

    fn weigh(&self, facts: &str) -> Replayed {
        let Ok(Recorded { action: name, facts }) = serde_json::from_str(facts) else {
            return Replayed::Moved("it cannot be read".to_owned());
        };
        let known = name.parse::<Action>().ok().zip(self.stated.get(&name));
        let Some((action, stated)) = known else {
            return Replayed::Moved(format!("{name}: the draft knows no such action"));
        };
        if self.draft.rules().conforms(action, &facts).is_err() {
            return Replayed::Moved(format!("{name}: {}", departure(&facts, stated)));
        }
        let verdict = self.draft.rules().weigh(action, &facts);
        let permitted = verdict.stands(self.draft.catalogue());
        let fired = || verdict.fired.iter().map(|rule| rule.id.clone()).collect();
        let refused = || refusals(action, &verdict).into_iter().map(|reason| reason.id).collect();
        Replayed::Decided { action, permitted, rules: if permitted { fired() } else { refused() } }
    }
}

/// In what facts of then are not those that are stated now.
fn departure(facts: &WrittenFacts, stated: &BTreeSet<String>) -> String {
    let named = |what: &str, names: Vec<&String>| {
        let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
        (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")))
    };
    let missing = named("it had no fact", stated.iter().filter(|name| !facts.contains_key(*name)).collect());
    let dropped = named("the draft has no fact", facts.keys().filter(|name| !stated.contains(*name)).collect());
    let told: Vec<String> = [missing, dropped].into_iter().flatten().collect();
    if told.is_empty() { "a fact is of another type".to_owned() } else { told.join("; ") }
}

fn count(counts: &mut BTreeMap<String, u64>, name: &str) {
    *counts.entry(name.to_owned()).or_default() += 1;
}

/// What was decided again so far.
#[derive(Debug, Default)]
pub struct Tally {
    decisions: u64,
    replayed: u64,
    denials: Flips,
    permits: Flips,
    not_replayed: BTreeMap<String, u64>,
    persons: HashSet<SubjectId>,
}

impl Tally {
    /// Both tallies as one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.decisions += other.decisions;
        self.replayed += other.replayed;
        self.denials.merge(other.denials);
        self.permits.merge(other.permits);
        merge(&mut self.not_replayed, other.not_replayed);
        self.persons.extend(other.persons);
        self
    }
}

/// Decisions that the draft turns round.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Flips {
    /// How many.
    pub count: u64,
    /// By the body that asked.
    pub by_body: BTreeMap<String, u64>,
    /// By purpose.
    pub by_purpose: BTreeMap<String, u64>,
    /// By action.
    pub by_action: BTreeMap<String, u64>,
    /// By rule: of what is refused now, each that refuses; of what is permitted now, each that refused then.
    pub by_rule: BTreeMap<String, u64>,
}

impl Flips {
    fn add(&mut self, kept: &Kept, action: Action, rules: &[String]) {
        const NONE: &str = "-";
        self.count += 1;
        count(&mut self.by_body, kept.receiving.as_deref().unwrap_or(NONE));
        count(&mut self.by_purpose, kept.purpose.as_deref().unwrap_or(NONE));
        count(&mut self.by_action, action.as_str());
        for rule in rules {
            count(&mut self.by_rule, rule);
        }
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        merge(&mut self.by_body, other.by_body);
        merge(&mut self.by_purpose, other.by_purpose);
        merge(&mut self.by_action, other.by_action);
        merge(&mut self.by_rule, other.by_rule);
    }

    /// Its counts, by what they are counted by.
    pub const fn lists(&self) -> [(&'static str, &BTreeMap<String, u64>); 4] {
        [("body", &self.by_body), ("purpose", &self.by_purpose), ("action", &self.by_action), ("rule", &self.by_rule)]
    }
}

fn merge(counts: &mut BTreeMap<String, u64>, others: BTreeMap<String, u64>) {
    for (name, more) in others {
        *counts.entry(name).or_default() += more;
    }
}

/// What a rehearsal came to.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Rehearsed {
    /// Digest of the draft, on the catalogue on which it was rehearsed.
    pub draft: String,
    /// The entry that says who rehearsed, and why.
    pub entry: u64,
    /// The first day of the entries.
    pub from: Day,
    /// How many entries there are since.
    pub entries: u64,
    /// How many of them are decisions.
    pub decisions: u64,
    /// How many were decided again.
    pub replayed: u64,
    /// What was permitted and would be refused.
    pub denials: Flips,
    /// What was refused and would be permitted.
    pub permits: Flips,
    /// How many persons and enterprises those decisions concern, of those that the log still links.
    pub persons: u64,
    /// How many could not be decided again, by why.
    pub not_replayed: BTreeMap<String, u64>,
    /// Purposes of which the draft makes another question.
    pub asked_again: Vec<Widened>,
    /// How long deciding took.
    pub milliseconds: u64,
}

impl Tally {
    /// What it came to, of a rehearsal of `draft` entered at `entry`, over `entries` since `from`.
    pub fn report(
        self,
        draft: String,
        entry: u64,
        (from, entries): (Day, u64),
        asked_again: Vec<Widened>,
        milliseconds: u64,
    ) -> Rehearsed {
        let Self { decisions, replayed, denials, permits, not_replayed, persons } = self;
        let persons = persons.len() as u64;
        Rehearsed {
            draft,
            entry,
            from,
            entries,
            decisions,
            replayed,
            denials,
            permits,
            persons,
            not_replayed,
            asked_again,
            milliseconds,
        }
    }
}
