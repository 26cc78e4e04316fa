//! Clients: body, keys, return addresses, role; that no two bodies share a key.

use std::collections::BTreeMap;

use super::Checker;
use crate::domain::{Capacity, Client, ClientId, KindId, Origin, Role, SubjectKind};
use crate::jose::{Algorithm, Jwk};
use crate::policy::keys;

impl Checker<'_> {
    pub(super) fn clients(&mut self) {
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
            let sends = !matches!(client.role, Role::Source { .. });
            if !demo && (client.keys.is_empty() || (sends && client.redirect_uris.is_empty())) {
                self.wrong(&path, "it has no key, or nowhere to send persons back to", "keys, redirect_uris");
            }
            self.role(id, client);
        }
    }

    /// What one body can sign or decrypt, no other can.
    pub(super) fn keys_of_bodies(&mut self) {
        let mut owners = BTreeMap::new();
        for key in keys::of_bodies(self.catalogue) {
            let owner = *owners.entry(key.thumbprint).or_insert(key.body);
            if owner != key.body {
                self.wrong(&key.path, format!("the key is also that of `{owner}`"), "a new key: a body has its own");
            }
        }
    }

    /// A source attests what its own body holds, of those whom its identifiers can name.
    fn attested(&mut self, at: &[&str], kind: &KindId, client: &Client) {
        self.known(at, "kind", kind, self.catalogue.kinds.keys());
        let Some(found) = self.catalogue.kinds.get(kind) else { return };
        if found.origin != Origin::Attested {
            self.wrong(at, format!("`{kind}` is not attested by anyone"), "origin = \"attested\"");
        }
        if found.holder != client.body {
            self.wrong(at, format!("`{kind}` is held by `{}`", found.holder), "a body attests what it holds");
        }
        if found.subject != SubjectKind::Enterprise {
            self.wrong(at, format!("no NEQ names those of whom `{kind}` speaks"), "subject = \"enterprise\"");
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
            Role::Source { kinds, identifiers } => {
                if identifiers.is_empty() {
                    self.wrong(&path, "it can name nobody", "identifiers = [\"neq\"]");
                }
                for kind in kinds {
                    self.attested(&[path[0], path[1], path[2], "kinds", kind.as_str()], kind, client);
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
