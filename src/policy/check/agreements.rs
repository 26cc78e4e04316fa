//! Agreements: their parties, purposes and attributes exist, and their dates follow each other. What an agreement still
//! lacks is a note: the rules refuse what rests on it.

use super::Checker;
use crate::domain::{Agreement, AgreementId, Finding, Under};

impl Checker<'_> {
    pub(super) fn agreements(&mut self) {
        for (id, agreement) in &self.catalogue.agreements {
            let path = ["agreements", id.as_str()];
            self.known_body(&[path[0], path[1], "releasing"], &agreement.releasing);
            self.known_body(&[path[0], path[1], "receiving"], &agreement.receiving);
            self.dates(&path, agreement.signed, agreement.until);
            for purpose in &agreement.purposes {
                let at = [path[0], path[1], "purposes", purpose.as_str()];
                self.known(&at, "purpose", purpose, self.catalogue.purposes.keys());
            }
            for attribute in &agreement.attributes {
                self.known_attribute(&[path[0], path[1], "attributes", attribute.as_str()], attribute);
            }
            if agreement.intervals.as_ref().is_some_and(|it| it.times == 0) {
                self.wrong(&[path[0], path[1], "intervals", "times"], "it would allow no release", "");
            }
            if let Some(filing) = &agreement.cai {
                let at = [path[0], path[1], "cai"];
                if filing.sent < agreement.signed {
                    self.wrong(&at, "it was sent before it was signed", "");
                }
                if filing.received.is_some_and(|received| received < filing.sent) {
                    self.wrong(&at, "it was received before it was sent", "");
                }
            }
            self.lacking(id, agreement);
        }
    }

    /// Notes what the rules will find missing.
    fn lacking(&mut self, id: &AgreementId, agreement: &Agreement) {
        let path = ["agreements", id.as_str()];
        let lacks = |what: &str| format!("the agreement has no {what} yet: the rules will refuse what rests on it");
        let items: Vec<_> = agreement.items().collect();
        for item in Agreement::ITEMS.into_iter().filter(|item| !items.contains(item)) {
            self.note(&path, lacks(item));
        }
        if agreement.received().is_none() {
            self.note(&path, lacks("receipt by the Commission"));
        }
        if agreement.assessment.is_none() {
            self.note(&path, lacks("assessment"));
        }
        if agreement.under == Under::Collection && (agreement.service.is_none() || agreement.access.is_none()) {
            self.note(&path, "the register of s. 67.3 has no column for it without `service` and `access`");
        }
        for finding in Finding::ALL.into_iter().filter(|_| agreement.under != Under::Collection) {
            if !agreement.findings.get(&finding).is_some_and(|found| found.holds) {
                self.note(&path, lacks(&format!("finding `{}`", finding.as_str())));
            }
        }
        if agreement.under != Under::Collection {
            self.consent_nearby(id, agreement);
        }
    }

    /// The second finding is hard to give where the broker asks for a consent for the same purpose and body.
    fn consent_nearby(&mut self, id: &AgreementId, agreement: &Agreement) {
        for purpose in &agreement.purposes {
            let bases = self.catalogue.purposes.get(purpose).into_iter().flat_map(|found| &found.bases);
            let both = { bases }.any(|it| it.recipients.contains(&agreement.receiving) && it.basis.is_by_will());
            if both {
                let message =
                    format!("`{purpose}` may also rest on consent: finding `consent-unreasonable` is in doubt");
                self.note(&["agreements", id.as_str()], message);
            }
        }
    }
}
