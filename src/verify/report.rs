//! What an audit says: the report, and where an export departs from the log.
//!
//! What it is: values with no behaviour but their two forms, for programs (serde) and for people (`Display`).
//!
//! What it is not: it finds nothing; `tree` and `history` do.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::Fault;

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Every check was made, and held.
    pub ok: bool,
    /// The log.
    pub origin: String,
    /// How many entries the export says it has.
    pub size: u64,
    /// How many of its own checkpoints were verified.
    pub checkpoints: u64,
    /// How many entries of each type were read.
    pub entries: BTreeMap<&'static str, u64>,
    /// The person parts; `None` if the export does not open them, in which case P2 was not audited.
    pub persons: Option<Persons>,
    /// What the result rests on.
    pub trusted: Rests,
    /// The first departure.
    pub departs: Option<Departure>,
}

/// The person parts of an opened export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Persons {
    /// How many were opened and checked.
    pub opened: u64,
    /// How many are said to be erased. No verifier can tell an erased part from a withheld one.
    pub erased: u64,
}

/// What the result of an audit rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rests {
    /// The vkey came from the auditor, not from the export.
    pub own_vkey: bool,
    /// How many checkpoints the auditor holds.
    pub checkpoints: usize,
    /// How many proofs they hold.
    pub proofs: usize,
    /// How many entries, from the first, lead to a root that they hold. For those after, and for all of them if this
    /// is 0, the export was checked against itself only.
    pub covered: u64,
}

/// Where an export departs from the log, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Departure {
    /// Where.
    #[serde(flatten)]
    pub at: Place,
    /// How, in one sentence.
    pub reason: String,
}

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Place {
    /// Exactly one entry.
    Entry {
        /// Its index.
        entry: u64,
    },
    /// Somewhere in a batch: the entries from `from` on, before `to`.
    Batch {
        /// The size of the last root that still holds.
        from: u64,
        /// The size of the first that does not.
        to: u64,
    },
}

impl Departure {
    pub(super) fn new(at: Place, reason: impl Into<String>) -> Self {
        Self { at, reason: reason.into() }
    }

    pub(super) fn entry(entry: u64, reason: impl Into<String>) -> Self {
        Self::new(Place::Entry { entry }, reason)
    }

    pub(super) fn batch(from: u64, to: u64, reason: impl Into<String>) -> Self {
        Self::new(Place::Batch { from, to }, reason)
    }
}

impl Place {
    pub(super) fn start(self) -> u64 {
        match self {
            Self::Entry { entry } => entry,
            Self::Batch { from, .. } => from,
        }
    }

    pub(super) fn end(self) -> u64 {
        match self {
            Self::Entry { entry } => entry.saturating_add(1),
            Self::Batch { to, .. } => to,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events: Vec<String> = self.entries.iter().map(|(event, count)| format!("{event} {count}")).collect();
        writeln!(f, "log       {}", self.origin.escape_debug())?;
        writeln!(f, "size      {} entries", self.size)?;
        writeln!(f, "batches   {} checkpoints verified", self.checkpoints)?;
        writeln!(f, "entries   {}", if events.is_empty() { "not read".to_owned() } else { events.join(", ") })?;
        match self.persons {
            Some(Persons { opened, erased }) => writeln!(f, "persons   {opened} opened, {erased} erased")?,
            None => writeln!(f, "persons   not opened: releases were not checked against withdrawals")?,
        }
        writeln!(f, "key       {}", if self.trusted.own_vkey { "yours" } else { "the export's own" })?;
        writeln!(f, "rests on  {}", self.trusted)?;
        match &self.departs {
            None if self.ok => write!(f, "result    ok"),
            None => write!(f, "result    not finished"),
            Some(Departure { at, reason }) => write!(f, "result    DEPARTS {at}: {reason}"),
        }
    }
}

impl fmt::Display for Rests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { checkpoints, proofs, covered, .. } = self;
        if checkpoints + proofs == 0 {
            return f.write_str("the export's own checkpoints: it was checked against itself only");
        }
        write!(f, "{checkpoints} checkpoints and {proofs} proofs of yours, good for the first {covered} entries")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry { entry } => write!(f, "at entry {entry}"),
            Self::Batch { from, to } => write!(f, "in the batch from {from} to {to}"),
        }
    }
}

/// Why an audit stops: at a departure, or because it cannot go on.
#[derive(Debug)]
pub(super) enum Halt {
    /// The export departs from the log.
    Departs(Departure),
    /// There is nothing to audit, or nothing to audit it with.
    Broken(Fault),
}

impl From<Departure> for Halt {
    fn from(departure: Departure) -> Self {
        Self::Departs(departure)
    }
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Broken(fault)
    }
}
