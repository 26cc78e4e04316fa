//! Cross-references of the catalogue: what is named exists, dates follow each other, keys and schemas can be read.
//!
//! Not here: the form of the files (`catalogue`), the rules (`rules`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use jsonschema::Validator;

use super::bundle::Finding;
use super::catalogue::{Places, did_you_mean};
use crate::clock::Day;
use crate::domain::{
    AttributeId, BodyId, Capacity, Catalogue, Client, ClientId, KindId, Origin, PublicJwk, Purpose, RecordKind, Regime,
    Role,
};
use crate::jose::{Algorithm, Jwk, PublicKey};

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
    checker.purposes();
    checker.instruments();
    checker.clients();
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

    fn known_body(&mut self, path: &[&str], body: &BodyId) {
        self.known(path, "body", body, self.catalogue.bodies.keys());
    }

    fn dates(&mut self, path: &[&str], from: Day, until: Option<Day>) {
        if until.is_some_and(|end| end <= from) {
            self.wrong(&[path, &["until"]].concat(), "it ends before it begins", "`until` is the first day after it");
        }
    }

    fn bodies(&mut self) {
        for (id, body) in &self.catalogue.bodies {
            let path = ["bodies", id.as_str()];
            self.dates(&path, body.from, body.until);
            if let Some(key) = &body.encryption_key {
                let fits = |key: &Jwk| {
                    matches!(key.key(), PublicKey::P256(_)) && key.alg().is_none_or(|alg| alg == Algorithm::EcdhEs)
                };
                self.key(&["bodies", id.as_str(), "encryption_key"], key, fits, "a P-256 key for ECDH-ES");
            }
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

    fn kinds(&mut self) {
        for (id, kind) in &self.catalogue.kinds {
            let path = ["kinds", id.as_str()];
            self.known_body(&[path[0], path[1], "holder"], &kind.holder);
            let purposes = self.catalogue.purposes.keys();
            self.known(&[path[0], path[1], "collected_for"], "purpose", &kind.collected_for, purposes);
            if kind.attributes.is_empty() {
                self.wrong(&path, "it has no attributes", "");
            }
            for (name, attribute) in kind.attributes.iter() {
                if attribute.claim.is_some() != (kind.origin == Origin::IdentityService) {
                    let fix = "exactly the attributes of kinds that come from the identity service name a claim";
                    self.wrong(&["kinds", id.as_str(), "attributes", name], "its origin and its claim disagree", fix);
                }
            }
            self.schema(id, kind);
        }
    }

    /// The schema compiles, names the kind's attributes and no others, and lets nothing else in.
    fn schema(&mut self, id: &KindId, kind: &RecordKind) {
        let path = ["kinds", id.as_str(), "schema"];
        let schema: serde_json::Value = match serde_json::from_str(&kind.schema) {
            Ok(schema) => schema,
            Err(error) => return self.wrong(&path, format!("the schema is not JSON: {error}"), ""),
        };
        match jsonschema::validator_for(&schema) {
            Ok(validator) => drop(self.checked.validators.insert(id.clone(), validator)),
            Err(error) => self.wrong(&path, format!("the schema does not compile: {error}"), ""),
        }
        let properties = schema.get("properties").and_then(serde_json::Value::as_object);
        let properties: BTreeSet<&str> = properties.into_iter().flat_map(|it| it.keys()).map(String::as_str).collect();
        let attributes: BTreeSet<&str> = kind.attributes.keys().map(String::as_str).collect();
        for name in properties.symmetric_difference(&attributes) {
            let (other, fix) =
                if attributes.contains(name) { ("schema", &properties) } else { ("attributes", &attributes) };
            let at = ["kinds", id.as_str(), "attributes", name];
            self.wrong(&at, format!("`{name}` is not in the {other}"), did_you_mean(name, fix.iter().copied()));
        }
        for name in attributes.iter().filter(|name| AttributeId::of(id, name).is_err()) {
            self.wrong(&["kinds", id.as_str(), "attributes", name], format!("`{name}` is not a valid attribute"), "");
        }
        if schema.get("additionalProperties") != Some(&serde_json::Value::Bool(false)) {
            self.wrong(&path, "the schema lets other members in", "\"additionalProperties\": false");
        }
    }

    fn purposes(&mut self) {
        for (id, purpose) in &self.catalogue.purposes {
            let path = ["purposes", id.as_str()];
            for body in &purpose.recipients {
                self.known_body(&[path[0], path[1], "recipients", body.as_str()], body);
            }
            let bounds = [
                (purpose.recipients.is_empty(), "recipients", "no body may ask for it"),
                (purpose.necessary.is_empty(), "necessary", "it needs no attribute"),
                (purpose.powers.is_empty(), "powers", "no provision gives the power"),
                (purpose.version == 0, "version", "versions count from 1"),
                (purpose.longest_days == 0, "longest_days", "a consent would end as it begins"),
                (purpose.max_uses == Some(0), "max_uses", "a consent would serve nothing"),
            ];
            for (_, member, message) in bounds.into_iter().filter(|(wrong, ..)| *wrong) {
                self.wrong(&[path[0], path[1], member], message, "");
            }
            self.purpose_attributes(id.as_str(), purpose);
        }
    }

    fn purpose_attributes(&mut self, id: &str, purpose: &Purpose) {
        for (member, attributes) in [("necessary", &purpose.necessary), ("optional", &purpose.optional)] {
            for attribute in attributes.keys() {
                let path = ["purposes", id, member, attribute.as_str()];
                if self.catalogue.attribute(attribute).is_none() {
                    let all = self.catalogue.kinds.iter();
                    let all = all.flat_map(|(kind, it)| it.attributes.keys().map(move |name| format!("{kind}.{name}")));
                    let all: Vec<String> = all.collect();
                    let fix = did_you_mean(attribute.as_str(), all.iter().map(String::as_str));
                    self.wrong(&path, format!("there is no attribute `{attribute}`"), fix);
                }
                let kind = self.catalogue.kinds.get(&attribute.kind());
                if kind.is_some_and(|kind| kind.regime != Regime::Access) {
                    let message = format!("`{attribute}` is not under A-2.1: the rules will refuse it");
                    self.checked.notes.push(self.places.finding(&path, message, ""));
                }
            }
        }
        for both in purpose.necessary.keys().filter(|it| purpose.optional.contains_key(it)) {
            let path = ["purposes", id, "optional", both.as_str()];
            self.wrong(&path, format!("`{both}` is both necessary and optional"), "");
        }
    }

    fn instruments(&mut self) {
        for (id, instrument) in &self.catalogue.instruments {
            self.dates(&["instruments", id.as_str()], instrument.from, instrument.until);
            for body in &instrument.bodies {
                self.known_body(&["instruments", id.as_str(), "bodies", body.as_str()], body);
            }
        }
    }

    fn clients(&mut self) {
        for (id, client) in &self.catalogue.clients {
            let path = ["clients", id.as_str()];
            self.known_body(&[path[0], path[1], "body"], &client.body);
            let demo = self.catalogue.demo;
            for uri in client.redirect_uris.iter().filter(|uri| !may_return_to(uri, demo)) {
                let fix = "https, an exact address without fragment; http on loopback in a demo catalogue only";
                self.wrong(&[path[0], path[1], "redirect_uris", uri], format!("`{uri}` cannot be returned to"), fix);
            }
            for key in &client.keys {
                let signs = |key: &Jwk| key.alg() != Some(Algorithm::EcdhEs);
                self.key(&[path[0], path[1], "keys"], key, signs, "a key that signs: ES256 or Ed25519");
            }
            // What a demo catalogue lacks is made for each run.
            if !demo && (client.keys.is_empty() || client.redirect_uris.is_empty()) {
                self.wrong(&path, "it has no key, or nowhere to send persons back to", "keys, redirect_uris");
            }
            self.role(id, client);
        }
    }

    fn role(&mut self, id: &ClientId, client: &Client) {
        let path = ["clients", id.as_str(), "role"];
        match &client.role {
            Role::Relay {} => {}
            Role::Agency { purposes } => {
                for purpose in purposes {
                    let at = [path[0], path[1], path[2], "purposes", purpose.as_str()];
                    self.known(&at, "purpose", purpose, self.catalogue.purposes.keys());
                    let found = self.catalogue.purposes.get(purpose);
                    if found.is_some_and(|found| !found.recipients.contains(&client.body)) {
                        let fix = format!("add it to the purpose's recipients, or drop `{purpose}` here");
                        self.wrong(&at, format!("`{}` is no recipient of `{purpose}`", client.body), fix);
                    }
                }
            }
            Role::Collector { instrument, checks, drafts } => {
                let at = [path[0], path[1], path[2], "instrument"];
                self.known(&at, "instrument", instrument, self.catalogue.instruments.keys());
                if let Some(found) = self.catalogue.instruments.get(instrument) {
                    if found.under == Capacity::OfficialSource {
                        self.wrong(&at, "a collector needs an instrument under s. 64 or 67.2", "");
                    }
                    if !found.bodies.contains(&client.body) {
                        self.wrong(&at, format!("`{instrument}` does not bind `{}`", client.body), "");
                    }
                }
                for (member, kinds) in [("checks", checks), ("drafts", drafts)] {
                    for kind in kinds {
                        let at = [path[0], path[1], path[2], member, kind.as_str()];
                        self.known(&at, "kind", kind, self.catalogue.kinds.keys());
                    }
                }
                let declared =
                    |kind: &&KindId| self.catalogue.kinds.get(kind).is_none_or(|it| it.origin == Origin::Subject);
                for kind in drafts.iter().filter(|kind| !declared(kind)) {
                    let at = [path[0], path[1], path[2], "drafts", kind.as_str()];
                    self.wrong(&at, format!("`{kind}` is not declared by the person"), "");
                }
            }
        }
    }

    fn delegations(&mut self) {
        for (index, delegation) in self.catalogue.delegations.iter().enumerate() {
            let index = index.to_string();
            let path = ["delegations", index.as_str()];
            self.known_body(&[path[0], path[1], "body"], &delegation.body);
            self.dates(&path, delegation.from, delegation.until);
            if delegation.issuer.is_empty() && !self.catalogue.demo {
                self.wrong(&[path[0], path[1], "issuer"], "no identity service knows this officer", "issuer");
            }
        }
    }
}

/// RFC 8252, section 7.3, keeps `http` for loopback literals.
fn may_return_to(uri: &str, demo: bool) -> bool {
    let loopback = ["http://127.0.0.1", "http://[::1]", "http://localhost"]
        .iter()
        .any(|start| uri.strip_prefix(start).is_some_and(|rest| rest.starts_with([':', '/'])));
    let plain = uri.chars().all(|c| c.is_ascii_graphic() && !"#\\@*".contains(c));
    let https = uri.strip_prefix("https://").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
    plain && (https || (loopback && demo))
}
