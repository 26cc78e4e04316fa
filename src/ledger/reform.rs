//! Entries of a reform: a consent carried to the body that succeeds, or suspended.
//!
//! INVARIANT: the act of a consent carried names the body and the client to which it goes, for whoever replays the log.

use serde_json::{Map, Value, json};

use super::acts::{decided, of_subject};
use super::entry::object;
use super::release::citations;
use super::{Entered, Lane, Ledger, NotEntered};
use crate::domain::{BodyId, Carry, Consent, Event, Operator};
use crate::jose::b64;
use crate::policy::{Denial, Permit};
use crate::store::{Precondition, Write};

/// A consent that a reform moves.
#[derive(Clone, Copy)]
pub struct Moving<'a> {
    /// The consent, as it becomes.
    pub consent: &'a Consent,
    /// The body that is gone.
    pub from: &'a BodyId,
    /// Who commanded it.
    pub operator: &'a Operator,
}

impl Moving<'_> {
    fn act(&self, outcome: &str) -> Map<String, Value> {
        let Self { consent, from, operator } = self;
        let terms = &consent.terms;
        object(json!({
            "from": from, "receiving": consent.receiving(), "client": consent.client(), "purpose": terms.purpose,
            "purpose_version": terms.purpose_version, "basis": terms.basis(), "operator": operator.0,
            "outcome": outcome,
        }))
    }

    fn person(&self) -> Map<String, Value> {
        object(json!({"subject": self.consent.subject, "consent": self.consent.id}))
    }
}

impl Ledger {
    /// Enters a consent carried, with the writes that keep it.
    pub async fn consent_carried(
        &self,
        permit: &Permit<Carry>,
        moving: Moving<'_>,
        writes: Vec<Write>,
    ) -> Result<Entered, NotEntered> {
        let mut act = moving.act("carried");
        act.extend(decided(permit.grounds()));
        act.insert("hops".into(), json!(permit.kept().hops()));
        let (person, subject) = (moving.person(), moving.consent.subject);
        let statement = of_subject(Event::ConsentCarried, act, Some(permit.grounds().facts_text()), person, subject);
        self.enter(Lane::Client, statement, permit.grounds().preconditions().to_vec(), writes).await
    }

    /// Enters a consent suspended, with the reasons why it follows nowhere.
    pub async fn consent_suspended(
        &self,
        denial: &Denial,
        moving: Moving<'_>,
        preconditions: Vec<Precondition>,
        writes: Vec<Write>,
    ) -> Result<Entered, NotEntered> {
        let rules: Vec<&str> = denial.reasons().iter().map(|reason| reason.id.as_str()).collect();
        let cited: Vec<_> = denial.reasons().iter().flat_map(|reason| reason.citations.iter().cloned()).collect();
        let mut act = moving.act("suspended");
        act.extend(object(json!({
            "rules": rules, "citations": citations(&cited), "bundle": b64::encode(denial.bundle()),
        })));
        let (person, subject) = (moving.person(), moving.consent.subject);
        let statement = of_subject(Event::ConsentSuspended, act, Some(denial.facts_text()), person, subject);
        self.enter(Lane::Client, statement, preconditions, writes).await
    }
}
