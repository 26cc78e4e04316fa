//! Cross-references of the catalogue: what is named exists, dates follow each other, keys and schemas can be read.
//! One file per section.
//!
//! Not here: the form of the files (`catalogue`), the rules (`rules`).

mod agreements;
mod assessments;
mod bodies;
mod clients;
mod instruments;
mod kinds;
mod offices;
mod outside;
mod purposes;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use jsonschema::Validator;

use super::bundle::Finding;
use super::catalogue::{Places, did_you_mean};
use crate::clock::Day;
use crate::domain::{AttributeId, BodyId, Catalogue, KindId, PublicJwk};
use crate::jose::Jwk;

/// What the checks make.
#[derive(Default)]
pub(super) struct Checked {
    /// Validators of the kinds' values.
    pub(super) validators: BTreeMap<KindId, Validator>,
    /// What is not wrong, but worth knowing.
    pub(super) notes: Vec<Finding>,
}

/// Checks the catalogue, adding what is wrong to `findings`.
pub(super) fn check(catalogue: &Catalogue, places: &Places, findings: &mut Vec<Finding>) -> Checked {
    let mut checker = Checker { catalogue, places, findings, checked: Checked::default() };
    checker.bodies();
    checker.kinds();
    checker.holds();
    checker.purposes();
    checker.assessments();
    checker.instruments();
    checker.agreements();
    checker.contracts();
    checker.orders();
    checker.outside();
    checker.clients();
    checker.keys_of_bodies();
    checker.delegations();
    checker.checked
}

struct Checker<'a> {
    catalogue: &'a Catalogue,
    places: &'a Places,
    findings: &'a mut Vec<Finding>,
    checked: Checked,
}

impl Checker<'_> {
    fn wrong(&mut self, path: &[&str], message: impl Into<String>, fix: impl Into<String>) {
        self.findings.push(self.places.finding(path, message, fix));
    }

    /// `name`, found at `path`, must be one of `known`.
    fn known<'k, K>(&mut self, path: &[&str], what: &str, name: &K, known: impl Iterator<Item = &'k K>)
    where
        K: AsRef<str> + Display + Ord + 'k,
    {
        let known: BTreeSet<&K> = known.collect();
        if !known.contains(name) {
            let fix = did_you_mean(name.as_ref(), known.into_iter().map(AsRef::as_ref));
            self.wrong(path, format!("there is no {what} `{name}`"), fix);
        }
    }

    fn note(&mut self, path: &[&str], message: impl Into<String>) {
        self.checked.notes.push(self.places.finding(path, message, ""));
    }

    fn known_attribute(&mut self, path: &[&str], attribute: &AttributeId) {
        if self.catalogue.attribute(attribute).is_none() {
            let all = self.catalogue.kinds.iter();
            let all = all.flat_map(|(kind, it)| it.attributes.keys().map(move |name| format!("{kind}.{name}")));
            let all: Vec<String> = all.collect();
            let fix = did_you_mean(attribute.as_str(), all.iter().map(String::as_str));
            self.wrong(path, format!("there is no attribute `{attribute}`"), fix);
        }
    }

    fn known_body(&mut self, path: &[&str], body: &BodyId) {
        self.known(path, "body", body, self.catalogue.bodies.keys());
    }

    fn dates(&mut self, path: &[&str], from: Day, until: Option<Day>) {
        if until.is_some_and(|end| end <= from) {
            self.wrong(&[path, &["until"]].concat(), "it ends before it begins", "`until` is the first day after it");
        }
    }

    fn key(&mut self, path: &[&str], key: &PublicJwk, fits: impl Fn(&Jwk) -> bool, expected: &str) {
        let read = serde_json::to_string(key).map_err(|error| error.to_string());
        match read.and_then(|text| Jwk::parse(&text).map_err(|error| error.to_string())) {
            Ok(key) if fits(&key) => {}
            Ok(_) => self.wrong(path, "the key is of another sort", format!("expected: {expected}")),
            Err(error) => self.wrong(path, error, format!("expected: {expected}")),
        }
    }
}
