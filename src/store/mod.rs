//! The system of record, behind one narrow port: proposals go in together, durable or not at all; rows come out.
//!
//! Not here: what a proposal means (`ledger`, `broker`), whether it may be made (`policy`), what may vanish
//! (`ephemeral`). Engines know no law and open no seal.
//!
//! INVARIANTS
//! - Preconditions and writes are judged in order, each proposal seeing those before it; a failed proposal is undone
//!   alone. What passed becomes durable in one transaction with its leaves and the signed checkpoint that covers them.
//! - What the log accounts for changes only with an entry: a consent with one that decides on it or changes its stage.
//! - A commit whose outcome is not known is [`Fault::Broken`], never a success: the process takes no more writes.
//! - Log rows are never changed or deleted.

mod proposal;
mod rows;
mod search;
mod sqlite;
mod vault;

pub use proposal::{Draft, Link, Precondition, Proposal, Write};
pub use rows::{
    Class, ConsentRow, DraftRow, DueRow, EntryRow, GrantRow, GrantedOn, KeyUse, NoticeRow, RecordRow, Standing,
    WrappedKey,
};
pub use search::{Filter, Search, SearchRow};
pub use sqlite::Sqlite;
pub use vault::{Vault, VaultFault};

use std::sync::Arc;

use crate::clock::Moment;
use crate::domain::{Ask, BodyId, ClientId, ConsentId, DraftId, KindId, Pseudonym, PurposeId, SubjectId, Version};

/// SHA-256 hash of the tree, a commitment, or a digest.
pub type Hash = [u8; 32];

/// A leaf of the log (`ledger/FORMAT.md`).
pub type Leaf = [u8; 128];

/// The head of the log, and what moves with it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Head {
    /// Number of entries.
    pub size: u64,
    /// Root of the tree at that size.
    pub root: Hash,
    /// Roots of the perfect subtrees that make up the tree, largest first.
    pub range: Vec<Hash>,
    /// Time of the last batch.
    pub time: Moment,
    /// Raised whenever rules, catalogue, clients or bodies change.
    pub epoch: Version,
    /// Digest of the bundle in force; zero before the first activation.
    pub bundle: Hash,
    /// Epoch of the ephemeral engine: raised when that engine lost what it knew.
    pub ephemeral: Version,
    /// When that epoch began.
    pub ephemeral_since: Moment,
}

/// What a batch looks like once appended, before it is signed.
#[derive(Clone, Debug)]
pub struct Appended {
    /// The new leaves.
    pub leaves: Vec<Leaf>,
    /// The tree after them.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// Its perfect subtrees, largest first.
    pub range: Vec<Hash>,
    /// Complete nodes that the batch added, by level from the leaves up. The engine keeps every eighth level above 0.
    pub nodes: Vec<Level>,
}

/// Adjoining complete nodes of one level of the tree.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Level {
    /// Position of the first.
    pub first: u64,
    /// Their hashes.
    pub hashes: Vec<Hash>,
}

/// Turns drafts into leaves and vouches for the head. Implemented by `ledger`, called inside the transaction.
pub trait Seal: Send + Sync {
    /// The leaves of `drafts`, each with the bundle in force at its place, at `time`, appended to `head`.
    fn append(&self, head: &Head, time: Moment, drafts: &[(&Draft, Hash)]) -> Appended;

    /// The signed checkpoint, after the root was computed a second way from the leaves as read back from the
    /// transaction. Refuses, and so undoes the batch, when the two differ.
    fn sign(&self, head: &Head, appended: &Appended, read_back: &[Leaf]) -> Result<String, Refused>;
}

/// The seal refuses a batch.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the batch is not sealed: {0}")]
pub struct Refused(pub &'static str);

/// What became of one proposal.
pub type Outcome = Result<Committed, Precondition>;

/// A proposal that passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Committed {
    /// The index of its entry, if it left one.
    pub index: Option<u64>,
    /// The batch's time.
    pub time: Moment,
}

/// A batch that is durable.
#[derive(Clone, Debug)]
pub struct Batch {
    /// One outcome per proposal, in order; a failed one names the precondition that did not hold.
    pub outcomes: Vec<Outcome>,
    /// The head before.
    pub before: Head,
    /// The head after.
    pub after: Head,
    /// What was appended, with its checkpoint; none when no proposal left an entry.
    pub appended: Option<(Appended, Arc<str>)>,
}

/// Why the record did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fault {
    /// The batch was undone as a whole; nothing of it was recorded, and the next one may pass.
    #[error("the batch was undone: {0}")]
    Undone(String),
    /// The engine cannot vouch for a commit, or cannot read. It takes no more writes until it is started again.
    #[error("the record does not answer: {0}")]
    Broken(String),
    /// The clock is more than five seconds behind the head: nothing that rests on the time passes, and the batch that
    /// holds such a thing is undone as a whole. What rests on no time, a withdrawal above all, goes on.
    #[error("the clock is {0} seconds behind the log")]
    ClockInDoubt(i64),
}

/// The system of record.
pub trait Store: Send + Sync {
    /// Whether it takes writes; the fault that ended them otherwise.
    fn health(&self) -> Result<(), Fault>;

    /// Judges the proposals in order and commits those that pass in one transaction, durable on return. Batch time is
    /// the later of `now` and the head's.
    fn commit(&self, proposals: &[Proposal], now: Moment, seal: &dyn Seal) -> Result<Batch, Fault>;

    /// The head as committed.
    fn head(&self) -> Result<Head, Fault>;

    /// The subject's version; 0 when there is none.
    fn subject_version(&self, subject: &SubjectId) -> Result<Version, Fault>;

    /// The subject's status, sealed; none while nothing was said of it.
    fn status(&self, subject: &SubjectId) -> Result<Option<Vec<u8>>, Fault>;

    /// The subject reached by a lookup digest.
    fn identity(&self, lookup: &Hash) -> Result<Option<SubjectId>, Fault>;

    /// How often who is reached by a lookup digest signed out: the not-before of their sessions, which no clock moves.
    fn sign_outs(&self, lookup: &Hash) -> Result<u64, Fault>;

    /// The subject's wrapped key of a class.
    fn key(&self, subject: &SubjectId, class: &Class) -> Result<Option<WrappedKey>, Fault>;

    /// The classes of which the subject has a key.
    fn classes(&self, subject: &SubjectId) -> Result<Vec<Class>, Fault>;

    /// The wrapped log key of a year.
    fn log_key(&self, year: i16) -> Result<Option<WrappedKey>, Fault>;

    /// The newest version of a record.
    fn record(&self, subject: &SubjectId, kind: &KindId) -> Result<Option<RecordRow>, Fault>;

    /// A consent.
    fn consent(&self, id: &ConsentId) -> Result<Option<ConsentRow>, Fault>;

    /// A subject's consents, newest change first.
    fn consents_of(&self, subject: &SubjectId) -> Result<Vec<ConsentRow>, Fault>;

    /// Consents of any stage to a body, for one purpose or for each: by purpose and identifier, those that follow `after`,
    /// at most `limit`. One that has been carried to another body meanwhile is still a place to go on from.
    fn consents_for(
        &self,
        receiving: &BodyId,
        purpose: Option<&PurposeId>,
        after: Option<ConsentId>,
        limit: usize,
    ) -> Result<Vec<ConsentRow>, Fault>;

    /// Uses taken under a consent. Waits for a batch under way: for pages, not for asks.
    fn uses(&self, id: &ConsentId) -> Result<u64, Fault>;

    /// How a body knows the subject.
    fn pseudonym(&self, subject: &SubjectId, body: &BodyId) -> Result<Option<Pseudonym>, Fault>;

    /// What a release to `body`, asked by `client`, rests on: all of it at one moment.
    fn standing(&self, ask: &Ask, client: &ClientId, body: &BodyId) -> Result<Standing, Fault>;

    /// What the client's use of an Idempotency-Key led to.
    fn key_use(&self, client: &ClientId, key: &str) -> Result<Option<KeyUse>, Fault>;

    /// A draft.
    fn draft(&self, id: &DraftId) -> Result<Option<DraftRow>, Fault>;

    /// Notices to a subject, newest first, at most `limit`.
    fn notices_of(&self, subject: &SubjectId, limit: usize) -> Result<Vec<NoticeRow>, Fault>;

    /// The work that is due before a moment, the oldest first, at most `limit`.
    fn due(&self, before: Moment, limit: usize) -> Result<Vec<DueRow>, Fault>;

    /// A bundle's bytes.
    fn bundle(&self, digest: &Hash) -> Result<Option<Vec<u8>>, Fault>;

    /// Clients that were stopped.
    fn stopped(&self) -> Result<Vec<ClientId>, Fault>;

    /// Log entries from an index on, at most `limit`.
    fn entries(&self, from: u64, limit: usize) -> Result<Vec<EntryRow>, Fault>;

    /// Leaves from an index on, at most `limit`.
    fn leaves(&self, from: u64, limit: usize) -> Result<Vec<Leaf>, Fault>;

    /// A complete node of a level that is kept: a multiple of 8, above 0.
    fn node(&self, level: u8, position: u64) -> Result<Option<Hash>, Fault>;

    /// The signed checkpoints of batches with a size above `after`, at most `limit`, sizes rising.
    fn checkpoints(&self, after: u64, limit: usize) -> Result<Vec<(u64, String)>, Fault>;
}

#[cfg(test)]
mod contract;
#[cfg(test)]
pub(crate) use contract::{Chain, Folder, behind};
