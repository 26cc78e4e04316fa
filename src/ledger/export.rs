//! Exports: the log as a folder that a third party audits without us (`FORMAT.md`, last section).
//!
//! Not here: the audit (`verify`), who may ask for an export (`cli`).
//!
//! INVARIANTS
//! - An export is of the log at one size, that of the newest checkpoint when it began, whatever is entered meanwhile.
//! - No person part leaves before the entry that says who opens them, and why, is durable.
//! - The manifest is written last: a folder without one is no export.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use super::entry::Opening;
use super::key_history::KeyHistory;
use super::{EntryFault, Ledger, PersonsOpened, event_of, tree};
use crate::jose::b64;
use crate::store::{EntryRow, Fault};

const FORMAT: &str = "unefois-export/1";
/// Entries or checkpoints read at once.
const CHUNK: usize = 512;

/// What was exported.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ExportReport {
    /// The log.
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// How many checkpoints.
    pub checkpoints: u64,
    /// Whether person parts are in it.
    pub opened: bool,
    /// How many person parts are missing because their key is destroyed.
    pub erased: u64,
}

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportFault {
    /// The folder holds something.
    #[error("{0} is not empty")]
    NotEmpty(PathBuf),
    /// The log has no entry.
    #[error("the log has no entry yet")]
    EmptyLog,
    /// The file system refused.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An entry does not open.
    #[error(transparent)]
    Entry(#[from] EntryFault),
    /// The record does not answer.
    #[error(transparent)]
    Store(#[from] Fault),
}

impl Ledger {
    /// Writes an export into `folder`, which must be new or empty; with person parts if their opening was entered.
    ///
    /// Blocks, and takes as long as the log is long; `progress` is told how many entries of how many are written.
    pub fn export(
        &self,
        folder: &Path,
        open: Option<&PersonsOpened>,
        progress: &dyn Fn(u64, u64),
    ) -> Result<ExportReport, ExportFault> {
        let size = self.store.head()?.size;
        if size == 0 {
            return Err(ExportFault::EmptyLog);
        }
        take_folder(folder)?;
        let checkpoints = self.export_checkpoints(folder, size)?;
        let mut entries = Entries::create(folder, open.is_some())?;
        let mut next = 0;
        while next < size {
            let rows = self.store.entries(next, CHUNK)?;
            for (index, row) in (next..size).zip(&rows) {
                entries.add(self, index, row)?;
            }
            next = size.min(next + rows.len() as u64);
            if rows.is_empty() {
                return Err(EntryFault::Departs(next).into());
            }
            progress(next, size);
        }
        let erased = entries.finish(folder)?;
        let (origin, opened) = (self.origin().to_owned(), open.is_some());
        let manifest = json!({"format": FORMAT, "origin": origin, "size": size, "vkey": self.vkey(), "opened": opened});
        Output::whole(folder, "manifest.json", &manifest)?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))?;
        Ok(ExportReport { origin, size, checkpoints, opened, erased })
    }

    /// Writes the checkpoints up to the one of `size`, which must be there; how many.
    fn export_checkpoints(&self, folder: &Path, size: u64) -> Result<u64, ExportFault> {
        let mut output = Output::create(folder, "checkpoints.jsonl")?;
        let (mut count, mut last) = (0, 0);
        while last < size {
            let checkpoints = self.store.checkpoints(last, CHUNK)?;
            let Some((newest, _)) = checkpoints.last() else {
                return Err(Fault::Broken(format!("the checkpoint of {size} entries is missing")).into());
            };
            last = *newest;
            for (size, note) in checkpoints.iter().filter(|(covered, _)| *covered <= size) {
                output.line(&json!({"size": size, "note": note}))?;
                count += 1;
            }
        }
        output.finish()?;
        Ok(count)
    }
}

/// The files with one part per entry.
struct Entries {
    leaves: Output,
    hashes: Output,
    acts: Output,
    persons: Option<Output>,
    keys: KeyHistory,
    erased: u64,
}

impl Entries {
    fn create(folder: &Path, opened: bool) -> Result<Self, ExportFault> {
        Ok(Self {
            leaves: Output::create(folder, "leaves")?,
            hashes: Output::create(folder, "hashes")?,
            acts: Output::create(folder, "acts.jsonl")?,
            persons: if opened { Some(Output::create(folder, "persons.jsonl")?) } else { None },
            keys: KeyHistory::default(),
            erased: 0,
        })
    }

    fn add(&mut self, ledger: &Ledger, index: u64, row: &EntryRow) -> Result<(), ExportFault> {
        let event = event_of(row).filter(|_| row.index == index).ok_or(EntryFault::Departs(index))?;
        let act = ledger.open_act(row)?;
        self.leaves.bytes(&row.leaf)?;
        self.hashes.bytes(&tree::leaf_hash(&row.leaf))?;
        self.acts.line(&Line::of(index, &act))?;
        if KeyHistory::concerns(event) {
            self.keys.follow(index, event, &act.value());
        }
        let Some(persons) = &mut self.persons else { return Ok(()) };
        if let Some(person) = ledger.open_person(row)? {
            return persons.line(&Line::of(index, &person));
        }
        self.erased += 1;
        persons.line(&json!({"index": index, "erased": true}))
    }

    /// Makes the files durable, and writes the keys; how many person parts are erased.
    fn finish(self, folder: &Path) -> Result<u64, ExportFault> {
        for output in [Some(self.leaves), Some(self.hashes), Some(self.acts), self.persons].into_iter().flatten() {
            output.finish()?;
        }
        Output::whole(folder, "jwks.json", &self.keys.into_jwks())?;
        Ok(self.erased)
    }
}

/// One opening, as a line.
#[derive(Serialize)]
struct Line<'a> {
    index: u64,
    blind: String,
    payload: &'a str,
}

impl<'a> Line<'a> {
    fn of(index: u64, opening: &'a Opening) -> Self {
        Self { index, blind: b64::encode(opening.blind), payload: &opening.payload }
    }
}

/// A file of the export: new, for its owner alone, durable once finished.
struct Output {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Output {
    fn create(folder: &Path, name: &str) -> Result<Self, ExportFault> {
        let path = folder.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(at(&path))?;
        Ok(Self { path, file: BufWriter::new(file) })
    }

    /// A file that holds one JSON document.
    fn whole(folder: &Path, name: &str, document: &impl Serialize) -> Result<(), ExportFault> {
        let mut output = Self::create(folder, name)?;
        output.line(document)?;
        output.finish()
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), ExportFault> {
        self.file.write_all(bytes).map_err(at(&self.path))
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), ExportFault> {
        serde_json::to_writer(&mut self.file, value).map_err(|fault| at(&self.path)(fault.into()))?;
        self.bytes(b"\n")
    }

    fn finish(mut self) -> Result<(), ExportFault> {
        self.file.flush().and_then(|()| self.file.get_ref().sync_all()).map_err(at(&self.path))
    }
}

/// Makes the folder, for its owner alone; one that is there must be empty.
fn take_folder(folder: &Path) -> Result<(), ExportFault> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => {
            let mut inside = fs::read_dir(folder).map_err(at(folder))?;
            if inside.next().is_some() { Err(ExportFault::NotEmpty(folder.to_owned())) } else { Ok(()) }
        }
        made => made.map_err(at(folder)),
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> ExportFault {
    move |source| ExportFault::File { path: path.to_owned(), source }
}
