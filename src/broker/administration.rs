//! Who administers the log: their names and keys, and how many of them must sign.
//!
//! Not here: what they sign (`govern`).
//! INVARIANT: fixed by the log's first entry. Each administrator counts once, whatever they sign with.

use std::collections::BTreeSet;

use serde_json::Value;

use super::govern::GovernFault;
use crate::crypto::{equal, verify_ed25519};
use crate::jose::{Jwk, PublicKey, b64};
use crate::ledger::{Ledger, NamedSignature, NotEntered};

/// The administrators of a log, and its quorum.
#[derive(Clone, Debug)]
pub struct Administration {
    named: Vec<(String, Jwk)>,
    quorum: usize,
}

impl Administration {
    /// Administrators by name, of whom `quorum` must sign what comes into force.
    pub fn new(named: Vec<(String, Jwk)>, quorum: usize) -> Result<Self, GovernFault> {
        let names: BTreeSet<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        let keys: BTreeSet<String> = named.iter().map(|(_, key)| key.thumbprint()).collect();
        // One key under two names would let one administrator sign for two.
        if names.len() < named.len() || keys.len() < named.len() {
            return Err(GovernFault::Administrators("an administrator, or a key, is named twice"));
        }
        if quorum == 0 || quorum > named.len() {
            return Err(GovernFault::Administrators(
                "the quorum is at least 1 and at most the number of administrators",
            ));
        }
        Ok(Self { named, quorum })
    }

    /// Those that the log's first entry names. A log without a quorum was founded when one signature was enough.
    pub(super) fn of(ledger: &Ledger) -> Result<Self, GovernFault> {
        let row = ledger.entry(0)?.ok_or(GovernFault::Nothing)?;
        let act = ledger.open_act(&row).map_err(NotEntered::from)?.value();
        let quorum = act.get("quorum").map_or(Some(1), Value::as_u64).and_then(|quorum| usize::try_from(quorum).ok());
        let named = act.get("administrators").and_then(Value::as_array).into_iter().flatten().map(|one| {
            let name = one.get("name")?.as_str()?.to_owned();
            Some((name, serde_json::from_value(one.get("jwk")?.clone()).ok()?))
        });
        match (named.collect::<Option<Vec<_>>>(), quorum) {
            (Some(named), Some(quorum)) => Self::new(named, quorum),
            _ => Err(GovernFault::Administrators("the log's first entry cannot be read")),
        }
    }

    /// Administrators by name.
    pub fn named(&self) -> &[(String, Jwk)] {
        &self.named
    }

    /// How many must sign what comes into force.
    pub const fn quorum(&self) -> usize {
        self.quorum
    }

    /// Who of them has this key, if any.
    pub(super) fn holder(&self, thumbprint: &str) -> Option<&str> {
        self.named.iter().find(|(_, key)| key.thumbprint() == thumbprint).map(|(name, _)| name.as_str())
    }

    /// `needed` of them signed `text`, each once, and nobody else did.
    pub(super) fn signed(&self, text: &[u8], signatures: &[NamedSignature], needed: usize) -> Result<(), GovernFault> {
        let mut signers = BTreeSet::new();
        for signature in signatures {
            if !self.good(text, signature) {
                return Err(GovernFault::Signature(signature.name.clone()));
            }
            if !signers.insert(&signature.name) {
                return Err(GovernFault::Twice(signature.name.clone()));
            }
        }
        let given = signers.len();
        if given < needed { Err(GovernFault::TooFew { given, needed }) } else { Ok(()) }
    }

    fn good(&self, text: &[u8], signature: &NamedSignature) -> bool {
        let key = self.named.iter().find(|(name, _)| equal(name.as_bytes(), signature.name.as_bytes()));
        match (key.map(|(_, jwk)| jwk.key()), b64::decode(&signature.signature)) {
            (Some(PublicKey::Ed25519(key)), Ok(bytes)) => verify_ed25519(key, text, &bytes),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Ed25519Key;

    const TEXT: &[u8] = b"what is signed";

    fn key() -> Ed25519Key {
        Ed25519Key::generate().unwrap().0
    }

    fn named(name: &str, key: &Ed25519Key) -> (String, Jwk) {
        (name.to_owned(), Jwk::bare(PublicKey::Ed25519(key.public())))
    }

    fn by(name: &str, key: &Ed25519Key) -> NamedSignature {
        NamedSignature { name: name.to_owned(), signature: b64::encode(key.sign(TEXT).unwrap()) }
    }

    #[test]
    fn as_many_administrators_sign_as_the_quorum_says() {
        let (ana, bob, eve) = (key(), key(), key());
        let administration = Administration::new(vec![named("ana", &ana), named("bob", &bob)], 2).unwrap();
        let said = |signatures: &[NamedSignature]| {
            administration.signed(TEXT, signatures, administration.quorum()).map_err(|fault| fault.to_string())
        };
        assert_eq!(said(&[by("ana", &ana), by("bob", &bob)]), Ok(()));
        assert_eq!(said(&[by("ana", &ana)]), Err("2 administrators must sign; 1 did".to_owned()));
        assert_eq!(said(&[]), Err("2 administrators must sign; 0 did".to_owned()));
        let twice = "ana signed twice; each administrator counts once".to_owned();
        assert_eq!(said(&[by("ana", &ana), by("ana", &ana)]), Err(twice));
        // A good signature does not excuse a bad one, and a name is not a key.
        for bad in [by("bob", &eve), by("bob", &ana), by("eve", &eve)] {
            let fault = said(&[by("ana", &ana), bad.clone()]).unwrap_err();
            assert_eq!(fault, format!("the signature of {} is not that of an administrator over this act", bad.name));
        }
        assert!(administration.signed(b"another act", &[by("ana", &ana), by("bob", &bob)], 2).is_err());
        assert!(administration.signed(TEXT, &[by("bob", &bob)], 1).is_ok());
    }

    #[test]
    fn nobody_administers_twice_and_a_quorum_can_be_reached() {
        let (ana, bob) = (key(), key());
        let founded = |named: Vec<(String, Jwk)>, quorum| Administration::new(named, quorum).is_ok();
        assert!(founded(vec![named("ana", &ana), named("bob", &bob)], 1));
        assert!(!founded(vec![named("ana", &ana), named("ana", &bob)], 1));
        assert!(!founded(vec![named("ana", &ana), named("bob", &ana)], 1));
        assert!(!founded(vec![named("ana", &ana), named("bob", &bob)], 3));
        assert!(!founded(vec![named("ana", &ana)], 0));
        assert!(!founded(Vec::new(), 0));
    }
}
