//! Instruments, contracts and orders: their dates and the bodies they bind.

use super::Checker;
use crate::domain::{Capacity, Instrument, InstrumentId, Under, in_force};

impl Checker<'_> {
    pub(super) fn instruments(&mut self) {
        for (id, instrument) in &self.catalogue.instruments {
            self.dates(&["instruments", id.as_str()], instrument.from, instrument.until);
            for body in &instrument.bodies {
                self.known_body(&["instruments", id.as_str(), "bodies", body.as_str()], body);
            }
            self.agreement_of(id, instrument);
        }
    }

    /// An instrument under s. 64 is an agreement under s. 64; no other instrument is one.
    fn agreement_of(&mut self, id: &InstrumentId, instrument: &Instrument) {
        let path = ["instruments", id.as_str(), "agreement"];
        let collects = instrument.under == Capacity::Collector;
        match &instrument.agreement {
            None if collects => self.wrong(&path, "it says no agreement under s. 64", "agreement = \"…\""),
            Some(_) if !collects => self.wrong(&path, "an instrument under another section is no agreement", ""),
            Some(named) => {
                let agreements = &self.catalogue.agreements;
                self.known(&path, "agreement", named, agreements.keys());
                if agreements.get(named).is_some_and(|found| found.under != Under::Collection) {
                    self.wrong(&path, format!("`{named}` was not made under s. 64"), "");
                }
            }
            None => {}
        }
    }

    pub(super) fn contracts(&mut self) {
        for (id, contract) in &self.catalogue.contracts {
            let path = ["contracts", id.as_str()];
            self.known_body(&[path[0], path[1], "principal"], &contract.principal);
            self.known_body(&[path[0], path[1], "contractor"], &contract.contractor);
            self.dates(&path, contract.from, Some(contract.until));
        }
    }

    /// One kind has one official source at a time (G-1.03, s. 12.14).
    pub(super) fn orders(&mut self) {
        for (id, order) in &self.catalogue.orders {
            let path = ["orders", id.as_str()];
            self.known_body(&[path[0], path[1], "source"], &order.source);
            self.dates(&path, order.from, order.until);
            for kind in &order.kinds {
                self.known(&[path[0], path[1], "kinds", kind.as_str()], "kind", kind, self.catalogue.kinds.keys());
            }
            for purpose in &order.purposes {
                let at = [path[0], path[1], "purposes", purpose.as_str()];
                self.known(&at, "purpose", purpose, self.catalogue.purposes.keys());
            }
            let other = self.catalogue.orders.iter().find(|(other, it)| {
                *other < id
                    && it.source != order.source
                    && !it.kinds.is_disjoint(&order.kinds)
                    && (in_force(it.from, it.until, order.from) || in_force(order.from, order.until, it.from))
            });
            if let Some((other, _)) = other {
                self.wrong(
                    &path,
                    format!("`{other}` makes another body the source of the same kind"),
                    "one source each",
                );
            }
        }
    }
}
