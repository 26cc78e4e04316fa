//! The log's public keys with the entries between which each was in use, gathered from those entries.
//!
//! Kept in memory from one key entry to the next: whoever asks for the keys, as anyone may, asks little.
//!
//! Not here: which key signs what (`release`, `notary`), who may ask for the keys (`http`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::{EntryFault, Ledger, event_of};
use crate::domain::Event;
use crate::store::{Fault, Filter, VaultFault};

/// Entries read at once.
const CHUNK: usize = 1_000;

/// Keys in the order in which the log adds them.
#[derive(Default)]
pub(super) struct KeyHistory(Vec<Map<String, Value>>);

impl KeyHistory {
    /// Whether acts of this event add or retire keys.
    pub(super) const fn concerns(event: Event) -> bool {
        matches!(event, Event::KeyAdded | Event::KeyRetired)
    }

    /// Takes note of an act, if it adds or retires a key.
    pub(super) fn follow(&mut self, index: u64, event: Event, act: &Value) {
        match event {
            Event::KeyAdded => self.0.extend(added(index, act)),
            Event::KeyRetired => self.retire(index, act),
            _ => {}
        }
    }

    /// The keys as a JWKS; each says in its member `log` from which entry, and until which, it was in use.
    pub(super) fn into_jwks(self) -> Value {
        json!({ "keys": self.0 })
    }

    fn retire(&mut self, index: u64, act: &Value) {
        let kid = act.get("kid");
        let in_use = self.0.iter_mut().rev().find(|key| key.get("kid") == kid);
        if let Some(Value::Object(interval)) = in_use.and_then(|key| key.get_mut("log")) {
            interval.insert("until".into(), json!(index));
        }
    }
}

fn added(index: u64, act: &Value) -> Option<Map<String, Value>> {
    let mut key = act.get("jwk")?.as_object()?.clone();
    key.insert("kid".into(), act.get("kid")?.clone());
    key.insert("log".into(), json!({ "from": index, "use": act.get("use")? }));
    Some(key)
}

/// The key history as last read, until an entry adds or retires a key.
#[derive(Default)]
pub(super) struct KnownKeys {
    /// Rises with each such entry.
    changes: AtomicU64,
    /// What was read, and after how many changes the reading began.
    read: Mutex<Option<(u64, Arc<Value>)>>,
}

impl KnownKeys {
    /// Takes note of an entry: what is known of the keys may be over.
    pub(super) fn note(&self, event: Event) {
        if KeyHistory::concerns(event) {
            self.changes.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// What is known, or what `read` finds.
    fn or_read(&self, read: impl FnOnce() -> Result<Value, EntryFault>) -> Result<Arc<Value>, EntryFault> {
        let changes = self.changes.load(Ordering::SeqCst);
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((at, keys)) if *at == changes => Ok(Arc::clone(keys)),
            _ => {
                let keys = Arc::new(read()?);
                *known = Some((changes, Arc::clone(&keys)));
                Ok(keys)
            }
        }
    }
}

impl Ledger {
    /// Every public key that the log ever named, as a JWKS: in member `log`, what it is for (`use`), the entry that
    /// added it (`from`) and the one that retired it (`until`), if one did.
    pub fn key_history(&self) -> Result<Arc<Value>, EntryFault> {
        self.keys.or_read(|| self.read_key_history())
    }

    /// Found through the projection, and in the log itself where the projection has yet to follow.
    pub(super) fn read_key_history(&self) -> Result<Value, EntryFault> {
        let projected = self.follower.search().next().map_err(VaultFault::from)?;
        let mut indices = self.projected_keys(projected).map_err(VaultFault::from)?;
        indices.extend(self.newest_keys(projected).map_err(VaultFault::from)?);
        let mut history = KeyHistory::default();
        for index in indices {
            let row = self.entry(index).map_err(VaultFault::from)?.ok_or(EntryFault::Departs(index))?;
            let event = event_of(&row).ok_or(EntryFault::Departs(index))?;
            history.follow(index, event, &self.open_act(&row)?.value());
        }
        Ok(history.into_jwks())
    }

    /// Indices below `projected` of entries that add or retire a key, rising.
    fn projected_keys(&self, projected: u64) -> Result<Vec<u64>, Fault> {
        let mut indices = Vec::new();
        for event in [Event::KeyAdded, Event::KeyRetired] {
            let mut filter = Filter { event: Some(event.to_string()), before: Some(projected), ..Filter::default() };
            loop {
                let rows = self.follower.search().find(&filter, CHUNK)?;
                indices.extend(rows.iter().map(|row| row.index));
                let Some(last) = rows.last() else { break };
                filter.before = Some(last.index);
            }
        }
        indices.sort_unstable();
        Ok(indices)
    }

    /// Indices from `projected` on of such entries, rising.
    fn newest_keys(&self, projected: u64) -> Result<Vec<u64>, Fault> {
        let (mut indices, mut next) = (Vec::new(), projected);
        loop {
            let rows = self.store.entries(next, CHUNK)?;
            let Some(last) = rows.last() else { return Ok(indices) };
            next = last.index + 1;
            let keys = rows.iter().filter(|row| event_of(row).is_some_and(KeyHistory::concerns));
            indices.extend(keys.map(|row| row.index));
        }
    }
}
