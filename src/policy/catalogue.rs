//! The catalogue's files, merged into one catalogue. Each file may hold any section; no name may appear twice.
//!
//! Not here: whether what is named exists and makes sense (`check`).

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::bundle::{CATALOGUE, Finding, line_of};
use crate::domain::{BadName, Catalogue, no_basis_of_ours};

/// The sections of a catalogue.
const SECTIONS: [&str; 15] = [
    "demo",
    "law",
    "bodies",
    "kinds",
    "purposes",
    "instruments",
    "agreements",
    "provisions",
    "contracts",
    "orders",
    "hosts",
    "outside",
    "holds",
    "clients",
    "delegations",
];

/// Where things stand in the files: path of names, joined by a slash, to file and line.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<String, (String, usize)>);

impl Places {
    /// Where the thing at `path` stands, or the nearest thing around it.
    pub(super) fn find(&self, path: &[&str]) -> (String, usize) {
        let found = (1..=path.len()).rev().find_map(|depth| self.0.get(&path.get(..depth)?.join("/")));
        found.cloned().unwrap_or_else(|| (CATALOGUE.to_owned(), 1))
    }

    /// A finding at `path`.
    pub(super) fn finding(&self, path: &[&str], message: impl Into<String>, fix: impl Into<String>) -> Finding {
        let (file, line) = self.find(path);
        Finding { file, line, message: message.into(), fix: fix.into() }
    }
}

/// The known word nearest to a mistyped one, if any is near.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const NEAR: f64 = 0.8;
    let scored = known.into_iter().map(|it| (strsim::jaro_winkler(word, it), it));
    scored.filter(|(score, _)| *score >= NEAR).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, it)| it)
}

/// "did you mean …?", or nothing.
pub(super) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map_or_else(String::new, |near| format!("did you mean `{near}`?"))
}

/// Merges the files under `catalogue/`.
pub(super) fn merge(files: &BTreeMap<String, String>, findings: &mut Vec<Finding>) -> (Catalogue, Places) {
    let mut catalogue = Catalogue::default();
    let mut places = Places::default();
    for (path, text) in files.range(CATALOGUE.to_owned()..).take_while(|(path, _)| path.starts_with(CATALOGUE)) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut file = File { path, text, places: &mut places, findings };
        for error in &errors {
            file.report(error.span(), error.message());
        }
        file.sections(table.into_inner(), &mut catalogue);
    }
    (catalogue, places)
}

/// One file being read.
struct File<'a> {
    path: &'a str,
    text: &'a str,
    places: &'a mut Places,
    findings: &'a mut Vec<Finding>,
}

impl File<'_> {
    fn sections(&mut self, table: DeTable<'_>, into: &mut Catalogue) {
        for (name, value) in table {
            match name.get_ref().as_ref() {
                "demo" => into.demo |= self.read::<bool>(value).unwrap_or_default(),
                "bodies" => self.entries("bodies", value, &mut into.bodies),
                "kinds" => self.entries("kinds", value, &mut into.kinds),
                "purposes" => self.entries("purposes", value, &mut into.purposes),
                "instruments" => self.entries("instruments", value, &mut into.instruments),
                "agreements" => self.entries("agreements", value, &mut into.agreements),
                "provisions" => self.entries("provisions", value, &mut into.provisions),
                "contracts" => self.entries("contracts", value, &mut into.contracts),
                "orders" => self.entries("orders", value, &mut into.orders),
                "hosts" => self.entries("hosts", value, &mut into.hosts),
                "outside" => self.entries("outside", value, &mut into.outside),
                "holds" => self.entries("holds", value, &mut into.holds),
                "law" => into.law = self.read(value).unwrap_or_default(),
                "clients" => self.entries("clients", value, &mut into.clients),
                "delegations" => self.delegations(value, into),
                other => {
                    let line = line_of(self.text, name.span().start);
                    let fix = did_you_mean(other, SECTIONS);
                    self.push(line, format!("unknown section `{other}`"), fix);
                }
            }
        }
    }

    fn entries<K, T>(&mut self, section: &str, value: Spanned<DeValue<'_>>, into: &mut BTreeMap<K, T>)
    where
        K: FromStr<Err = BadName> + Ord,
        T: DeserializeOwned,
    {
        let span = value.span();
        let DeValue::Table(table) = value.into_inner() else {
            return self.report(Some(span), &format!("`{section}` is a table of names"));
        };
        for (name, value) in table {
            let id = name.get_ref();
            let path = format!("{section}/{id}");
            let line = line_of(self.text, name.span().start);
            if let Some((file, line)) = self.places.0.get(&path).cloned() {
                self.report(Some(name.span()), &format!("`{id}` is already at {file}:{line}"));
                continue;
            }
            self.places.0.insert(path.clone(), (self.path.to_owned(), line));
            self.note(&path, &value);
            match id.parse::<K>() {
                Ok(key) => into.extend(self.read(value).map(|entry| (key, entry))),
                Err(error) => {
                    self.push(line, format!("`{id}` is {error}"), "lower case, digits and hyphens".to_owned());
                }
            }
        }
    }

    fn delegations(&mut self, value: Spanned<DeValue<'_>>, into: &mut Catalogue) {
        let span = value.span();
        let DeValue::Array(list) = value.into_inner() else {
            return self.report(Some(span), "`delegations` is a list: [[delegations]]");
        };
        for value in list {
            let path = format!("delegations/{}", into.delegations.len());
            let line = line_of(self.text, value.span().start);
            self.places.0.insert(path.clone(), (self.path.to_owned(), line));
            self.note(&path, &value);
            into.delegations.extend(self.read(value));
        }
    }

    /// Notes where the members of a value stand; none of them may be an empty text.
    fn note(&mut self, path: &str, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => {
                for (name, member) in table {
                    let path = format!("{path}/{}", name.get_ref());
                    self.places.0.insert(path.clone(), (self.path.to_owned(), line_of(self.text, name.span().start)));
                    self.note(&path, member);
                }
            }
            DeValue::Array(list) => {
                for element in list {
                    if let DeValue::String(text) = element.get_ref() {
                        let line = line_of(self.text, element.span().start);
                        self.places.0.insert(format!("{path}/{text}"), (self.path.to_owned(), line));
                    }
                }
            }
            DeValue::String(text) if text.trim().is_empty() => self.report(Some(value.span()), "the text is empty"),
            _ => {}
        }
    }

    /// Reads a value; every unknown key of it is told, then the first other fault.
    fn read<T: DeserializeOwned>(&mut self, mut value: Spanned<DeValue<'_>>) -> Option<T> {
        let mut clean = true;
        loop {
            let error = match T::deserialize(ValueDeserializer::from(value.clone())) {
                Ok(read) => return clean.then_some(read),
                Err(error) => error,
            };
            let span = error.span().unwrap_or(value.span());
            self.report(Some(span.clone()), error.message());
            clean = false;
            if !error.message().starts_with("unknown field") || !drop_key(value.get_mut(), span.start) {
                return None;
            }
        }
    }

    /// Reports an error of the reader; where it lists what it knows, with a suggestion.
    fn report(&mut self, span: Option<std::ops::Range<usize>>, message: &str) {
        let line = line_of(self.text, span.map_or(0, |span| span.start));
        let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let fix = match quoted.split_first() {
            Some((word, known)) => {
                no_basis_of_ours(word).map_or_else(|| did_you_mean(word, known.iter().copied()), ToOwned::to_owned)
            }
            None => String::new(),
        };
        self.push(line, message.to_owned(), fix);
    }

    fn push(&mut self, line: usize, message: String, fix: String) {
        self.findings.push(Finding { file: self.path.to_owned(), line, message, fix });
    }
}

/// Removes the key that stands at a byte of the file. False when there is none.
fn drop_key(value: &mut DeValue<'_>, offset: usize) -> bool {
    let DeValue::Table(table) = value else { return false };
    let here = table.keys().find(|name| name.span().start == offset).cloned();
    match here {
        Some(name) => table.remove(&name).is_some(),
        None => table.iter_mut().any(|(_, member)| drop_key(member.get_mut(), offset)),
    }
}
