//! Files on what leaves Québec: whom they are about exists, and is outside.

use super::Checker;
use crate::domain::{Abroad, Jurisdiction};

impl Checker<'_> {
    pub(super) fn outside(&mut self) {
        let catalogue = self.catalogue;
        for (id, file) in &catalogue.outside {
            let path = ["outside", id.as_str(), "to"];
            let place = match &file.to {
                Abroad::Body(body) => {
                    self.known_body(&path, body);
                    catalogue.bodies.get(body).map(|found| &found.jurisdiction)
                }
                Abroad::Host(host) => {
                    self.known(&path, "host", host, catalogue.hosts.keys());
                    catalogue.hosts.get(host).map(|found| &found.place)
                }
            };
            if place.is_some_and(Jurisdiction::is_quebec) {
                self.wrong(&path, "it is in Québec", "a file is about what leaves Québec (s. 70.1)");
            }
        }
        for (id, host) in catalogue.hosts.iter().filter(|(_, host)| !host.place.is_quebec()) {
            if !catalogue.outside.values().any(|file| file.to == Abroad::Host(id.clone())) {
                let message =
                    format!("`{}` is in {}: without a file the rules refuse every release", id, host.place.code());
                self.note(&["hosts", id.as_str()], message);
            }
        }
    }
}
