//! The embedded default: SQLite in WAL mode with `synchronous=FULL`, one connection that writes, read-only readers.
//!
//! Not here: grouping proposals into batches (`ledger/sequencer`), opening seals.
//!
//! INVARIANTS
//! - One process: the folder is locked for as long as the engine lives.
//! - A log is made by [`Sqlite::create`] alone; opening never makes one.
//! - After any failure to read, write or sync, the engine is broken until it is started again: no retry of a failed sync.

mod counts;
mod judge;
mod read;
mod write;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use self::counts::Counts;
use super::{Appended, Batch, Fault, Head, Outcome, Precondition, Proposal, Seal};
use crate::clock::Moment;

/// Older SQLite can corrupt a WAL database (fixed in 3.51.3).
const OLDEST_SQLITE: i32 = 3_051_003;
/// Format of the tables: raised with every change of them.
const FORMAT: i64 = 3;
/// The tables.
const SCHEMA: &str = include_str!("schema.sql");
/// The clock may lag behind the head by this many seconds.
const DOUBT: i64 = 5;
/// Pages in the WAL before they are moved to the main file.
const WAL_PAGES: i64 = 8_192;
/// Statements kept prepared.
const STATEMENTS: usize = 96;

/// The SQLite engine.
pub struct Sqlite {
    folder: PathBuf,
    writer: Mutex<Writer>,
    readers: Mutex<Vec<Connection>>,
    _lock: Lock,
}

/// The folder's lock file, locked.
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would not do where a child process, not yet started, still holds a copy of the file.
        let _ = self.0.unlock();
    }
}

struct Writer {
    db: Connection,
    counts: Counts,
    broken: Option<Fault>,
}

impl Sqlite {
    /// Makes an empty record in `folder`, which must not hold one.
    pub fn create(folder: &Path) -> Result<Self, Fault> {
        let path = folder.join(FILE);
        if path.exists() {
            return Err(Fault::Broken(format!("{} already holds a record", folder.display())));
        }
        let lock = lock(folder)?;
        let db = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        let made = db.execute_batch(&format!("BEGIN;{SCHEMA}INSERT INTO meta VALUES ('format', {FORMAT});COMMIT;"));
        made.map_err(|fault| broken(&fault))?;
        Self::start(folder, lock, db)
    }

    /// Opens the record in `folder`, which must hold one of this format.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Err(Fault::Broken(format!("{} holds no record; `unefois init` makes one", folder.display())));
        }
        let lock = lock(folder)?;
        let db = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        Self::start(folder, lock, db)
    }

    fn start(folder: &Path, lock: Lock, mut db: Connection) -> Result<Self, Fault> {
        let format: i64 = db
            .query_row("SELECT value FROM meta WHERE name = 'format'", [], |row| row.get(0))
            .map_err(|_| Fault::Broken("the file is not a record of Unefois".to_owned()))?;
        if format != FORMAT {
            let remedy = if format < FORMAT {
                "it is from before the first release, and nothing carries it over: move its folder away, and begin \
                 another log with `unefois init`"
            } else {
                "a newer program made it: start that one"
            };
            let told = format!("the record has format {format}, and this program reads format {FORMAT}; {remedy}");
            return Err(Fault::Broken(told));
        }
        let tx = db.transaction().map_err(|fault| broken(&fault))?;
        let counts = Counts::load(&tx).map_err(|fault| broken(&fault))?;
        drop(tx);
        let writer = Mutex::new(Writer { db, counts, broken: None });
        Ok(Self { folder: folder.to_owned(), writer, readers: Mutex::default(), _lock: lock })
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a read on a connection of its own, which goes back to the pool afterwards.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Fault> {
        let pooled = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let db = match pooled {
            Some(db) => db,
            None => connect(&self.folder.join(FILE), OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        let result = read(&db).map_err(|fault| broken(&fault));
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(db);
        result
    }
}

impl Writer {
    fn commit(&mut self, proposals: &[Proposal], now: Moment, seal: &dyn Seal) -> Result<Batch, Fault> {
        proposals.iter().try_for_each(Proposal::accounted_for)?;
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|fault| fault_of(&fault))?;
        let before = read::head(&tx).map_err(|fault| fault_of(&fault))?;
        let lag = before.time.since(now);
        if lag > DOUBT && proposals.iter().flat_map(|proposal| &proposal.preconditions).any(Precondition::is_timed) {
            return Err(Fault::ClockInDoubt(lag));
        }
        let time = now.max(before.time);
        let folded = self.counts.fold(&tx, before.size).map_err(|fault| fault_of(&fault))?;
        let mut run = write::Run::new(&tx, &self.counts, &before, time);
        let outcomes = run.all(proposals).map_err(|fault| fault_of(&fault))?;
        if !outcomes.iter().any(Outcome::is_ok) {
            return Ok(Batch { outcomes, before: before.clone(), after: before, appended: None });
        }
        let (mut after, bundles, uses) = run.into_after();
        after.time = time;
        let entries = passed(proposals, &outcomes).filter_map(|proposal| proposal.entry.as_ref());
        let drafts: Vec<_> = entries.zip(bundles).collect();
        let mut appended = None;
        if !drafts.is_empty() {
            let new = seal.append(&before, time, &drafts);
            let read_back = write::entries(&tx, before.size, &new, &drafts).map_err(|fault| fault_of(&fault))?;
            let note = seal.sign(&before, &new, &read_back).map_err(|refused| Fault::Broken(refused.to_string()))?;
            write::checkpoint(&tx, new.size, &note).map_err(|fault| fault_of(&fault))?;
            after.advance(&new);
            appended = Some((new, Arc::from(note)));
        }
        write::head(&tx, &after).map_err(|fault| fault_of(&fault))?;
        tx.commit().map_err(|fault| broken(&fault))?;
        self.counts.folded(&folded);
        for (consent, index) in uses {
            self.counts.take(consent, index);
        }
        Ok(Batch { outcomes, before, after, appended })
    }
}

impl Head {
    fn advance(&mut self, appended: &Appended) {
        self.size = appended.size;
        self.root = appended.root;
        self.range.clone_from(&appended.range);
    }
}

fn passed<'a>(proposals: &'a [Proposal], outcomes: &'a [Outcome]) -> impl Iterator<Item = &'a Proposal> {
    proposals.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_ok()).map(|(proposal, _)| proposal)
}

const FILE: &str = "ledger.sqlite";

fn lock(folder: &Path) -> Result<Lock, Fault> {
    let path = folder.join("lock");
    let file = File::create(&path).map_err(|fault| Fault::Broken(format!("{}: {fault}", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => {
            Err(Fault::Broken(format!("{} is in use by another process", folder.display())))
        }
        Err(TryLockError::Error(fault)) => Err(Fault::Broken(format!("{}: {fault}", path.display()))),
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, Fault> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(Fault::Broken(format!("SQLite {} is too old: 3.51.3 or newer is needed", rusqlite::version())));
    }
    let db =
        Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(|fault| broken(&fault))?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    // Plans must not depend on what is bound: a statement whose plan might is prepared anew at each use.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(|fault| broken(&fault))?;
    let pragmas: &[(&str, &str)] = if flags.contains(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        &[("query_only", "1"), ("cache_size", "-8192"), ("mmap_size", "0"), ("trusted_schema", "0")]
    } else {
        &[
            ("journal_mode", "wal"),
            ("synchronous", "2"),
            ("foreign_keys", "1"),
            ("secure_delete", "1"),
            ("trusted_schema", "0"),
            ("mmap_size", "0"),
            ("cache_size", "-65536"),
        ]
    };
    for (name, value) in pragmas {
        set_and_read_back(&db, name, value)?;
    }
    if !flags.contains(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        set_and_read_back(&db, "wal_autocheckpoint", &WAL_PAGES.to_string())?;
    }
    Ok(db)
}

/// A pragma that does not take is refused: durability is not a wish.
fn set_and_read_back(db: &Connection, name: &str, value: &str) -> Result<(), Fault> {
    db.pragma_update(None, name, value).map_err(|fault| broken(&fault))?;
    let found: rusqlite::types::Value = db
        .query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
        // `mmap_size` answers with no row where the build leaves it out: then it is 0.
        .or_else(|fault| match fault {
            rusqlite::Error::QueryReturnedNoRows => Ok(rusqlite::types::Value::Integer(0)),
            other => Err(broken(&other)),
        })?;
    let found = match found {
        rusqlite::types::Value::Integer(number) => number.to_string(),
        rusqlite::types::Value::Text(text) => text,
        _ => String::new(),
    };
    if found == value { Ok(()) } else { Err(Fault::Broken(format!("SQLite keeps {name} at {found}, not {value}"))) }
}

fn broken(fault: &rusqlite::Error) -> Fault {
    Fault::Broken(fault.to_string())
}

/// A statement that broke a constraint leaves the transaction to be undone and the engine sound; anything else does not.
fn fault_of(fault: &rusqlite::Error) -> Fault {
    match fault.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => Fault::Undone(fault.to_string()),
        _ => broken(fault),
    }
}

fn truncate_wal(db: &Connection) {
    // Best effort: a reader may hold the WAL; the next one that ends it cuts it.
    let _ = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
}

type Tx<'a> = Transaction<'a>;

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::crypto::sha256;
    use crate::store::Folder;

    #[test]
    fn other_tables_are_another_format() {
        let digest = sha256(&[SCHEMA.as_bytes()]).map(|byte| format!("{byte:02x}")).concat();
        let known = (3, "018771275a8e9d19ce782d14b8be389089fb13fa8d11758239e7e89c32deedeb");
        assert_eq!((FORMAT, digest.as_str()), known, "raise FORMAT, then write the new digest here");
    }

    #[test]
    fn statements_are_prepared_once() {
        let folder = Folder::new();
        let store = Sqlite::create(folder.path()).unwrap();
        let sql = "SELECT sealed FROM records WHERE subject = ?1 ORDER BY version DESC";
        let used = store.read(|db| {
            for _ in 0..3 {
                db.prepare_cached(sql)?.exists([[1; 16]])?;
            }
            Ok(db.prepare_cached(sql)?.get_status(StatementStatus::RePrepare))
        });
        assert_eq!(used.unwrap(), 0);
    }
}
