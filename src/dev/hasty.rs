//! A record that acknowledges releases before they are committed: the negative control of the kill tests. A checker
//! that does not catch it catches nothing.
//!
//! Not here: anything that a product runs. Only a hidden flag of `unefois serve`, in builds with this feature, reaches it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Moment;
use crate::domain::{
    Ask, BodyId, ClientId, ConsentId, DraftId, Event, KindId, Pseudonym, PurposeId, SubjectId, Version,
};
use crate::store::{
    Appended, Batch, Class, Committed, ConsentRow, Draft, DraftRow, DueRow, EntryRow, Fault, Hash, Head, KeyUse, Leaf,
    NoticeRow, Proposal, RecordRow, Refused, Seal, Standing, Store, WrappedKey,
};

/// How long a release that was acknowledged waits for its commit.
const LATE: Duration = Duration::from_millis(30);

/// The record, with its haste.
pub(super) struct Hasty {
    inner: Arc<dyn Store>,
    /// The head as told, which the record reaches later.
    told: Mutex<Option<Head>>,
    late: Sender<Late>,
    waiting: Arc<AtomicU64>,
}

/// A batch acknowledged and not yet committed.
struct Late {
    proposals: Vec<Proposal>,
    now: Moment,
    sealed: Sealed,
}

/// A seal that gives again what was told.
struct Sealed {
    appended: Appended,
    checkpoint: Arc<str>,
}

impl Seal for Sealed {
    fn append(&self, _: &Head, _: Moment, _: &[(&Draft, Hash)]) -> Appended {
        self.appended.clone()
    }

    fn sign(&self, _: &Head, _: &Appended, _: &[Leaf]) -> Result<String, Refused> {
        Ok(self.checkpoint.to_string())
    }
}

impl Hasty {
    pub(super) fn new(inner: Arc<dyn Store>) -> Self {
        let (late, later) = channel::<Late>();
        let waiting = Arc::new(AtomicU64::new(0));
        let (store, left) = (Arc::clone(&inner), Arc::clone(&waiting));
        std::thread::spawn(move || {
            for Late { proposals, now, sealed } in later {
                std::thread::sleep(LATE);
                if let Err(fault) = store.commit(&proposals, now, &sealed) {
                    tracing::error!(%fault, "a release that was acknowledged is not committed");
                }
                left.fetch_sub(1, Ordering::SeqCst);
            }
        });
        Self { inner, told: Mutex::default(), late, waiting }
    }

    /// Acknowledges releases as if all of them passed; commits them later.
    fn hasten(&self, proposals: &[Proposal], now: Moment, seal: &dyn Seal) -> Result<Batch, Fault> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let before = told.clone().map_or_else(|| self.inner.head(), Ok)?;
        let time = now.max(before.time);
        let drafts: Vec<_> = proposals.iter().filter_map(|one| Some((one.entry.as_ref()?, before.bundle))).collect();
        let appended = seal.append(&before, time, &drafts);
        let signed = seal.sign(&before, &appended, &appended.leaves);
        let checkpoint: Arc<str> = signed.map_err(|refused| Fault::Broken(refused.to_string()))?.into();
        let (size, root, range) = (appended.size, appended.root, appended.range.clone());
        let after = Head { size, root, range, time, ..before.clone() };
        *told = Some(after.clone());
        let sealed = Sealed { appended: appended.clone(), checkpoint: Arc::clone(&checkpoint) };
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let gone = |_| Fault::Broken("nobody commits".to_owned());
        self.late.send(Late { proposals: proposals.to_vec(), now: time, sealed }).map_err(gone)?;
        let outcomes = (before.size..size).map(|index| Ok(Committed { index: Some(index), time })).collect();
        Ok(Batch { outcomes, before, after, appended: Some((appended, checkpoint)) })
    }

    /// Waits until the record holds all that was told.
    fn catch_up(&self) {
        while self.waiting.load(Ordering::SeqCst) > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Store for Hasty {
    fn health(&self) -> Result<(), Fault> {
        self.inner.health()
    }

    fn commit(&self, proposals: &[Proposal], now: Moment, seal: &dyn Seal) -> Result<Batch, Fault> {
        let release = |one: &Proposal| one.entry.as_ref().is_some_and(|entry| entry.event == Event::Release);
        if proposals.iter().all(release) {
            return self.hasten(proposals, now, seal);
        }
        self.catch_up();
        self.inner.commit(proposals, now, seal)
    }

    fn head(&self) -> Result<Head, Fault> {
        self.inner.head()
    }

    fn subject_version(&self, subject: &SubjectId) -> Result<Version, Fault> {
        self.inner.subject_version(subject)
    }

    fn status(&self, subject: &SubjectId) -> Result<Option<Vec<u8>>, Fault> {
        self.inner.status(subject)
    }

    fn identity(&self, lookup: &Hash) -> Result<Option<SubjectId>, Fault> {
        self.inner.identity(lookup)
    }

    fn sign_outs(&self, lookup: &Hash) -> Result<u64, Fault> {
        self.inner.sign_outs(lookup)
    }

    fn key(&self, subject: &SubjectId, class: &Class) -> Result<Option<WrappedKey>, Fault> {
        self.inner.key(subject, class)
    }

    fn classes(&self, subject: &SubjectId) -> Result<Vec<Class>, Fault> {
        self.inner.classes(subject)
    }

    fn log_key(&self, year: i16) -> Result<Option<WrappedKey>, Fault> {
        self.inner.log_key(year)
    }

    fn record(&self, subject: &SubjectId, kind: &KindId) -> Result<Option<RecordRow>, Fault> {
        self.inner.record(subject, kind)
    }

    fn consent(&self, id: &ConsentId) -> Result<Option<ConsentRow>, Fault> {
        self.inner.consent(id)
    }

    fn consents_of(&self, subject: &SubjectId) -> Result<Vec<ConsentRow>, Fault> {
        self.inner.consents_of(subject)
    }

    fn consents_for(
        &self,
        receiving: &BodyId,
        purpose: Option<&PurposeId>,
        after: Option<ConsentId>,
        limit: usize,
    ) -> Result<Vec<ConsentRow>, Fault> {
        self.inner.consents_for(receiving, purpose, after, limit)
    }

    fn uses(&self, id: &ConsentId) -> Result<u64, Fault> {
        self.inner.uses(id)
    }

    fn pseudonym(&self, subject: &SubjectId, body: &BodyId) -> Result<Option<Pseudonym>, Fault> {
        self.inner.pseudonym(subject, body)
    }

    fn standing(&self, ask: &Ask, client: &ClientId, body: &BodyId) -> Result<Standing, Fault> {
        self.inner.standing(ask, client, body)
    }

    fn key_use(&self, client: &ClientId, key: &str) -> Result<Option<KeyUse>, Fault> {
        self.inner.key_use(client, key)
    }

    fn draft(&self, id: &DraftId) -> Result<Option<DraftRow>, Fault> {
        self.inner.draft(id)
    }

    fn notices_of(&self, subject: &SubjectId, limit: usize) -> Result<Vec<NoticeRow>, Fault> {
        self.inner.notices_of(subject, limit)
    }

    fn due(&self, before: Moment, limit: usize) -> Result<Vec<DueRow>, Fault> {
        self.inner.due(before, limit)
    }

    fn bundle(&self, digest: &Hash) -> Result<Option<Vec<u8>>, Fault> {
        self.inner.bundle(digest)
    }

    fn stopped(&self) -> Result<Vec<ClientId>, Fault> {
        self.inner.stopped()
    }

    fn entries(&self, from: u64, limit: usize) -> Result<Vec<EntryRow>, Fault> {
        self.inner.entries(from, limit)
    }

    fn leaves(&self, from: u64, limit: usize) -> Result<Vec<Leaf>, Fault> {
        self.inner.leaves(from, limit)
    }

    fn node(&self, level: u8, position: u64) -> Result<Option<Hash>, Fault> {
        self.inner.node(level, position)
    }

    fn checkpoints(&self, after: u64, limit: usize) -> Result<Vec<(u64, String)>, Fault> {
        self.inner.checkpoints(after, limit)
    }
}
