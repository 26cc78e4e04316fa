//! Follows the log into the search projection, on a thread of its own: opens each entry, writes its clear columns.
//!
//! Not here: what may be searched by whom (`broker/review`).

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use super::entry::Scribe;
use super::key_history::KnownKeys;
use super::{event_of, time_of};
use crate::crypto::{Secret, hmac_sha256};
use crate::domain::{IdentifierType, SubjectId};
use crate::store::{EntryRow, Fault, Hash, Search, SearchRow, Store};

/// Entries projected at once.
const CHUNK: usize = 1_000;
/// How long entries gather before they are projected: a transaction for hundreds costs little more than for one.
const GATHERING: Duration = Duration::from_millis(20);
/// How often the log is looked at when nothing calls.
const PATIENCE: Duration = Duration::from_millis(500);

/// Blind index of subjects in the projection.
pub struct BlindIndex(Secret<32>);

impl BlindIndex {
    /// A blind index under `key`.
    pub const fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    /// The index of a subject.
    pub fn subject(&self, subject: &SubjectId) -> Hash {
        hmac_sha256(self.0.expose(), &[b"subject", subject.bytes()])
    }

    /// The index by which an identity service's `sub` finds its subject.
    pub fn identity(&self, issuer: &str, sub: &str) -> Hash {
        let length = u64::try_from(issuer.len()).unwrap_or(u64::MAX).to_be_bytes();
        hmac_sha256(self.0.expose(), &[b"identity", &length, issuer.as_bytes(), sub.as_bytes()])
    }

    /// The index by which an identifier, which other bodies use too, finds its subject.
    pub fn identifier(&self, of: IdentifierType, value: &str) -> Hash {
        let name = of.as_str().as_bytes();
        let length = u64::try_from(name.len()).unwrap_or(u64::MAX).to_be_bytes();
        hmac_sha256(self.0.expose(), &[b"identifier", &length, name, value.as_bytes()])
    }

    /// The keyed digest of a request's body, for its Idempotency-Key.
    pub fn request(&self, body: &[u8]) -> Hash {
        hmac_sha256(self.0.expose(), &[b"request", body])
    }
}

/// The follower.
pub(super) struct Follower {
    search: Arc<Search>,
    reached: watch::Receiver<u64>,
    call: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Work {
    store: Arc<dyn Store>,
    scribe: Arc<Scribe>,
    search: Arc<Search>,
    blind: Arc<BlindIndex>,
    /// Told of key entries, whoever made them.
    keys: Arc<KnownKeys>,
    reached: watch::Sender<u64>,
}

impl Follower {
    pub(super) fn start(
        store: Arc<dyn Store>,
        scribe: Arc<Scribe>,
        search: Arc<Search>,
        blind: Arc<BlindIndex>,
        keys: Arc<KnownKeys>,
    ) -> Result<Self, Fault> {
        let (reached, watching) = watch::channel(search.next()?);
        let (call, calls) = sync_channel(1);
        let work = Work { store, scribe, search: Arc::clone(&search), blind, keys, reached };
        let spawned = std::thread::Builder::new().name("follower".into()).spawn(move || work.run(&calls));
        let thread = spawned.map_err(|fault| Fault::Broken(fault.to_string()))?;
        Ok(Self { search, reached: watching, call: Some(call), thread: Some(thread) })
    }

    pub(super) fn search(&self) -> &Search {
        &self.search
    }

    /// Index of the next entry to be projected.
    pub(super) fn position(&self) -> u64 {
        *self.reached.borrow()
    }

    /// Says that the log has grown.
    pub(super) fn call(&self) {
        if let Some(call) = &self.call {
            match call.try_send(()) {
                // It is on its way, or gone.
                Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
            }
        }
    }

    /// Waits until the entry at `index` is projected.
    pub(super) async fn passed(&self, index: u64) {
        self.call();
        // The follower ends with the ledger; then there is nothing to wait for.
        let _ = self.reached.clone().wait_for(|next| *next > index).await;
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.call = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Work {
    fn run(&self, calls: &Receiver<()>) {
        use std::sync::mpsc::RecvTimeoutError::Disconnected;
        loop {
            let called = calls.recv_timeout(PATIENCE);
            let ended = matches!(called, Err(Disconnected));
            if called.is_ok() {
                std::thread::sleep(GATHERING);
            }
            if let Err(fault) = self.catch_up() {
                tracing::error!(%fault, "the search projection lags behind the log");
            }
            if ended {
                return;
            }
        }
    }

    fn catch_up(&self) -> Result<(), Fault> {
        loop {
            let next = self.search.next()?;
            let entries = self.store.entries(next, CHUNK)?;
            let Some(last) = entries.last() else { return Ok(()) };
            let after = last.index + 1;
            let rows: Vec<SearchRow> = entries.iter().map(|row| self.row(row)).collect();
            self.search.add(&rows, after)?;
            entries.iter().filter_map(event_of).for_each(|event| self.keys.note(event));
            self.reached.send_replace(after);
        }
    }

    fn row(&self, row: &EntryRow) -> SearchRow {
        let act = match self.scribe.open_act(row) {
            Ok((opening, _)) => opening.value(),
            Err(fault) => {
                tracing::error!(index = row.index, %fault, "an entry does not open");
                Value::Null
            }
        };
        let text = |member: &str| act.get(member).and_then(Value::as_str).map(str::to_owned);
        SearchRow {
            index: row.index,
            time: time_of(row).unwrap_or_default(),
            event: event_of(row).map_or_else(String::new, |event| event.to_string()),
            releasing: text("releasing"),
            receiving: text("receiving"),
            purpose: text("purpose"),
            basis: text("basis"),
            outcome: text("outcome"),
            subject: row.subject.as_ref().map(|subject| self.blind.subject(subject)),
        }
    }
}
