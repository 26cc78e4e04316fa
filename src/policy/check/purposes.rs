//! Purposes: recipients, bounds, attributes.

use super::Checker;
use crate::domain::{Basis, BasisFor, Purpose, Regime};

impl Checker<'_> {
    pub(super) fn purposes(&mut self) {
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
            self.occasion(id.as_str(), purpose);
            self.bases(id.as_str(), purpose);
        }
    }

    /// What is for a call for tenders is given by who tenders, on no other basis.
    fn occasion(&mut self, id: &str, purpose: &Purpose) {
        if purpose.occasion.is_some() && purpose.bases.iter().any(|it| !it.basis.is_by_will()) {
            let fix = "drop its other bases, or make two purposes";
            self.wrong(&["purposes", id, "occasion"], "an occasion needs the will of the subject", fix);
        }
    }

    /// What a basis names exists and is this purpose's; only recipients have one.
    fn bases(&mut self, id: &str, purpose: &Purpose) {
        for BasisFor { recipients, basis } in &purpose.bases {
            let path = ["purposes", id, "bases"];
            for body in recipients.iter().filter(|body| !purpose.recipients.contains(*body)) {
                self.wrong(&path, format!("`{body}` is no recipient of `{id}`"), "add it to the purpose's recipients");
            }
            let catalogue = self.catalogue;
            match basis {
                Basis::Consent {} => {}
                Basis::Agreement { agreement } => {
                    self.known(&path, "agreement", agreement, catalogue.agreements.keys());
                }
                Basis::Act { provision } => {
                    self.known(&path, "provision", provision, catalogue.provisions.keys());
                }
                Basis::Contract { contract } => self.known(&path, "contract", contract, catalogue.contracts.keys()),
                Basis::Mobility { order, .. } => self.known(&path, "order", order, catalogue.orders.keys()),
            }
        }
    }

    fn purpose_attributes(&mut self, id: &str, purpose: &Purpose) {
        for (member, attributes) in [("necessary", &purpose.necessary), ("optional", &purpose.optional)] {
            for attribute in attributes.keys() {
                let path = ["purposes", id, member, attribute.as_str()];
                self.known_attribute(&path, attribute);
                let kind = self.catalogue.kinds.get(&attribute.kind());
                if kind.is_some_and(|kind| kind.regime != Regime::Access) {
                    let message = format!("`{attribute}` is not under A-2.1: the rules will refuse it");
                    self.note(&path, message);
                }
            }
        }
        for both in purpose.necessary.keys().filter(|it| purpose.optional.contains_key(it)) {
            let path = ["purposes", id, "optional", both.as_str()];
            self.wrong(&path, format!("`{both}` is both necessary and optional"), "");
        }
    }
}
