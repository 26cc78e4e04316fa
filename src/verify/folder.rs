//! The files of an export, read once from front to back.
//!
//! What it is: records of fixed length and lines of JSON, each bounded, and the one way in which a file that is too
//! short, too long or malformed is named: by the entry at which it stops being readable.
//!
//! What it is not: it understands nothing of what it reads.
//!
//! INVARIANT: no more than one record or one line of a file is in memory.

use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _};
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::report::Halt;
use super::{Departure, Fault, Place};

/// The longest line: the opening of one entry.
const MAX_LINE: usize = 1024 * 1024;
/// The longest file that is read whole: a manifest or the key history.
const MAX_WHOLE: usize = 16 * 1024 * 1024;

/// Reads a whole small file as JSON.
pub(super) fn json<T: DeserializeOwned>(folder: &Path, file: &'static str) -> Result<T, Fault> {
    let mut text = String::new();
    open(folder, file)?
        .take(MAX_WHOLE as u64 + 1)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(file, &error))?;
    if text.len() > MAX_WHOLE {
        return Err(Fault::TooLong { what: file, limit: MAX_WHOLE });
    }
    serde_json::from_str(&text).map_err(|_| Fault::File { file, problem: "does not have the members it should".into() })
}

/// A file of records of `N` bytes, end to end.
pub(super) struct Records<const N: usize> {
    file: &'static str,
    reader: BufReader<File>,
}

impl<const N: usize> Records<N> {
    pub(super) fn open(folder: &Path, file: &'static str) -> Result<Self, Fault> {
        Ok(Self { file, reader: BufReader::new(open(folder, file)?) })
    }

    /// The next record, or `None` where the file does not hold a whole one.
    pub(super) fn next(&mut self) -> Result<Option<[u8; N]>, Fault> {
        let mut record = [0; N];
        match self.reader.read_exact(&mut record) {
            Ok(()) => Ok(Some(record)),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(unreadable(self.file, &error)),
        }
    }

    /// Whether the file ends after the last of `size` entries.
    pub(super) fn finish(&mut self, size: u64) -> Result<(), Halt> {
        finish(&mut self.reader, self.file, size)
    }
}

/// A file of lines, each a JSON object.
pub(super) struct Lines {
    file: &'static str,
    reader: BufReader<File>,
    line: Vec<u8>,
}

impl Lines {
    pub(super) fn open(folder: &Path, file: &'static str) -> Result<Self, Fault> {
        Ok(Self { file, reader: BufReader::new(open(folder, file)?), line: Vec::new() })
    }

    /// The next line, or `None` at the end. A line that cannot be read is a departure at `place`.
    pub(super) fn next<'a, T: Deserialize<'a>>(&'a mut self, place: Place) -> Result<Option<T>, Halt> {
        self.line.clear();
        let file = self.file;
        let departs = |problem: &str| Halt::from(Departure::new(place, format!("the file `{file}` {problem}")));
        let mut bounded = (&mut self.reader).take(MAX_LINE as u64 + 1);
        if bounded.read_until(b'\n', &mut self.line).map_err(|error| unreadable(file, &error))? == 0 {
            return Ok(None);
        }
        if self.line.len() > MAX_LINE {
            return Err(departs("has a line that is too long"));
        }
        let line = self.line.strip_suffix(b"\n").ok_or_else(|| departs("ends in the middle of a line"))?;
        serde_json::from_slice(line).map(Some).map_err(|_| departs("has a line without the members it should have"))
    }

    /// The line of entry `index`, which the file must hold.
    pub(super) fn entry<'a, T: Deserialize<'a>>(&'a mut self, index: u64) -> Result<T, Halt> {
        let reason = format!("the file `{}` ends before this entry", self.file);
        self.next(Place::Entry { entry: index })?.ok_or_else(|| Departure::entry(index, reason).into())
    }

    /// Whether the file ends after the last of `size` entries.
    pub(super) fn finish(&mut self, size: u64) -> Result<(), Halt> {
        finish(&mut self.reader, self.file, size)
    }
}

fn open(folder: &Path, file: &'static str) -> Result<File, Fault> {
    File::open(folder.join(file)).map_err(|error| Fault::File { file, problem: format!("cannot be opened: {error}") })
}

fn finish(reader: &mut BufReader<File>, file: &'static str, size: u64) -> Result<(), Halt> {
    if reader.fill_buf().map_err(|error| unreadable(file, &error))?.is_empty() {
        return Ok(());
    }
    let reason = format!("the file `{file}` goes on after the last of the {size} entries of the manifest");
    Err(Departure::entry(size, reason).into())
}

fn unreadable(file: &'static str, error: &std::io::Error) -> Fault {
    Fault::File { file, problem: format!("cannot be read: {error}") }
}
