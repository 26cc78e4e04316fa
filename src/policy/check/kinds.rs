//! Record kinds: holder, origin, schema.

use std::collections::BTreeSet;

use super::Checker;
use crate::domain::{AttributeId, KindId, Origin, RecordKind};
use crate::policy::catalogue::did_you_mean;

impl Checker<'_> {
    pub(super) fn kinds(&mut self) {
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
            self.validity(id, kind);
            self.schema(id, kind);
        }
    }

    /// Only what a body attests is valid for a time, counted from a day that is among its values.
    fn validity(&mut self, id: &KindId, kind: &RecordKind) {
        let Some(validity) = &kind.validity else { return };
        let path = ["kinds", id.as_str(), "validity"];
        if kind.origin != Origin::Attested {
            self.wrong(&path, "only what a body attests is valid for a time", "origin = \"attested\"");
        }
        if !kind.attributes.contains_key(&validity.issued) {
            let fix = did_you_mean(&validity.issued, kind.attributes.keys().map(String::as_str));
            self.wrong(&path, format!("`{}` is not in the attributes", validity.issued), fix);
        }
    }

    /// Holds are on kinds that exist.
    pub(super) fn holds(&mut self) {
        for (id, hold) in &self.catalogue.holds {
            self.dates(&["holds", id.as_str()], hold.from, hold.until);
            for kind in &hold.kinds {
                self.known(&["holds", id.as_str(), "kinds", kind.as_str()], "kind", kind, self.catalogue.kinds.keys());
            }
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
}
