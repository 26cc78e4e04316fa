//! What the log keeps of decisions, for who rehearses rules on them; and the entry that says who does.
//!
//! Not here: what is made of them (`policy/rehearse`).
//! INVARIANT: act parts alone are opened. Whom a decision concerned is known by its link, and no person part is read.

use serde::Deserialize;
use serde_json::json;

use super::acts::decided;
use super::entry::{EntryFault, Statement, object};
use super::{Entered, Lane, Ledger, NotEntered, event_of, time_of};
use crate::clock::Moment;
use crate::domain::{BodyId, Event, PurposeId, Rehearsing};
use crate::jose::b64;
use crate::policy::{Kept, Permit};
use crate::store::{EntryRow, Hash, VaultFault};

/// Consents read at once.
const CHUNK: usize = 512;

/// What a rehearsal needs of an act.
#[derive(Deserialize)]
struct Act {
    receiving: Option<String>,
    purpose: Option<String>,
    #[serde(default)]
    rules: Vec<String>,
    purpose_version: Option<u32>,
}

impl Ledger {
    /// Enters that rules are rehearsed, before anything is counted. `draft` is their digest.
    pub async fn rehearsal(&self, permit: &Permit<Rehearsing>, draft: &Hash) -> Result<Entered, NotEntered> {
        let Rehearsing { operator, reason, entries } = permit.act();
        let mut act = decided(permit.grounds());
        act.extend(object(json!({
            "operator": operator, "reason": reason, "reading_for": "rehearsal", "draft": b64::encode(draft),
            "entries": entries, "outcome": "counted",
        })));
        let mut statement = Statement::act(Event::Rehearsal, json!({}));
        statement.act = act;
        statement.facts = Some(permit.grounds().facts_text().to_owned());
        self.enter(Lane::Person, statement, permit.grounds().preconditions().to_vec(), Vec::new()).await
    }

    /// Index of the first entry made at `moment` or later; the size of the log where there is none.
    pub fn since(&self, moment: Moment) -> Result<u64, EntryFault> {
        let (mut before, mut after) = (0, self.store.head().map_err(VaultFault::from)?.size);
        while before < after {
            let middle = before + (after - before) / 2;
            let row = self.entry(middle).map_err(VaultFault::from)?;
            let time = row.as_ref().and_then(time_of).ok_or(EntryFault::Departs(middle))?;
            if time < moment { before = middle + 1 } else { after = middle }
        }
        Ok(before)
    }

    /// The decisions among the entries from an index on, of at most `limit` of them.
    pub fn decisions(&self, from: u64, limit: usize) -> Result<Vec<Kept>, EntryFault> {
        let rows = self.store.entries(from, limit).map_err(VaultFault::from)?;
        rows.iter().filter_map(|row| self.decision(row).transpose()).collect()
    }

    fn decision(&self, row: &EntryRow) -> Result<Option<Kept>, EntryFault> {
        let (opening, facts) = self.scribe.open_act(row)?;
        if facts.is_empty() {
            return Ok(None);
        }
        let act = read(row, &opening.payload)?;
        let permitted = event_of(row) != Some(Event::Refusal);
        let Act { receiving, purpose, rules, .. } = act;
        Ok(Some(Kept { permitted, rules, facts, receiving, purpose, subject: row.subject }))
    }

    /// How many consents to a version of a purpose stand for a body, of those given or carried since a moment: neither
    /// taken back, suspended nor lapsed. Those that have run out meanwhile are among them, since only the person's part
    /// says when.
    pub fn consents_standing(
        &self,
        receiving: &BodyId,
        (purpose, version): (&PurposeId, u32),
        since: Moment,
    ) -> Result<u64, EntryFault> {
        let (mut standing, mut after) = (0, None);
        loop {
            let rows = self.store.consents_for(receiving, Some(purpose), after, CHUNK).map_err(VaultFault::from)?;
            let Some(last) = rows.last() else { return Ok(standing) };
            after = Some(last.id);
            for consent in &rows {
                let row = self.entry(consent.entry).map_err(VaultFault::from)?;
                let row = row.ok_or(EntryFault::Departs(consent.entry))?;
                let given = matches!(event_of(&row), Some(Event::Consent | Event::ConsentCarried));
                if given && time_of(&row) >= Some(since) {
                    let act = read(&row, &self.open_act(&row)?.payload)?;
                    standing += u64::from(act.purpose_version == Some(version));
                }
            }
        }
    }
}

fn read(row: &EntryRow, payload: &str) -> Result<Act, EntryFault> {
    serde_json::from_str(payload).map_err(|_| EntryFault::Departs(row.index))
}
