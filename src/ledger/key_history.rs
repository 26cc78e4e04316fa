//! The log's public keys with the entries between which each was in use, gathered from those entries.
//!
//! Kept in memory from one key entry to the next: whoever asks for the keys, as anyone may, asks little.
//!
//! Not here: which key signs what (`release`, `notary`), who may ask for the keys (`http`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::{EntryFault, Ledger};
use crate::domain::Event;

/// Keys in the order in which the log adds them.
#[derive(Default)]
pub(super) struct KeyHistory(Vec<Map<String, Value>>);

impl KeyHistory {
    /// The acts that add or retire keys.
    const EVENTS: [Event; 2] = [Event::KeyAdded, Event::KeyRetired];

    /// Whether acts of this event do.
    pub(super) fn concerns(event: Event) -> bool {
        Self::EVENTS.contains(&event)
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

    pub(super) fn read_key_history(&self) -> Result<Value, EntryFault> {
        let mut history = KeyHistory::default();
        for (index, event, act) in self.acts_of(&KeyHistory::EVENTS)? {
            history.follow(index, event, &act);
        }
        Ok(history.into_jwks())
    }
}
