//! The ledger: what was done, in an order that nobody can quietly change, and the only place where a data token is made.
//!
//! Not here: whether something may be done (`policy`), how batches become durable (`store`), the offline check of all
//! this (`verify`, which shares no code with it).
//!
//! INVARIANTS
//! - A [`Recorded`] exists only for an entry that is durable and covered by a signed checkpoint; a [`DataToken`] only
//!   for a [`Recorded`]; the data-token key is reachable nowhere else.
//! - What is entered was decided: each act enters with the permit or the denial it rests on. Withdrawing, refusing and
//!   operators' acts rest on the right to act alone.
#![doc = include_str!("FORMAT.md")]

mod acts;
mod change;
mod entry;
mod export;
mod facts;
mod follow;
mod head_file;
mod key_history;
mod notary;
mod reform;
mod release;
mod sequencer;
mod tree;

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use self::acts::{NamedSignature, PersonsOpened, Refused, Telling};
pub use self::entry::{EntryFault, Opening};
use self::entry::{Scribe, Statement, year_of};
pub use self::export::{ExportFault, ExportReport};
pub use self::follow::BlindIndex;
use self::follow::Follower;
use self::head_file::HeadFile;
use self::key_history::KnownKeys;
use self::notary::Notary;
pub use self::reform::Moving;
use self::release::TokenSigner;
pub use self::release::{DataToken, NotReleased, Recorded, Ties};
use self::sequencer::{Done, Sealed, Sequencer, Works};
pub use self::sequencer::{Lane, NotCommitted};
use crate::clock::{Clock, Moment};
use crate::crypto::Ed25519Key;
use crate::domain::Event;
use crate::jose::{Jwk, Signer};
use crate::store::{EntryRow, Fault, Hash, Head, Leaf, Precondition, Proposal, Search, Store, Vault, Write};

/// What the ledger works with.
pub struct Parts {
    /// The record.
    pub store: Arc<dyn Store>,
    /// Keys of subjects and of the log.
    pub vault: Arc<Vault>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The log's origin: a schema-less name, also its key's.
    pub origin: String,
    /// The checkpoint key.
    pub checkpoint: Ed25519Key,
    /// The broker's issuer, as in data tokens.
    pub issuer: String,
    /// The data-token key.
    pub data_token: Signer,
    /// The projection that follows the log.
    pub search: Arc<Search>,
    /// How the projection knows subjects.
    pub blind: Arc<BlindIndex>,
}

/// The log and its writer.
pub struct Ledger {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    scribe: Arc<Scribe>,
    notary: Arc<Notary>,
    sequencer: Sequencer,
    follower: Follower,
    tokens: TokenSigner,
    keys: Arc<KnownKeys>,
}

/// Why the ledger does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartFault {
    /// The record does not answer.
    #[error(transparent)]
    Store(#[from] Fault),
    /// The head file cannot be read or made.
    #[error("the head file beside the checkpoint key: {0}")]
    HeadFile(#[from] std::io::Error),
    /// The head file is empty, and the record is not.
    #[error(
        "the head file beside the checkpoint key is empty, and the record has {0} entries: no backup holds that file, so \
         nothing here can tell whether the record is the newest; keep both as they are, compare the record's checkpoint \
         with those that others hold, and where `init` was cut short, remove what it made and run it again"
    )]
    Unseen(u64),
    /// The record is older than what the head file saw.
    #[error("the record has {record} entries, but {seen} were seen beside the checkpoint key: it is an older copy")]
    Older {
        /// Entries in the record.
        record: u64,
        /// Entries seen.
        seen: u64,
    },
    /// The record is not the log of this key ring.
    #[error("the record is not the log of this key ring: its checkpoint at {0} entries is another's")]
    Foreign(u64),
}

/// Why nothing was entered.
#[derive(Debug, thiserror::Error)]
pub enum NotEntered {
    /// It could not be sealed, or what is stored does not open.
    #[error(transparent)]
    Entry(#[from] EntryFault),
    /// It was not committed.
    #[error(transparent)]
    Commit(#[from] NotCommitted),
}

impl From<Fault> for NotEntered {
    fn from(fault: Fault) -> Self {
        Self::Commit(NotCommitted::Fault(fault))
    }
}

/// A durable entry, with what proves it.
pub struct Entered {
    index: u64,
    time: Moment,
    opening: Opening,
    batch: Arc<Sealed>,
}

impl Entered {
    /// Its index.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Its batch's time.
    pub const fn time(&self) -> Moment {
        self.time
    }

    /// The entry proof, with the act part opened.
    pub fn proof(&self) -> Option<Proof> {
        let leaf = *self.batch.leaf(self.index)?;
        let hashes = self.batch.path(self.index)?;
        let opening = Some(self.opening.clone());
        Some(Proof {
            index: self.index,
            size: self.batch.size(),
            leaf,
            opening,
            hashes,
            checkpoint: Arc::clone(&self.batch.checkpoint),
        })
    }
}

/// An entry proof (*preuve d'inscription*): that a leaf is in the log at its index (C2SP tlog-proof).
#[derive(Clone, Debug)]
pub struct Proof {
    /// Index of the entry.
    pub index: u64,
    /// Size of the log that the checkpoint covers.
    pub size: u64,
    /// The leaf.
    pub leaf: Leaf,
    /// The act part's opening, for holders who may have it.
    pub opening: Option<Opening>,
    /// Audit path, leaf to root.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: Arc<str>,
}

impl std::fmt::Display for Proof {
    /// The proof as a tlog-proof file.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut extra = self.leaf.to_vec();
        if let Some(opening) = &self.opening {
            extra.extend(opening.blind);
            extra.extend(opening.payload.as_bytes());
        }
        writeln!(f, "c2sp.org/tlog-proof@v1\nextra {}\nindex {}", STANDARD.encode(extra), self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{}", STANDARD.encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl Ledger {
    /// Begins the log of an empty record: makes the head file beside the checkpoint key.
    pub fn create(parts: Parts, keys: &Path) -> Result<Self, StartFault> {
        let size = parts.store.head()?.size;
        if size > 0 {
            return Err(StartFault::Foreign(size));
        }
        let head_file = HeadFile::create(keys)?;
        Self::start(parts, head_file, None)
    }

    /// Continues a log: its newest checkpoint must be signed by this key and cover all that the head file saw.
    pub fn open(parts: Parts, keys: &Path) -> Result<Self, StartFault> {
        let (head_file, seen) = HeadFile::open(keys)?;
        Self::start(parts, head_file, seen)
    }

    fn start(parts: Parts, head_file: HeadFile, seen: Option<(u64, Hash)>) -> Result<Self, StartFault> {
        let Parts { store, vault, clock, origin, checkpoint, issuer, data_token, search, blind } = parts;
        let notary = Arc::new(Notary::new(origin, checkpoint));
        recognise(store.as_ref(), &notary, seen)?;
        let works =
            Works { store: Arc::clone(&store), notary: Arc::clone(&notary), clock: Arc::clone(&clock), head_file };
        let sequencer = Sequencer::start(works)?;
        let scribe = Arc::new(Scribe::new(Arc::clone(&vault)));
        let keys = Arc::new(KnownKeys::default());
        let follower = Follower::start(Arc::clone(&store), Arc::clone(&scribe), search, blind, Arc::clone(&keys))?;
        let tokens = TokenSigner::new(issuer, data_token);
        Ok(Self { store, vault, clock, scribe, notary, sequencer, follower, tokens, keys })
    }

    /// The log's origin.
    pub fn origin(&self) -> &str {
        self.notary.origin()
    }

    /// The public part of the data-token key.
    pub fn token_key(&self) -> &Jwk {
        self.tokens.jwk()
    }

    /// The key that verifies its checkpoints, as text.
    pub fn vkey(&self) -> String {
        self.notary.vkey()
    }

    /// The head as committed.
    pub fn head(&self) -> Result<Head, Fault> {
        self.store.head()
    }

    /// The newest signed checkpoint; none for an empty log.
    pub fn checkpoint(&self) -> Result<Option<String>, Fault> {
        let size = self.store.head()?.size;
        Ok(self.store.checkpoints(size.saturating_sub(1), 1)?.into_iter().next().map(|(_, note)| note))
    }

    /// Whether the ledger takes entries.
    pub fn health(&self) -> Result<(), Fault> {
        self.store.health()?;
        self.sequencer.health()
    }

    /// Commits writes that leave no entry: a subject's first sign-in, sign-outs, drafts, what is spent, new keys.
    pub async fn write(
        &self,
        lane: Lane,
        preconditions: Vec<Precondition>,
        writes: Vec<Write>,
    ) -> Result<Moment, NotEntered> {
        let done = self.sequencer.commit(lane, Proposal { preconditions, entry: None, writes }).await?;
        Ok(done.time)
    }

    /// Enters a statement with its writes.
    async fn enter(
        &self,
        lane: Lane,
        statement: Statement,
        preconditions: Vec<Precondition>,
        writes: Vec<Write>,
    ) -> Result<Entered, NotEntered> {
        let now = self.clock.now();
        self.ensure_log_key(year_of(now)).await?;
        let event = statement.event;
        let (draft, opening) = self.scribe.draft(statement, now)?;
        let proposal = Proposal { preconditions, entry: Some(draft), writes };
        match self.sequencer.commit(lane, proposal).await? {
            Done { index: Some(index), time, batch: Some(batch) } => {
                self.keys.note(event);
                self.follower.call();
                Ok(Entered { index, time, opening, batch })
            }
            _ => Err(NotEntered::Commit(NotCommitted::Fault(Fault::Undone("the entry has no index".into())))),
        }
    }

    /// A year's first entry makes the year's key. Two at once: the second one's is undone, and the first one's is found.
    async fn ensure_log_key(&self, year: i16) -> Result<(), NotEntered> {
        if self.vault.log_key(year).map_err(EntryFault::from)?.is_some() {
            return Ok(());
        }
        let (_, write) = self.vault.new_log_key(year).map_err(EntryFault::from)?;
        match self.write(Lane::Person, Vec::new(), vec![write]).await {
            Err(NotEntered::Commit(NotCommitted::Fault(Fault::Undone(_)))) | Ok(_) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// The stored entry at `index`.
    pub fn entry(&self, index: u64) -> Result<Option<EntryRow>, Fault> {
        Ok(self.store.entries(index, 1)?.into_iter().find(|row| row.index == index))
    }

    /// Opens an entry's act part.
    pub fn open_act(&self, row: &EntryRow) -> Result<Opening, EntryFault> {
        self.scribe.open_act(row).map(|(opening, _)| opening)
    }

    /// Opens an entry's person part; none where its key is destroyed. Its reader must have been entered before.
    pub fn open_person(&self, row: &EntryRow) -> Result<Option<Opening>, EntryFault> {
        self.scribe.open_person(row)
    }

    /// Proves a stored entry against the newest checkpoint, its act part closed.
    pub fn prove(&self, index: u64) -> Result<Option<Proof>, Fault> {
        let head = self.store.head()?;
        let Some((size, checkpoint)) = self.store.checkpoints(head.size.saturating_sub(1), 1)?.into_iter().next()
        else {
            return Ok(None);
        };
        let Some(leaf) = self.store.leaves(index, 1)?.into_iter().next() else { return Ok(None) };
        let hashes = tree::path(index, size, |level, position| self.node(level, position))?;
        Ok(hashes.map(|hashes| Proof { index, size, leaf, opening: None, hashes, checkpoint: checkpoint.into() }))
    }

    /// The proof that the log at `old` entries is a prefix of the log at `new`; none when the log is not that long.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Option<Vec<Hash>>, Fault> {
        if new > self.store.head()?.size {
            return Ok(None);
        }
        tree::consistency(old, new, |level, position| self.node(level, position))
    }

    /// A complete node: as kept at every eighth level, or computed from those below.
    fn node(&self, level: u32, position: u64) -> Result<Hash, Fault> {
        const KEPT: u32 = 8;
        let missing = || Fault::Broken(format!("node {level}/{position} of the tree is missing"));
        if level == 0 {
            return self.store.leaves(position, 1)?.first().map(tree::leaf_hash).ok_or_else(missing);
        }
        if level.is_multiple_of(KEPT) {
            let level = u8::try_from(level).map_err(|_| missing())?;
            return self.store.node(level, position)?.ok_or_else(missing);
        }
        let below = level - level % KEPT;
        let (first, count) = (position << (level - below), 1_usize << (level - below));
        let hashes: Vec<Hash> = if below == 0 {
            self.store.leaves(first, count)?.iter().map(tree::leaf_hash).collect()
        } else {
            (first..).take(count).map(|position| self.node(below, position)).collect::<Result<_, _>>()?
        };
        if hashes.len() == count { Ok(tree::grow(0, &[], hashes).root) } else { Err(missing()) }
    }

    /// The search projection, once it has passed the entry at `index`, if one is given.
    pub async fn search(&self, index: Option<u64>) -> &Search {
        if let Some(index) = index {
            self.follower.passed(index).await;
        }
        self.follower.search()
    }

    /// How many entries the projection lags behind the log.
    pub fn lag(&self) -> Result<u64, Fault> {
        Ok(self.store.head()?.size.saturating_sub(self.follower.position()))
    }

    /// Takes nothing new, commits what waits, and ends.
    pub fn close(&self) {
        self.sequencer.close();
    }
}

/// Whether the record is the log of this key, and holds all that the head file saw. Nothing runs on it before.
fn recognise(store: &dyn Store, notary: &Notary, seen: Option<(u64, Hash)>) -> Result<(), StartFault> {
    let signed = |size: u64| -> Result<Option<Hash>, Fault> {
        let note = store.checkpoints(size.saturating_sub(1), 1)?.into_iter().next();
        Ok(note.and_then(|(_, note)| notary.recognise(&note, size)))
    };
    let head = store.head()?;
    if head.size > 0 && signed(head.size)? != Some(head.root) {
        return Err(StartFault::Foreign(head.size));
    }
    match seen {
        Some((seen, _)) if seen > head.size => Err(StartFault::Older { record: head.size, seen }),
        Some((seen, root)) if signed(seen)? != Some(root) => Err(StartFault::Foreign(seen)),
        None if head.size > 0 => Err(StartFault::Unseen(head.size)),
        _ => Ok(()),
    }
}

/// The event of a stored entry.
pub fn event_of(row: &EntryRow) -> Option<Event> {
    row.leaf.get(1).copied().and_then(Event::from_byte)
}

/// The time of a stored entry.
pub fn time_of(row: &EntryRow) -> Option<Moment> {
    let seconds: [u8; 8] = row.leaf.get(4..12)?.try_into().ok()?;
    Some(Moment::from_unix(i64::from_be_bytes(seconds)))
}

#[cfg(test)]
mod tests;
