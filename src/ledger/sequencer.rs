//! Groups proposals into batches: one thread, persons' acts first, nothing answered before it is durable.
//!
//! Not here: what is proposed, how a batch is committed (`store`).
//! INVARIANT: once closed, what is queued is still committed and answered; nothing new is taken.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::head_file::HeadFile;
use super::notary::Notary;
use super::tree;
use crate::clock::{Clock, Moment};
use crate::store::{Appended, Batch, Committed, Fault, Hash, Leaf, Precondition, Proposal, Store};

/// Most proposals in one batch.
const LARGEST_BATCH: usize = 256;
/// With this many waiting, a batch does not linger for more.
const ENOUGH: usize = 48;
/// How long a batch lingers for company, when the last one had some.
const LINGER: Duration = Duration::from_millis(3);
/// How often the head file is synced.
const SYNC: Duration = Duration::from_secs(1);
/// Most proposals waiting before new ones are refused.
const LONGEST_QUEUE: usize = 65_536;

/// Whose queue a proposal waits in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lane {
    /// A person's, officer's or operator's act: drained first.
    Person,
    /// A client's ask.
    Client,
}

/// A durable batch, as far as proofs need it.
pub(super) struct Sealed {
    size_before: u64,
    range_before: Vec<Hash>,
    appended: Appended,
    /// The signed checkpoint.
    pub(super) checkpoint: Arc<str>,
}

impl Sealed {
    pub(super) fn size(&self) -> u64 {
        self.appended.size
    }

    pub(super) fn leaf(&self, index: u64) -> Option<&Leaf> {
        self.appended.leaves.get(usize::try_from(index.checked_sub(self.size_before)?).ok()?)
    }

    pub(super) fn path(&self, index: u64) -> Option<Vec<Hash>> {
        let below = tree::Below { size: self.size_before, range: &self.range_before, nodes: &self.appended.nodes };
        tree::path(index, self.appended.size, |level, position| below.node(level, position).ok_or(())).ok()?
    }
}

/// What became of a proposal.
pub(super) struct Done {
    pub(super) index: Option<u64>,
    pub(super) time: Moment,
    pub(super) batch: Option<Arc<Sealed>>,
}

/// Why a proposal was not committed.
#[derive(Debug, thiserror::Error)]
pub enum NotCommitted {
    /// A precondition did not hold: this one.
    #[error("what the decision rested on has moved")]
    Moved(Precondition),
    /// The record did not take it.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Too many wait, or the broker is stopping.
    #[error("the log takes no more proposals at the moment")]
    Busy,
}

/// The queue and its thread.
pub(super) struct Sequencer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    queues: Mutex<Queues>,
    wake: Condvar,
    /// Set once the head file can no longer be written: what the log holds is then more than anything outside saw.
    halted: OnceLock<Fault>,
}

#[derive(Default)]
struct Queues {
    persons: VecDeque<Job>,
    clients: VecDeque<Job>,
    closed: bool,
}

struct Job {
    proposal: Proposal,
    answer: Answer,
}

/// What the thread works with.
pub(super) struct Works {
    pub(super) store: Arc<dyn Store>,
    pub(super) notary: Arc<Notary>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) head_file: HeadFile,
}

impl Sequencer {
    pub(super) fn start(works: Works) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { queues: Mutex::default(), wake: Condvar::new(), halted: OnceLock::new() });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("sequencer".into()).spawn(move || theirs.run(&works))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Commits a proposal with others; returns once it is durable, or known not to be.
    pub(super) async fn commit(&self, lane: Lane, proposal: Proposal) -> Result<Done, NotCommitted> {
        let (answer, answered) = oneshot::channel();
        self.shared.queue(lane, Job { proposal, answer })?;
        answered.await.unwrap_or(Err(NotCommitted::Busy))
    }

    /// Whether batches are still committed.
    pub(super) fn health(&self) -> Result<(), Fault> {
        self.shared.halted.get().cloned().map_or(Ok(()), Err)
    }

    /// Takes nothing new, commits what waits, syncs the head file and ends the thread.
    pub(super) fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_all();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A thread that panicked has answered nobody; there is nothing to add to that.
            let _ = thread.join();
        }
    }
}

impl Drop for Sequencer {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self, lane: Lane, job: Job) -> Result<(), NotCommitted> {
        if let Some(fault) = self.halted.get() {
            return Err(fault.clone().into());
        }
        let mut queues = self.lock();
        if queues.closed || queues.waiting() >= LONGEST_QUEUE {
            return Err(NotCommitted::Busy);
        }
        match lane {
            Lane::Person => queues.persons.push_back(job),
            Lane::Client => queues.clients.push_back(job),
        }
        // The thread is asleep only while nothing waits, or while it lingers for exactly this many.
        if matches!(queues.waiting(), 1 | ENOUGH) {
            self.wake.notify_one();
        }
        Ok(())
    }

    fn run(&self, works: &Works) {
        let (mut linger, mut unsynced) = (false, None);
        while let Some(jobs) = self.next_batch(linger, &mut unsynced, works) {
            linger = jobs.len() > 1;
            if let Some(fault) = self.halted.get() {
                refuse(jobs.into_iter().map(|job| job.answer), fault);
                continue;
            }
            if let Err(fault) = works.commit(jobs) {
                tracing::error!(%fault, "no more batches are committed");
                self.halted.get_or_init(|| fault);
            }
            unsynced.get_or_insert_with(Instant::now);
            sync_if_due(&mut unsynced, works);
        }
        unsynced = unsynced.and(Instant::now().checked_sub(SYNC));
        sync_if_due(&mut unsynced, works);
    }

    /// The next jobs, persons' first; none once closed and empty.
    fn next_batch(&self, linger: bool, unsynced: &mut Option<Instant>, works: &Works) -> Option<Vec<Job>> {
        let mut queues = self.lock();
        while queues.waiting() == 0 {
            if queues.closed {
                return None;
            }
            if unsynced.is_some() {
                queues = self.wake.wait_timeout(queues, SYNC).unwrap_or_else(PoisonError::into_inner).0;
                if queues.waiting() == 0 {
                    drop(queues);
                    sync_if_due(unsynced, works);
                    queues = self.lock();
                }
            } else {
                queues = self.wake.wait(queues).unwrap_or_else(PoisonError::into_inner);
            }
        }
        if linger && queues.waiting() < ENOUGH && !queues.closed {
            queues = self.wake.wait_timeout(queues, LINGER).unwrap_or_else(PoisonError::into_inner).0;
        }
        Some(queues.take())
    }
}

fn sync_if_due(unsynced: &mut Option<Instant>, works: &Works) {
    if unsynced.is_some_and(|since| since.elapsed() >= SYNC) {
        match works.head_file.sync() {
            Ok(()) => *unsynced = None,
            Err(fault) => tracing::error!(%fault, "the head file beside the checkpoint key is not synced"),
        }
    }
}

impl Queues {
    fn waiting(&self) -> usize {
        self.persons.len() + self.clients.len()
    }

    fn take(&mut self) -> Vec<Job> {
        let persons = self.persons.len().min(LARGEST_BATCH);
        let clients = self.clients.len().min(LARGEST_BATCH - persons);
        self.persons.drain(..persons).chain(self.clients.drain(..clients)).collect()
    }
}

impl Works {
    /// Commits the jobs and answers them; an error when what is durable could not be noted beside the key.
    fn commit(&self, jobs: Vec<Job>) -> Result<(), Fault> {
        let (proposals, answers): (Vec<_>, Vec<_>) = jobs.into_iter().map(|job| (job.proposal, job.answer)).unzip();
        match self.store.commit(&proposals, self.clock.now(), self.notary.as_ref()) {
            Ok(batch) => self.answer(batch, answers),
            // One of them breaks a constraint, or rests on a doubtful time: alone, it takes no other with it.
            Err(Fault::Undone(_) | Fault::ClockInDoubt(_)) if proposals.len() > 1 => proposals
                .into_iter()
                .zip(answers)
                .try_for_each(|(proposal, answer)| self.commit(vec![Job { proposal, answer }])),
            Err(fault) => {
                tracing::error!(%fault, "a batch was not committed");
                refuse(answers, &fault);
                Ok(())
            }
        }
    }

    fn answer(&self, batch: Batch, answers: Vec<Answer>) -> Result<(), Fault> {
        let Batch { outcomes, before, after, appended } = batch;
        if appended.is_some()
            && let Err(fault) = self.head_file.write(after.size, &after.root)
        {
            let fault = Fault::Broken(format!("the head file beside the checkpoint key: {fault}"));
            refuse(answers, &fault);
            return Err(fault);
        }
        let sealed = appended.map(|(appended, checkpoint)| {
            Arc::new(Sealed { size_before: before.size, range_before: before.range, appended, checkpoint })
        });
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            let done = outcome.map_err(NotCommitted::Moved).map(|Committed { index, time }| Done {
                index,
                time,
                batch: index.and_then(|_| sealed.clone()),
            });
            answer_one(answer, done);
        }
        Ok(())
    }
}

type Answer = oneshot::Sender<Result<Done, NotCommitted>>;

fn refuse(answers: impl IntoIterator<Item = Answer>, fault: &Fault) {
    for answer in answers {
        answer_one(answer, Err(fault.clone().into()));
    }
}

fn answer_one(answer: Answer, outcome: Result<Done, NotCommitted>) {
    // Who asked may have gone: the entry stands all the same.
    let _ = answer.send(outcome);
}
