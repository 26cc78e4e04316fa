//! Instruments: their dates and the bodies they bind.

use super::Checker;

impl Checker<'_> {
    pub(super) fn instruments(&mut self) {
        for (id, instrument) in &self.catalogue.instruments {
            self.dates(&["instruments", id.as_str()], instrument.from, instrument.until);
            for body in &instrument.bodies {
                self.known_body(&["instruments", id.as_str(), "bodies", body.as_str()], body);
            }
        }
    }
}
