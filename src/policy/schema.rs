//! What rules may look at: `schema/*.cedarschema`, one file per act, read in the order of their names as one schema.
//!
//! Not here: who states those facts (`model`), the rules that look at them (`rules`).

use std::collections::BTreeMap;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Schema, SchemaFragment};
use serde_json::{Map, Value};

use super::bundle::{Finding, SCHEMA, located, under};
use super::rules::{Action, known_actions};

/// Reads the schema among `files`. Adds what is wrong to `findings`; none if anything is.
pub(super) fn read(files: &BTreeMap<String, String>, findings: &mut Vec<Finding>) -> Option<Schema> {
    let before = findings.len();
    for (path, text) in under(files, SCHEMA) {
        let read = SchemaFragment::from_cedarschema_str(text).map(drop);
        findings.extend(read.err().map(|error| located(path, text, &DetailedError::from(&error))));
    }
    if findings.len() > before {
        return None;
    }
    let joined = Joined::of(files);
    if joined.text.is_empty() {
        findings.push(Finding::at(SCHEMA, "", 0, "there is no schema", "it says what rules may look at"));
        return None;
    }
    let schema = match Schema::from_cedarschema_str(&joined.text) {
        Ok((schema, _)) => schema,
        Err(error) => {
            findings.push(joined.located(&DetailedError::from(&error)));
            return None;
        }
    };
    for action in schema.actions().map(|uid| uid.id().unescaped()) {
        if action.parse::<Action>().is_err() {
            let offset = joined.text.find(&format!("\"{action}\"")).unwrap_or_default();
            findings.push(joined.finding(offset, format!("unknown action {action}"), known_actions()));
        }
    }
    Some(schema).filter(|_| findings.len() == before)
}

/// The files of the schema, one after the other, so that what is wrong between two of them has a place.
struct Joined<'a> {
    text: String,
    /// Where each file begins.
    begin: Vec<(usize, &'a str, &'a str)>,
}

impl<'a> Joined<'a> {
    fn of(files: &'a BTreeMap<String, String>) -> Self {
        let (mut text, mut begin) = (String::new(), Vec::new());
        for (path, part) in under(files, SCHEMA) {
            begin.push((text.len(), path, part));
            text.push_str(part);
            text.push('\n');
        }
        Self { text, begin }
    }

    fn finding(&self, offset: usize, message: impl Into<String>, fix: impl Into<String>) -> Finding {
        let of = self.begin.iter().rev().find(|(begin, ..)| *begin <= offset);
        let (begin, path, text) = of.copied().unwrap_or((0, SCHEMA, ""));
        Finding::at(path, text, offset - begin, message, fix)
    }

    /// What is declared twice is wrong where it is declared again.
    fn located(&self, error: &DetailedError) -> Finding {
        let offset = error.source_locations.last().map_or(0, |label| label.loc.start);
        self.finding(offset, &error.message, error.help.clone().unwrap_or_default())
    }
}

/// The facts that the schema states, each with its type, by action.
pub(super) fn facts(files: &BTreeMap<String, String>) -> BTreeMap<String, Map<String, Value>> {
    let read = SchemaFragment::from_cedarschema_str(&Joined::of(files).text).ok();
    let json = read.and_then(|(fragment, _)| fragment.to_json_value().ok()).unwrap_or_default();
    let actions = json.get("").and_then(|all| all.get("actions")?.as_object());
    let stated = |(name, action): (&String, &Value)| {
        let facts = action.pointer("/appliesTo/context/attributes").and_then(Value::as_object);
        (name.clone(), facts.cloned().unwrap_or_default())
    };
    actions.into_iter().flatten().map(stated).collect()
}
