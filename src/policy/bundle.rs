//! A bundle: rules, schema and catalogue as one set of files with one digest, loaded whole or not at all.
//!
//! Not here: whether it is in force (an activation entry says so), what its parts mean (`rules`, `catalogue`, `check`).
//! INVARIANT: a [`Loaded`] bundle has no finding; what is wrong is told all at once.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use cedar_policy::ffi::DetailedError;
use serde::Serialize;

use super::decide::Reason;
use super::reasons;
use super::rule::Rule;
use super::rules::Rules;
use super::{catalogue, check};
use crate::crypto::sha256;
use crate::domain::{Catalogue, KindId};
use crate::jose;
use crate::store::Hash;

/// The folder of what rules may look at.
pub(super) const SCHEMA: &str = "schema/";
/// The folder of rules.
pub(super) const RULES: &str = "rules/";
/// The folder of the catalogue.
pub(super) const CATALOGUE: &str = "catalogue/";
/// The parts of a bundle: folders, and how the files in them end.
const PARTS: [(&str, &str); 3] = [(SCHEMA, ".cedarschema"), (RULES, ".cedar"), (CATALOGUE, ".toml")];

/// The files of a bundle, by path, before anything is known of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bundle {
    files: BTreeMap<String, String>,
}

/// What is wrong in a bundle, and where.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to do; may be empty.
    pub fix: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)?;
        if self.fix.is_empty() { Ok(()) } else { write!(f, " ({})", self.fix) }
    }
}

impl Finding {
    /// A finding at a byte of a file.
    pub(super) fn at(
        file: &str,
        text: &str,
        offset: usize,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { file: file.to_owned(), line: line_of(text, offset), message: message.into(), fix: fix.into() }
    }

    fn whole(file: impl Into<String>, message: impl Into<String>, fix: &str) -> Self {
        Self { file: file.into(), line: 1, message: message.into(), fix: fix.to_owned() }
    }
}

/// The line, from 1, of a byte of a text.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

impl Bundle {
    /// The bundle made of these files.
    pub const fn from_files(files: BTreeMap<String, String>) -> Self {
        Self { files }
    }

    /// The bundle in a folder: `schema/*.cedarschema`, `rules/*.cedar` and `catalogue/*.toml`. Other files are not part
    /// of it.
    pub fn read(folder: &Path) -> Result<Self, Vec<Finding>> {
        let (mut files, mut findings) = (BTreeMap::new(), Vec::new());
        for (under, ending) in PARTS {
            match read_files(&folder.join(under), under, ending) {
                Ok(read) => files.extend(read),
                Err(found) => findings.extend(found),
            }
        }
        if findings.is_empty() { Ok(Self { files }) } else { Err(findings) }
    }

    /// The bundle whose canonical bytes these are.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Vec<Finding>> {
        let files = serde_json::from_slice(bytes).ok().map(|files| Self { files });
        let same = files.filter(|bundle| bundle.canonical().is_ok_and(|canonical| canonical == bytes));
        same.ok_or_else(|| vec![Finding::whole("bundle", "these are not a bundle's canonical bytes", "")])
    }

    /// Its files by path.
    pub const fn files(&self) -> &BTreeMap<String, String> {
        &self.files
    }

    /// Its canonical bytes: RFC 8785 JSON of the map from path to text.
    pub fn canonical(&self) -> Result<Vec<u8>, Vec<Finding>> {
        let unwritable = |_| vec![Finding::whole("bundle", "cannot be written as canonical JSON", "")];
        jose::canonical(&self.files).map_err(unwritable)
    }

    /// Loads it strictly: every finding, or a bundle without one.
    pub fn load(&self) -> Result<Loaded, Vec<Finding>> {
        let digest = sha256(&[&self.canonical()?]);
        let mut findings = self.strangers();
        let rules = Rules::compile(&self.files, &mut findings);
        let (catalogue, places) = catalogue::merge(&self.files, &mut findings);
        let checked = check::check(&catalogue, &places, &mut findings);
        findings.sort();
        findings.dedup();
        match rules {
            Some(rules) if findings.is_empty() => {
                Ok(Loaded { digest, catalogue, rules, validators: checked.validators, notes: checked.notes })
            }
            _ => Err(findings),
        }
    }

    /// Files that no part of a bundle would read.
    fn strangers(&self) -> Vec<Finding> {
        let known = |path: &str| {
            PARTS.iter().any(|(under, ending)| {
                path.strip_prefix(under).is_some_and(|name| name.ends_with(ending) && !name.contains('/'))
            })
        };
        let parts = PARTS.map(|(under, ending)| format!("{under}*{ending}")).join(", ");
        let strangers = self.files.keys().filter(|path| !known(path));
        strangers.map(|path| Finding::whole(path, "is no part of a bundle", &parts)).collect()
    }
}

/// The files of one folder, in the order of their names.
pub(super) fn under<'a>(
    files: &'a BTreeMap<String, String>,
    folder: &'static str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let from = files.range(folder.to_owned()..).map(|(path, text)| (path.as_str(), text.as_str()));
    from.take_while(move |(path, _)| path.starts_with(folder))
}

/// An error of the rules' language, where it says it is.
pub(super) fn located(path: &str, text: &str, error: &DetailedError) -> Finding {
    let offset = error.source_locations.first().map_or(0, |label| label.loc.start);
    Finding::at(path, text, offset, &error.message, error.help.clone().unwrap_or_default())
}

/// The files of a folder that end so, by their names after what the folder is called.
pub(super) fn read_files(folder: &Path, called: &str, ending: &str) -> Result<BTreeMap<String, String>, Vec<Finding>> {
    let unreadable = |path: &str, error: std::io::Error| Finding::whole(path, format!("cannot be read: {error}"), "");
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|error| vec![unreadable(called, error)])?;
    let (mut files, mut findings) = (BTreeMap::new(), Vec::new());
    for name in entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()) {
        if name.ends_with(ending) {
            let path = format!("{called}{name}");
            match std::fs::read_to_string(folder.join(name)) {
                Ok(text) => drop(files.insert(path, text)),
                Err(error) => findings.push(unreadable(&path, error)),
            }
        }
    }
    if findings.is_empty() { Ok(files) } else { Err(findings) }
}

/// A bundle without a finding.
#[derive(Debug)]
pub struct Loaded {
    digest: Hash,
    catalogue: Catalogue,
    rules: Rules,
    validators: BTreeMap<KindId, jsonschema::Validator>,
    notes: Vec<Finding>,
}

impl Loaded {
    /// SHA-256 of its canonical bytes.
    pub const fn digest(&self) -> &Hash {
        &self.digest
    }

    /// Its catalogue.
    pub const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Its rules.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What the rule says, or the broker itself where no rule does: for who may read all reasons of a refusal.
    pub fn reason(&self, id: &str) -> Option<Reason> {
        let rule = self.rules.all().find(|rule| rule.id == id);
        rule.map(Rule::reason).or_else(|| reasons::by_name(id))
    }

    /// What an operator should know, though nothing is wrong: purposes that the rules will refuse for their regime.
    pub fn notes(&self) -> &[Finding] {
        &self.notes
    }

    /// Where the values depart from the kind's schema, as JSON pointers; no value is in them. None for an unknown kind.
    pub fn departures(&self, kind: &KindId, values: &serde_json::Value) -> Option<Vec<String>> {
        let errors = self.validators.get(kind)?.iter_errors(values);
        Some(errors.map(|error| error.instance_path().to_string()).collect())
    }
}
