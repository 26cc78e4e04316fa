//! The key ring: every long-lived secret of the broker, in memory.
//!
//! A plain struct, so that the composition root can move each key to its one owner and no one else can reach it. It is
//! not a key service: once split, nothing gives a key back. `keyring_file` says how it lies on disk.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use super::{EcdsaKey, Ed25519Key, KeyError, SealingKey, Secret, Unavailable};

/// Every long-lived secret of one broker.
pub struct KeyRing {
    /// The log's origin: the name that its checkpoints bear.
    pub origin: String,
    /// The recovery public key (a P-256 JWK as JSON text, opaque here), to which copies for the second custodian are
    /// encrypted; `None` where there is no second custodian.
    pub recovery: Option<String>,
    /// The keys that wrap the data keys, by epoch.
    pub keks: Keks,
    /// The keys that sign data tokens. Never empty; the last one is current.
    pub data_token: Vec<Kept<EcdsaKey>>,
    /// The keys that sign access tokens. Never empty; the last one is current.
    pub access_token: Vec<Kept<EcdsaKey>>,
    /// The key that signs the log's checkpoints.
    pub checkpoint: Kept<Ed25519Key>,
    /// The key of the blind index, by which identifiers are looked up without being stored.
    pub blind_index: Secret<32>,
    /// The key from which sessions, nonces and everything ephemeral derive theirs.
    pub session: Secret<32>,
}

impl KeyRing {
    /// Makes a ring of new keys for a log of this origin. Nothing is written: see [`save_new`](Self::save_new).
    pub fn create(origin: &str, recovery: Option<String>) -> Result<Self, KeyError> {
        Ok(Self {
            origin: origin.to_owned(),
            recovery,
            keks: Keks::create()?,
            data_token: vec![EcdsaKey::generate()?.into()],
            access_token: vec![EcdsaKey::generate()?.into()],
            checkpoint: Ed25519Key::generate()?.into(),
            blind_index: Secret::random()?,
            session: Secret::random()?,
        })
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// A signing key with the document that the ring file keeps of it.
pub struct Kept<K> {
    key: K,
    document: Zeroizing<Vec<u8>>,
}

impl<K> Kept<K> {
    /// The key, to look at.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The key, for its one owner; the document is wiped.
    pub fn into_key(self) -> K {
        self.key
    }

    /// The document, for the ring file.
    pub(super) fn document(&self) -> &[u8] {
        &self.document
    }
}

impl<K> From<(K, Zeroizing<Vec<u8>>)> for Kept<K> {
    fn from((key, document): (K, Zeroizing<Vec<u8>>)) -> Self {
        Self { key, document }
    }
}

impl<K> fmt::Debug for Kept<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept(redacted)")
    }
}

/// The key-encryption keys, by epoch. New data keys are wrapped under the current one, the highest.
///
/// INVARIANT: there is always a current one; every other epoch is below it.
pub struct Keks {
    epoch: u32,
    current: Kek,
    older: BTreeMap<u32, Kek>,
}

impl Keks {
    /// The current epoch and its key.
    pub fn current(&self) -> (u32, &SealingKey) {
        (self.epoch, &self.current.key)
    }

    /// The key of an epoch, if the ring still holds it.
    pub fn at(&self, epoch: u32) -> Option<&SealingKey> {
        if epoch == self.epoch { Some(&self.current.key) } else { self.older.get(&epoch).map(|kek| &kek.key) }
    }

    /// Epoch 1, under a new key.
    fn create() -> Result<Self, Unavailable> {
        Ok(Self { epoch: 1, current: Secret::random()?.into(), older: BTreeMap::new() })
    }

    /// The epochs that the ring file holds; `None` if it holds none.
    pub(super) fn from_secrets(secrets: BTreeMap<u32, Secret<32>>) -> Option<Self> {
        let mut keks: BTreeMap<u32, Kek> = secrets.into_iter().map(|(epoch, secret)| (epoch, secret.into())).collect();
        let (epoch, current) = keks.pop_last()?;
        Some(Self { epoch, current, older: keks })
    }

    /// Every epoch with its secret, for the ring file.
    pub(super) fn secrets(&self) -> impl Iterator<Item = (u32, &Secret<32>)> {
        let older = self.older.iter().map(|(epoch, kek)| (*epoch, &kek.secret));
        older.chain([(self.epoch, &self.current.secret)])
    }
}

impl fmt::Debug for Keks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keks").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// One epoch: the key as prepared, and the secret that the ring file keeps of it.
struct Kek {
    key: SealingKey,
    secret: Secret<32>,
}

impl From<Secret<32>> for Kek {
    fn from(secret: Secret<32>) -> Self {
        Self { key: SealingKey::new(&secret), secret }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Address;

    const AT: Address = Address { table: "data_key", row: b"1", field: "wrapped", version: 1 };

    #[test]
    fn the_highest_epoch_is_current_and_the_others_still_open() {
        let old = Secret::new([1; 32]);
        let wrapped = SealingKey::new(&old).wrap(&AT, &Secret::new([9; 32])).unwrap();
        let keks = Keks::from_secrets([(7, Secret::new([2; 32])), (3, old)].into()).unwrap();
        assert_eq!(keks.current().0, 7);
        assert_eq!(keks.at(3).unwrap().unwrap_key(&AT, &wrapped).unwrap(), Secret::new([9; 32]));
        assert!(keks.at(7).unwrap().unwrap_key(&AT, &wrapped).is_err());
        assert!(keks.at(4).is_none());
        assert!(Keks::from_secrets(BTreeMap::new()).is_none());
    }

    #[test]
    fn debug_shows_no_key() {
        let ring = KeyRing::create("log.example", None).unwrap();
        assert_eq!(format!("{ring:?}"), "KeyRing { origin: \"log.example\", .. }");
        assert_eq!(format!("{:?}", ring.checkpoint), "Kept(redacted)");
        assert_eq!(format!("{:?}", ring.keks), "Keks { epoch: 1, .. }");
    }
}
