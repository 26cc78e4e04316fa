//! Delegations: body, dates, issuer, key, and what an officer without one may not do.

use std::collections::BTreeMap;

use super::Checker;
use crate::domain::Office;
use crate::identity::jwk;
use crate::jose::{Jwk, PublicKey};

impl Checker<'_> {
    pub(super) fn delegations(&mut self) {
        let mut holders = BTreeMap::new();
        for (index, delegation) in self.catalogue.delegations.iter().enumerate() {
            let index = index.to_string();
            let path = ["delegations", index.as_str()];
            self.known_body(&[path[0], path[1], "body"], &delegation.body);
            self.dates(&path, delegation.from, delegation.until);
            if delegation.issuer.is_empty() && !self.catalogue.demo {
                self.wrong(&[path[0], path[1], "issuer"], "no identity service knows this officer", "issuer");
            }
            if !delegation.may.is_empty() && (delegation.key.is_none() || delegation.office != Office::Privacy) {
                let fix = "a key, and the office of privacy";
                self.wrong(&[path[0], path[1], "may"], "this officer can approve nothing", fix);
            }
            let Some(key) = &delegation.key else { continue };
            let at = [path[0], path[1], "key"];
            let signs = |key: &Jwk| matches!(key.key(), PublicKey::Ed25519(_));
            self.key(&at, key, signs, "an Ed25519 key");
            let Some(thumbprint) = jwk(key).map(|key| key.thumbprint()) else { continue };
            // With one key, two officers would be one pair of eyes.
            let officer = (&delegation.issuer, &delegation.sub);
            if *holders.entry(thumbprint).or_insert(officer) != officer {
                self.wrong(&at, "the key is also that of another officer", "a key for each officer");
            }
        }
    }
}
