//! An officer who signs instead of signing in: known by the key in their delegation.

use super::{AuthenticatedOfficer, jwk};
use crate::crypto::verify_ed25519;
use crate::domain::Delegation;
use crate::jose::PublicKey;

/// The officer whose key signed `text`, with the key's thumbprint.
pub fn signed_by(delegations: &[Delegation], text: &[u8], signature: &[u8]) -> Option<(AuthenticatedOfficer, String)> {
    delegations.iter().find_map(|it| {
        let key = jwk(it.key.as_ref()?)?;
        let PublicKey::Ed25519(public) = key.key() else { return None };
        let officer = || AuthenticatedOfficer { issuer: it.issuer.clone(), sub: it.sub.clone(), name: it.name.clone() };
        verify_ed25519(public, text, signature).then(|| (officer(), key.thumbprint()))
    })
}
