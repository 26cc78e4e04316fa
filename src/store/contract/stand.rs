//! Engines under test, and the folders in which they stand.

use std::fs;
use std::path::{Path, PathBuf};

use crate::crypto::random;
use crate::store::{Fault, Sqlite, Store};

/// A place for one record, and what can happen to it.
pub(super) trait Stand: Sized + Sync {
    type Engine: Store;

    /// A place that holds nothing.
    fn new() -> Self;

    /// A new record.
    fn create(&self) -> Result<Self::Engine, Fault>;

    /// The record that is there.
    fn open(&self) -> Result<Self::Engine, Fault>;

    /// Cuts the engine off: the place then holds what was durable, and no more.
    fn cut(&mut self, engine: Self::Engine);

    /// Runs a statement on the record behind the engine's back.
    fn behind(&self, statement: &str) -> Result<(), String>;
}

pub(super) struct InSqlite(pub(super) Folder);

impl InSqlite {
    pub(super) fn file(&self) -> PathBuf {
        self.0.path().join("ledger.sqlite")
    }
}

impl Stand for InSqlite {
    type Engine = Sqlite;

    fn new() -> Self {
        Self(Folder::new())
    }

    fn create(&self) -> Result<Sqlite, Fault> {
        Sqlite::create(self.0.path())
    }

    fn open(&self) -> Result<Sqlite, Fault> {
        Sqlite::open(self.0.path())
    }

    /// Closing SQLite tidies up, so the files are copied while it is open. The shared memory does not outlive a machine.
    fn cut(&mut self, engine: Sqlite) {
        let left = Folder::new();
        for file in ["ledger.sqlite", "ledger.sqlite-wal"] {
            fs::copy(self.0.path().join(file), left.path().join(file)).unwrap();
        }
        drop(engine);
        self.0 = left;
    }

    fn behind(&self, statement: &str) -> Result<(), String> {
        behind(&self.0, statement)
    }
}

/// Runs a statement on the SQLite record in a folder, behind its engine's back.
pub(crate) fn behind(folder: &Folder, statement: &str) -> Result<(), String> {
    let db = rusqlite::Connection::open(folder.path().join("ledger.sqlite")).unwrap();
    db.execute_batch(statement).map_err(|fault| fault.to_string())
}

/// A folder of its own for one test, removed at its end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let name = random::<8>().unwrap().map(|byte| format!("{byte:02x}")).concat();
        let path = std::env::temp_dir().join(format!("unefois-{name}"));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A copy of the files that lie in it.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new();
        self.copy_into(&copy);
        copy
    }

    /// Copies its files over those of another.
    pub(crate) fn copy_into(&self, other: &Self) {
        for file in fs::read_dir(&self.0).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), other.0.join(file.file_name())).unwrap();
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
