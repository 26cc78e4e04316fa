//! Whose key is whose: a key of a body, to sign or to be encrypted to, is that body's alone and for ever.
//!
//! Not here: whether a key can be read and fits its use (`check`).

use std::collections::BTreeMap;

use crate::domain::{BodyId, Catalogue};
use crate::identity::jwk;

/// A key of a body, and where the catalogue has it.
pub(super) struct BodyKey<'a> {
    /// Its RFC 7638 thumbprint.
    pub(super) thumbprint: String,
    /// Whose it is.
    pub(super) body: &'a BodyId,
    /// Its place in the catalogue.
    pub(super) path: [&'a str; 3],
}

/// Every key that a body or one of its clients has.
pub(super) fn of_bodies(catalogue: &Catalogue) -> Vec<BodyKey<'_>> {
    let clients = catalogue.clients.iter().flat_map(|(id, client)| {
        client.keys.iter().map(move |key| (key, &client.body, ["clients", id.as_str(), "keys"]))
    });
    let bodies = catalogue.bodies.iter().filter_map(|(id, body)| {
        body.encryption_key.as_ref().map(|key| (key, id, ["bodies", id.as_str(), "encryption_key"]))
    });
    let all = clients.chain(bodies);
    all.filter_map(|(key, body, path)| Some(BodyKey { thumbprint: jwk(key)?.thumbprint(), body, path })).collect()
}

/// The keys that `before` gives to one body and `after` to another: where `after` has them, and whose they were.
pub fn keys_moved<'a>(before: &'a Catalogue, after: &Catalogue) -> Vec<(String, &'a BodyId)> {
    let before = of_bodies(before);
    let owners: BTreeMap<&str, &BodyId> = before.iter().map(|key| (key.thumbprint.as_str(), key.body)).collect();
    let of_another = |key: &BodyKey<'_>| {
        let owner = *owners.get(key.thumbprint.as_str()).filter(|owner| **owner != key.body)?;
        Some((key.path.join("."), owner))
    };
    of_bodies(after).iter().filter_map(of_another).collect()
}
