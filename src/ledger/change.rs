//! Entries of officers: changes of the catalogue proposed and approved, and how all entries of a type are found.

use serde_json::{Map, Value, json};

use super::acts::decided;
use super::entry::{Statement, object};
use super::{Entered, EntryFault, Lane, Ledger, NamedSignature, NotEntered, event_of};
use crate::domain::{Approval, Change, Event, NamedOfficer, Version};
use crate::jose::b64;
use crate::policy::Permit;
use crate::store::{Fault, Filter, Hash, Precondition, VaultFault};

/// Entries read at once.
const CHUNK: usize = 1_000;

impl Ledger {
    /// Enters that an officer proposes a change: what it is about, and for a purpose why each attribute is needed.
    pub async fn proposal(
        &self,
        change: &Change,
        digest: &Hash,
        proposer: &NamedOfficer,
        signature: &NamedSignature,
        epoch: Version,
    ) -> Result<Entered, NotEntered> {
        let mut act = of(change, digest);
        act.extend(object(json!({"proposer": proposer, "signature": signature.signature, "outcome": "proposed"})));
        if let Some((_, purpose)) = change.purpose() {
            act.extend(object(json!({
                "assessment": purpose.assessment.as_ref().map(|it| &it.reference), "necessary": purpose.necessary,
                "optional": purpose.optional,
            })));
        }
        let statement = Statement::act(Event::Proposal, Value::Object(act));
        self.enter(Lane::Person, statement, vec![Precondition::Epoch(epoch)], Vec::new()).await
    }

    /// Enters that an officer approves a change that another proposed.
    pub async fn approval(
        &self,
        permit: &Permit<Approval>,
        digest: &Hash,
        approver: &NamedOfficer,
        signature: &NamedSignature,
    ) -> Result<Entered, NotEntered> {
        let Approval { change, proposal } = permit.act();
        let mut act = decided(permit.grounds());
        act.extend(of(change, digest));
        act.extend(object(json!({
            "proposal": proposal, "approver": approver, "signature": signature.signature, "outcome": "approved",
        })));
        let facts = Some(permit.grounds().facts_text().to_owned());
        let statement = Statement { facts, ..Statement::act(Event::Approval, Value::Object(act)) };
        self.enter(Lane::Person, statement, permit.grounds().preconditions().to_vec(), Vec::new()).await
    }

    /// The acts of every entry of these types so far, in the order of the log. For what is rare.
    pub fn acts_of(&self, events: &[Event]) -> Result<Vec<(u64, Event, Value)>, EntryFault> {
        let mut acts = Vec::new();
        for index in self.indices_of(events).map_err(VaultFault::from)? {
            let row = self.entry(index).map_err(VaultFault::from)?.ok_or(EntryFault::Departs(index))?;
            let event = event_of(&row).filter(|event| events.contains(event)).ok_or(EntryFault::Departs(index))?;
            acts.push((index, event, self.open_act(&row)?.value()));
        }
        Ok(acts)
    }

    /// Found through the projection, and in the log itself where the projection has yet to follow.
    fn indices_of(&self, events: &[Event]) -> Result<Vec<u64>, Fault> {
        let projected = self.follower.search().next()?;
        let mut indices = Vec::new();
        for event in events {
            let mut filter = Filter { event: Some(event.to_string()), before: Some(projected), ..Filter::default() };
            loop {
                let rows = self.follower.search().find(&filter, CHUNK)?;
                indices.extend(rows.iter().map(|row| row.index));
                let Some(last) = rows.last() else { break };
                filter.before = Some(last.index);
            }
        }
        let mut next = projected;
        loop {
            let rows = self.store.entries(next, CHUNK)?;
            let Some(last) = rows.last() else { break };
            next = last.index + 1;
            let found = rows.iter().filter(|row| event_of(row).is_some_and(|event| events.contains(&event)));
            indices.extend(found.map(|row| row.index));
        }
        indices.sort_unstable();
        Ok(indices)
    }
}

fn of(change: &Change, digest: &Hash) -> Map<String, Value> {
    object(json!({
        "section": change.section(), "name": change.name(), "digest": b64::encode(digest),
        "purpose": change.purpose().map(|(id, _)| id),
    }))
}
