//! A pack: what one administration can take over from another. A folder with the facts that rules look at, the rules with
//! their texts, and the cases that say what they decide; no catalogue, which is each administration's own.
//!
//! To adopt one: compare its digest with the one published, run its cases, rehearse it, put its `schema/` and `rules/`
//! beside one's own `catalogue/`, and bring that bundle into force.

use std::collections::BTreeMap;
use std::path::Path;

use super::bundle::{Bundle, CATALOGUE, Finding, PARTS, RULES, SCHEMA, read_files};
use super::cases::{CASES, Case};
use super::{product_cases, product_rules};
use crate::crypto::sha256;
use crate::store::Hash;

/// The files of a pack by path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pack {
    files: BTreeMap<String, String>,
}

impl Pack {
    /// The pack in a folder: `schema/*.cedarschema`, `rules/*.cedar`, and `cases/*.json` where there are any. A catalogue
    /// beside them is no part of it.
    pub fn read(folder: &Path) -> Result<Self, Vec<Finding>> {
        let mut files = BTreeMap::new();
        for (under, ending) in PARTS.into_iter().filter(|(under, _)| [SCHEMA, RULES].contains(under)) {
            files.extend(read_files(&folder.join(under), under, ending)?);
        }
        if folder.join(CASES).is_dir() {
            files.extend(read_files(&folder.join(CASES), CASES, ".json")?);
        }
        Ok(Self { files })
    }

    /// The product's own.
    pub fn product() -> Self {
        Self { files: product_rules().into_iter().chain(product_cases()).collect() }
    }

    /// Its cases, where it has any.
    pub fn cases(&self) -> Option<Result<Vec<Case>, Vec<Finding>>> {
        let files = self.files.clone().into_iter();
        let cases: BTreeMap<_, _> = files.filter(|(path, _)| path.starts_with(CASES)).collect();
        (!cases.is_empty()).then(|| Case::read(&cases))
    }

    /// What tells it from any other: SHA-256 of the canonical JSON (RFC 8785) of its map from path to text.
    pub fn digest(&self) -> Result<Hash, Vec<Finding>> {
        Ok(sha256(&[&Bundle::from_files(self.files.clone()).canonical()?]))
    }

    /// Its rules and schema, a bundle without a catalogue.
    pub fn bundle(&self) -> Bundle {
        let files = self.files.clone().into_iter();
        Bundle::from_files(files.filter(|(path, _)| !path.starts_with(CASES)).collect())
    }
}

impl Bundle {
    /// The bundle in a folder; where that holds no catalogue it is a pack, and so is what is read.
    pub fn read_or_pack(folder: &Path) -> Result<Self, Vec<Finding>> {
        if folder.join(CATALOGUE).is_dir() { Self::read(folder) } else { Ok(Pack::read(folder)?.bundle()) }
    }

    /// The bundle, with the catalogue of `other` where it has none.
    #[must_use]
    pub fn or_catalogue_of(self, other: &Self) -> Self {
        let is_catalogue = |path: &str| path.starts_with(CATALOGUE);
        let mut files = self.files().clone();
        if !files.keys().any(|path| is_catalogue(path)) {
            let theirs = other.files().iter().filter(|(path, _)| is_catalogue(path));
            files.extend(theirs.map(|(path, text)| (path.clone(), text.clone())));
        }
        Self::from_files(files)
    }

    /// The bundle without its catalogue.
    #[must_use]
    pub fn without_catalogue(self) -> Self {
        let files = self.files().clone().into_iter();
        Self::from_files(files.filter(|(path, _)| !path.starts_with(CATALOGUE)).collect())
    }
}
