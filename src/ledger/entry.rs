//! What an entry says, in its two parts: committed, sealed, and opened again.
//!
//! Not here: where entries stand in the tree (`tree`), when they are durable (`sequencer`).
//! INVARIANT: nothing that singles out a person goes into the act part.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::clock::Moment;
use crate::crypto::{Address, SealingKey, Unavailable, equal, hmac_sha256, random};
use crate::domain::{ConsentId, Event, SubjectId};
use crate::jose::{JoseError, b64, canonical};
use crate::store::{Class, Draft, EntryRow, Hash, Link, Vault, VaultFault};

/// What an entry is to say.
pub(super) struct Statement {
    /// Its type.
    pub(super) event: Event,
    /// The act part, without `v`, `event` and `facts`.
    pub(super) act: Map<String, Value>,
    /// The rule facts on which it was decided: canonical JSON, sealed beside the act and never opened to a body.
    pub(super) facts: Option<String>,
    /// The person part.
    pub(super) person: Map<String, Value>,
    /// Whose evidence key seals the person part; the log key does where it names nobody.
    pub(super) subject: Option<SubjectId>,
    /// That key, where it is at hand already.
    pub(super) evidence: Option<SealingKey>,
    /// The consent of which it takes a use.
    pub(super) used: Option<ConsentId>,
}

impl Statement {
    /// A statement that names nobody.
    pub(super) fn act(event: Event, act: Value) -> Self {
        Self { event, act: object(act), facts: None, person: Map::new(), subject: None, evidence: None, used: None }
    }
}

/// The members of a JSON object; none of anything else.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// The opening of an entry's act part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Opening {
    /// Its one-use blind.
    pub blind: Hash,
    /// Its payload: canonical JSON.
    pub payload: String,
}

impl Opening {
    /// The payload, parsed.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.payload).unwrap_or(Value::Null)
    }
}

/// Why an entry could not be written or opened.
#[derive(Debug, thiserror::Error)]
pub enum EntryFault {
    /// A key could not be had.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] Unavailable),
    /// The parts are not JSON objects that can be written canonically.
    #[error(transparent)]
    Form(#[from] JoseError),
    /// The key's row is missing.
    #[error("the log key of {0} is missing")]
    NoLogKey(i16),
    /// The subject's evidence key is gone.
    #[error("the subject's evidence key is gone")]
    Erased,
    /// What is stored does not open, or does not match the leaf's commitment.
    #[error("entry {0} does not open")]
    Departs(u64),
}

/// Writes statements as drafts and opens what is stored.
pub(super) struct Scribe {
    vault: Arc<Vault>,
}

const ACT: &str = "unefois/act/v1\n";
const PERSON: &str = "unefois/person/v1\n";
const FACTS: &str = "unefois/facts/v1\n";
const FORMAT: u8 = 1;
/// First byte of a sealed person part: under the log key, or under the subject's evidence key.
const BY_LOG: u8 = 0;
const BY_SUBJECT: u8 = 1;

impl Scribe {
    pub(super) fn new(vault: Arc<Vault>) -> Self {
        Self { vault }
    }

    /// The draft of a statement, sealed with the log key of `now`'s year, and its act's opening.
    pub(super) fn draft(&self, statement: Statement, now: Moment) -> Result<(Draft, Opening), EntryFault> {
        let year = year_of(now);
        let log_key = self.vault.log_key(year)?.ok_or(EntryFault::NoLogKey(year))?;
        let event = statement.event;
        let facts = statement.facts.unwrap_or_default();
        let (blind, facts_blind, person_blind) = (random::<32>()?, random::<32>()?, random::<32>()?);

        let mut act = statement.act;
        act.insert("v".into(), json!(FORMAT));
        act.insert("event".into(), json!(event.as_str()));
        if !facts.is_empty() {
            let commitment = hmac_sha256(&facts_blind, &[FACTS.as_bytes(), facts.as_bytes()]);
            act.insert("facts".into(), json!(b64::encode(commitment)));
        }
        let payload = text(&act)?;
        let person = text(&statement.person)?;
        let act_commitment = commit(ACT, event, &blind, &payload);
        let person_commitment = commit(PERSON, event, &person_blind, &person);

        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
        let act_box = [&blind[..], &facts_blind, &length, payload.as_bytes(), facts.as_bytes()].concat();
        let act_sealed = seal_by_log(&log_key, year, &at(&act_commitment, "act"), &act_box)?;
        let person_box = [&person_blind[..], person.as_bytes()].concat();
        let person_at = at(&person_commitment, "person");
        let person_sealed = match &statement.subject {
            None => [vec![BY_LOG], seal_by_log(&log_key, year, &person_at, &person_box)?].concat(),
            Some(subject) => {
                let at_hand = statement.evidence.map(Ok);
                let key = at_hand.or_else(|| self.vault.key(subject, &Class::Evidence).transpose());
                let key = key.transpose()?.ok_or(EntryFault::Erased)?;
                [vec![BY_SUBJECT], key.seal(&person_at, &person_box).map_err(VaultFault::Seal)?].concat()
            }
        };
        let link = statement.subject.map(|subject| Link { subject, used: statement.used });
        let draft = Draft { event, act_commitment, person_commitment, act: act_sealed, person: person_sealed, link };
        Ok((draft, Opening { blind, payload }))
    }

    /// Opens a stored entry's act part, and its rule facts (empty where it has none).
    pub(super) fn open_act(&self, row: &EntryRow) -> Result<(Opening, String), EntryFault> {
        let departs = || EntryFault::Departs(row.index);
        let commitment = commitment_at(row, 12).ok_or_else(departs)?;
        let opened = self.open_by_log(&row.act, &at(&commitment, "act"), departs)?;
        let parts = split_act(&opened).ok_or_else(departs)?;
        let event = event_of(row).ok_or_else(departs)?;
        let kept = equal(&commit(ACT, event, &parts.0.blind, &parts.0.payload), &commitment);
        if kept { Ok(parts) } else { Err(departs()) }
    }

    /// Opens a stored entry's person part; none where its key is destroyed.
    pub(super) fn open_person(&self, row: &EntryRow) -> Result<Option<Opening>, EntryFault> {
        let departs = || EntryFault::Departs(row.index);
        let commitment = commitment_at(row, 44).ok_or_else(departs)?;
        let person_at = at(&commitment, "person");
        let opened = match row.person.split_first() {
            Some((&BY_LOG, sealed)) => self.open_by_log(sealed, &person_at, departs)?,
            Some((&BY_SUBJECT, sealed)) => {
                let Some(subject) = &row.subject else { return Ok(None) };
                let Some(key) = self.vault.key(subject, &Class::Evidence)? else { return Ok(None) };
                key.open(&person_at, sealed).map_err(|_| departs())?.to_vec()
            }
            _ => return Err(departs()),
        };
        let (blind, payload) = opened.split_first_chunk::<32>().ok_or_else(departs)?;
        let payload = String::from_utf8(payload.to_vec()).map_err(|_| departs())?;
        let event = event_of(row).ok_or_else(departs)?;
        let kept = equal(&commit(PERSON, event, blind, &payload), &commitment);
        if kept { Ok(Some(Opening { blind: *blind, payload })) } else { Err(departs()) }
    }

    fn open_by_log(
        &self,
        sealed: &[u8],
        at: &Address<'_>,
        departs: impl Fn() -> EntryFault,
    ) -> Result<Vec<u8>, EntryFault> {
        let (year, sealed) = sealed.split_first_chunk::<2>().ok_or_else(&departs)?;
        let year = i16::from_be_bytes(*year);
        let key = self.vault.log_key(year)?.ok_or(EntryFault::NoLogKey(year))?;
        key.open(at, sealed).map(|plain| plain.to_vec()).map_err(|_| departs())
    }
}

/// The year whose log key seals an entry made at `now`.
pub(super) fn year_of(now: Moment) -> i16 {
    now.day().parts().0
}

fn text(members: &impl Serialize) -> Result<String, EntryFault> {
    // Canonical JSON is UTF-8 by construction.
    Ok(String::from_utf8(canonical(members)?).unwrap_or_default())
}

fn commit(label: &str, event: Event, blind: &Hash, payload: &str) -> Hash {
    hmac_sha256(blind, &[label.as_bytes(), &[event.byte()], payload.as_bytes()])
}

/// A sealed part's address is its commitment: unique, and fixed before the entry has an index.
fn at<'a>(commitment: &'a Hash, field: &'a str) -> Address<'a> {
    Address { table: "entries", row: commitment, field, version: u64::from(FORMAT) }
}

fn seal_by_log(key: &SealingKey, year: i16, at: &Address<'_>, plain: &[u8]) -> Result<Vec<u8>, VaultFault> {
    Ok([&year.to_be_bytes()[..], &key.seal(at, plain)?].concat())
}

fn split_act(opened: &[u8]) -> Option<(Opening, String)> {
    let (blind, rest) = opened.split_first_chunk::<32>()?;
    let (_facts_blind, rest) = rest.split_first_chunk::<32>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (payload, facts) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let payload = String::from_utf8(payload.to_vec()).ok()?;
    Some((Opening { blind: *blind, payload }, String::from_utf8(facts.to_vec()).ok()?))
}

fn commitment_at(row: &EntryRow, offset: usize) -> Option<Hash> {
    row.leaf.get(offset..offset + 32)?.try_into().ok()
}

fn event_of(row: &EntryRow) -> Option<Event> {
    row.leaf.get(1).copied().and_then(Event::from_byte)
}
