//! The decision: an act, who asks, what is known, and the moment, to a permit or a denial.
//!
//! Not here: what the rules see (`model`), what they say (`policies/rules`).
//!
//! INVARIANTS
//! - A [`Permit`] exists only where a permit fired, no forbid did, and every rule could be evaluated.
//! - Outside a demo catalogue, at least one permit that fired was read and confirmed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::bundle::Loaded;
use super::model::{Act, Fact, Stated, View};
use super::reasons;
use super::remember::Remembered;
use super::rule::{About, Citation, Rule};
use super::rules::{Action, Verdict};
use crate::clock::Moment;
use crate::crypto::sha256;
use crate::domain::{Catalogue, ClientId, Text, Version};
use crate::store::{Hash, Precondition};

/// What is in force: a loaded bundle, less the clients that were stopped, at one epoch.
#[derive(Debug)]
pub struct InForce {
    loaded: Arc<Loaded>,
    stopped: BTreeSet<ClientId>,
    epoch: Version,
    remembered: Remembered,
}

impl InForce {
    /// The bundle that the head names at `epoch`, and the clients stopped by then.
    pub fn new(loaded: Arc<Loaded>, stopped: impl IntoIterator<Item = ClientId>, epoch: Version) -> Self {
        Self { loaded, stopped: stopped.into_iter().collect(), epoch, remembered: Remembered::default() }
    }

    /// The bundle.
    pub const fn loaded(&self) -> &Arc<Loaded> {
        &self.loaded
    }

    /// Its catalogue.
    pub fn catalogue(&self) -> &Catalogue {
        self.loaded.catalogue()
    }

    /// The epoch.
    pub const fn epoch(&self) -> Version {
        self.epoch
    }

    /// Whether the client was stopped.
    pub fn is_stopped(&self, client: &ClientId) -> bool {
        self.stopped.contains(client)
    }

    /// Decides whether `actor` may do `act`, on these facts, at `now`. The permit owns the act.
    pub fn decide<A: Act>(&self, actor: &A::Actor, act: A, facts: &A::Facts, now: Moment) -> Result<Permit<A>, Denial> {
        let (catalogue, stopped) = (self.loaded.catalogue(), &self.stopped);
        let view = View { catalogue, stopped, epoch: self.epoch, now, day: now.day() };
        let case = act.case(&view, actor, facts).under_its_regime();
        let facts_text = canonical(case.action, &case.stated);
        let digest = sha256(&[self.loaded.digest(), facts_text.as_bytes()]);
        let weigh = || self.loaded.rules().weigh(case.action, &case.stated);
        let verdict = self.remembered.or_weigh(digest, weigh);
        let bundle = *self.loaded.digest();

        let stands = catalogue.demo || verdict.fired.iter().any(|rule| !rule.to_confirm);
        match case.kept.filter(|_| verdict.allowed && stands) {
            Some(kept) => {
                let mut citations = cited(&verdict);
                citations.extend(case.grounds);
                let (good_until, preconditions) = (case.good_until, case.preconditions);
                drop(case.stated);
                let action = case.action;
                let grounds = Grounds { action, good_until, preconditions, citations, bundle, facts_text };
                Ok(Permit { act, kept, grounds })
            }
            None => {
                let mut reasons = refusals(case.action, &verdict);
                for reason in &mut reasons {
                    let rule = verdict.fired.iter().find(|rule| rule.id == reason.id);
                    reason.which = rule.map(|rule| rule.turns_on(&case.stated)).unwrap_or_default();
                }
                Err(Denial { reasons, bundle, facts_text })
            }
        }
    }
}

/// The provisions of the rules that fired, each once.
fn cited(verdict: &Verdict) -> Vec<Citation> {
    let mut cited: Vec<Citation> = Vec::new();
    for citation in verdict.fired.iter().flat_map(|rule| &rule.citations) {
        if !cited.contains(citation) {
            cited.push(citation.clone());
        }
    }
    cited
}

/// Why the verdict refuses.
pub(super) fn refusals(action: Action, verdict: &Verdict) -> Vec<Reason> {
    let fired = || verdict.fired.iter().map(|rule| rule.reason());
    if verdict.in_doubt {
        return [reasons::in_doubt(action)].into_iter().chain(fired()).collect();
    }
    match (verdict.allowed, verdict.fired.is_empty()) {
        (true, _) => vec![reasons::to_confirm(cited(verdict))],
        (false, true) => vec![reasons::no_basis(action)],
        (false, false) => fired().collect(),
    }
}

/// Action and facts as canonical JSON (RFC 8785). Every name in them is a slug, which needs no escaping.
pub(super) fn canonical(action: Action, stated: &Stated<'_>) -> String {
    let mut text = String::with_capacity(1024);
    text.push_str("{\"action\":\"");
    text.push_str(action.as_str());
    let mut between = "\",\"facts\":{\"";
    for (name, fact) in stated {
        text.push_str(between);
        text.push_str(name);
        text.push_str("\":");
        between = ",\"";
        match fact {
            Fact::Is(holds) => text.push_str(if *holds { "true" } else { "false" }),
            Fact::Word(word) => list(&mut text, "\"", [*word], "\""),
            Fact::Names(names) => list(&mut text, "[\"", names.iter().copied(), "\"]"),
            Fact::Made(names) => list(&mut text, "[\"", names.iter().map(String::as_str), "\"]"),
        }
    }
    text.push_str("}}");
    text
}

fn list<'a>(text: &mut String, open: &str, names: impl IntoIterator<Item = &'a str>, close: &str) {
    let mut between = open;
    for name in names {
        text.push_str(between);
        text.push_str(name);
        between = "\",\"";
    }
    text.push_str(if between == open { "[]" } else { close });
}

/// One reason for a refusal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reason {
    /// The rule's name, stable.
    pub id: String,
    /// The provisions.
    pub citations: Vec<Citation>,
    /// What it says.
    pub text: Text,
    /// What to do about it.
    pub mend: Text,
    /// The names that it turns on, where it turns on some: attributes beyond the purpose, items that an agreement lacks.
    pub which: BTreeSet<String>,
    /// What it rests on.
    pub about: About,
}

impl Rule {
    pub(super) fn reason(&self) -> Reason {
        Reason {
            id: self.id.clone(),
            citations: self.citations.clone(),
            text: self.text.clone(),
            mend: self.mend.clone(),
            which: BTreeSet::new(),
            about: self.about,
        }
    }
}

/// What a permit rests on: carried from the decision to the entry, unchanged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grounds {
    action: Action,
    good_until: Moment,
    preconditions: Vec<Precondition>,
    citations: Vec<Citation>,
    bundle: Hash,
    facts_text: String,
}

impl Grounds {
    /// First moment at which the decision may no longer hold.
    pub const fn good_until(&self) -> Moment {
        self.good_until
    }

    /// What must still hold in the transaction. A redelivery takes no use: its commit leaves `UseLeft` out.
    pub fn preconditions(&self) -> &[Precondition] {
        &self.preconditions
    }

    /// The provisions of the permits that fired.
    pub fn citations(&self) -> &[Citation] {
        &self.citations
    }

    /// Digest of the bundle.
    pub const fn bundle(&self) -> &Hash {
        &self.bundle
    }

    /// Action and facts as the rules saw them: canonical JSON, for the entry's commitment.
    pub fn facts_text(&self) -> &str {
        &self.facts_text
    }
}

/// The act may be done.
#[derive(Debug)]
pub struct Permit<A: Act> {
    act: A,
    kept: A::Kept,
    grounds: Grounds,
}

impl<A: Act> Permit<A> {
    /// The act.
    pub const fn act(&self) -> &A {
        &self.act
    }

    /// The act alone, for acts that leave no entry of their own.
    pub fn into_act(self) -> A {
        self.act
    }

    /// What was kept of the facts it was decided on.
    pub const fn kept(&self) -> &A::Kept {
        &self.kept
    }

    /// What it rests on.
    pub const fn grounds(&self) -> &Grounds {
        &self.grounds
    }

    /// The act, what was kept of the facts, and what it rests on.
    pub(super) fn into_parts(self) -> (A, A::Kept, Grounds) {
        (self.act, self.kept, self.grounds)
    }
}

/// The act may not be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    reasons: Vec<Reason>,
    bundle: Hash,
    facts_text: String,
}

impl Denial {
    /// What was permitted has nothing on file.
    pub(super) fn nothing_on_file(grounds: &Grounds) -> Self {
        Self::of(grounds, reasons::nothing_on_file(grounds.action))
    }

    /// What was permitted found no use left in the transaction that would have taken it.
    pub fn uses_taken(grounds: &Grounds) -> Self {
        Self::of(grounds, reasons::uses_taken(grounds.action))
    }

    /// What was permitted found that the agreement's intervals leave no release in this period.
    pub fn interval_taken(grounds: &Grounds) -> Self {
        Self::of(grounds, reasons::interval_taken())
    }

    fn of(grounds: &Grounds, reason: Reason) -> Self {
        let Grounds { bundle, facts_text, .. } = grounds;
        Self { reasons: vec![reason], bundle: *bundle, facts_text: facts_text.clone() }
    }

    /// Every reason: for the log, the person and the officer.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// What a body is told (P4): the reasons that rest on its own request, and one for all that rest on the person.
    pub fn told_to_body(&self) -> Vec<Reason> {
        let (of_request, of_person): (Vec<_>, Vec<_>) =
            self.reasons.iter().cloned().partition(|reason| reason.about == About::Request);
        let one = (!of_person.is_empty()).then(reasons::no_authorisation);
        of_request.into_iter().chain(one).collect()
    }

    /// Digest of the bundle.
    pub const fn bundle(&self) -> &Hash {
        &self.bundle
    }

    /// Action and facts as the rules saw them: canonical JSON, for the entry's commitment.
    pub fn facts_text(&self) -> &str {
        &self.facts_text
    }
}
