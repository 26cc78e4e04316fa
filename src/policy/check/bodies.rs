//! Bodies: the Acts that make them public, their dates, their keys.

use super::Checker;
use crate::jose::{Algorithm, Jwk, PublicKey};

impl Checker<'_> {
    pub(super) fn bodies(&mut self) {
        for (id, body) in &self.catalogue.bodies {
            let path = ["bodies", id.as_str()];
            self.dates(&path, body.from, body.until);
            if body.public_under.iter().all(|provision| provision.trim().is_empty()) {
                let fix = "the provisions that make it a public body, for example `A-2.1, art. 3`";
                self.wrong(&[path[0], path[1], "public_under"], "no provision makes it a public body", fix);
            }
            if let Some(key) = &body.encryption_key {
                let fits = |key: &Jwk| {
                    matches!(key.key(), PublicKey::P256(_)) && key.alg().is_none_or(|alg| alg == Algorithm::EcdhEs)
                };
                self.key(&["bodies", id.as_str(), "encryption_key"], key, fits, "a P-256 key for ECDH-ES");
            }
        }
    }
}
