//! The key ring on disk: `ring.json`, in a folder outside the database, sealed under the credential.
//!
//! ```text
//! {"format": "unefois-ring/1", "sealed": base64url of nonce ‖ ciphertext ‖ tag}
//! ```
//!
//! INVARIANT: at every moment the folder holds either the previous ring whole or the new ring whole; on return, the new
//! one is durable.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use super::private_file::{self, FileError};
use super::{Address, EcdsaKey, Ed25519Key, Keks, Kept, KeyError, KeyRing, SealError, SealingKey, Secret};

const FILE: &str = "ring.json";
const FORMAT: &str = "unefois-ring/1";
const AT: Address = Address { table: "ring", row: b"", field: FILE, version: 1 };

/// Room for the ring's text, so that it is written into one buffer, which is wiped.
const ROOM: usize = 64 * 1024;

/// Why the key ring was not saved or not opened.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// There is a ring already, which a new one would destroy with all that it alone can open.
    #[error("{0} exists already and is not overwritten")]
    Exists(PathBuf),
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The credential is another ring's, or the file was altered. Which of them cannot be known.
    #[error("{0} does not open: the credential is another ring's, or the file was altered")]
    DoesNotOpen(PathBuf),
    /// The file is not a ring of this format.
    #[error("{0} is not a key ring of the format {FORMAT}")]
    Malformed(PathBuf),
    /// The ring could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A key inside the ring is refused.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl KeyRing {
    /// Writes the ring, in place of the one that the folder holds.
    pub fn save(&self, folder: &Path, credential: &Secret<32>) -> Result<(), KeyRingError> {
        Ok(private_file::replace(&folder.join(FILE), &self.to_sealed(credential)?)?)
    }

    /// Writes the ring into a folder that holds none, making the folder where it is missing.
    pub fn save_new(&self, folder: &Path, credential: &Secret<32>) -> Result<(), KeyRingError> {
        let path = folder.join(FILE);
        private_file::create_folder(folder)?;
        private_file::create(&path, &self.to_sealed(credential)?).map_err(|error| match error {
            FileError::Exists(path) => KeyRingError::Exists(path),
            other => other.into(),
        })
    }

    /// Reads the ring that the folder holds.
    pub fn open(folder: &Path, credential: &Secret<32>) -> Result<Self, KeyRingError> {
        let path = folder.join(FILE);
        let malformed = || KeyRingError::Malformed(path.clone());
        let envelope: Envelope = serde_json::from_slice(&private_file::read(&path)?).map_err(|_| malformed())?;
        if envelope.format != FORMAT {
            return Err(malformed());
        }
        let sealed = BASE64.decode(envelope.sealed).map_err(|_| malformed())?;
        let text =
            SealingKey::new(credential).open(&AT, &sealed).map_err(|_| KeyRingError::DoesNotOpen(path.clone()))?;
        let contents: Contents = serde_json::from_slice(&text).map_err(|_| malformed())?;
        contents.into_ring()?.ok_or_else(malformed)
    }

    fn to_sealed(&self, credential: &Secret<32>) -> Result<Vec<u8>, KeyRingError> {
        let mut text = Zeroizing::new(Vec::with_capacity(ROOM));
        serde_json::to_writer(&mut *text, &Contents::of(self)).map_err(|_| SealError::Refused)?;
        let sealed = BASE64.encode(SealingKey::new(credential).seal(&AT, &text)?);
        let envelope = Envelope { format: FORMAT.to_owned(), sealed };
        Ok(serde_json::to_vec(&envelope).map_err(|_| SealError::Refused)?)
    }
}

/// The file, in clear.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    format: String,
    sealed: String,
}

/// The ring, as sealed inside the envelope.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    origin: String,
    recovery: Option<String>,
    keks: BTreeMap<u32, Hidden>,
    data_token: Vec<Hidden>,
    access_token: Vec<Hidden>,
    checkpoint: Hidden,
    blind_index: Hidden,
    session: Hidden,
}

impl Contents {
    fn of(ring: &KeyRing) -> Self {
        let documents = |keys: &[Kept<EcdsaKey>]| keys.iter().map(|key| Hidden::of(key.document())).collect();
        Self {
            origin: ring.origin.clone(),
            recovery: ring.recovery.clone(),
            keks: ring.keks.secrets().map(|(epoch, secret)| (epoch, Hidden::of(secret.expose()))).collect(),
            data_token: documents(&ring.data_token),
            access_token: documents(&ring.access_token),
            checkpoint: Hidden::of(ring.checkpoint.document()),
            blind_index: Hidden::of(ring.blind_index.expose()),
            session: Hidden::of(ring.session.expose()),
        }
    }

    /// The ring; `None` where a part is missing or has a wrong length.
    fn into_ring(self) -> Result<Option<KeyRing>, KeyError> {
        let keks = self.keks.iter().map(|(epoch, hidden)| Some((*epoch, hidden.secret()?))).collect();
        let (Some(keks), Some(blind_index), Some(session)) =
            (Option::and_then(keks, Keks::from_secrets), self.blind_index.secret(), self.session.secret())
        else {
            return Ok(None);
        };
        let data_token = kept_ecdsa(self.data_token)?;
        let access_token = kept_ecdsa(self.access_token)?;
        if data_token.is_empty() || access_token.is_empty() {
            return Ok(None);
        }
        let checkpoint = (Ed25519Key::from_pkcs8(&self.checkpoint.0)?, self.checkpoint.0).into();
        let (origin, recovery) = (self.origin, self.recovery);
        Ok(Some(KeyRing { origin, recovery, keks, data_token, access_token, checkpoint, blind_index, session }))
    }
}

fn kept_ecdsa(documents: Vec<Hidden>) -> Result<Vec<Kept<EcdsaKey>>, KeyError> {
    documents.into_iter().map(|hidden| Ok((EcdsaKey::from_pkcs8(&hidden.0)?, hidden.0).into())).collect()
}

/// Secret bytes that are base64url text in the ring file; wiped on drop.
struct Hidden(Zeroizing<Vec<u8>>);

impl Hidden {
    fn of(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    fn secret(&self) -> Option<Secret<32>> {
        self.0.as_slice().try_into().map(Secret::new).ok()
    }
}

impl Serialize for Hidden {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(BASE64.encode(&*self.0)))
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(HiddenVisitor)
    }
}

struct HiddenVisitor;

impl de::Visitor<'_> for HiddenVisitor {
    type Value = Hidden;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("base64url text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Hidden, E> {
        BASE64.decode(text).map(|bytes| Hidden(Zeroizing::new(bytes))).map_err(|_| E::custom("not base64url"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::crypto::private_file::tests::Folder;
    use crate::crypto::{verify_ed25519, verify_es256};

    #[test]
    fn what_was_saved_opens() {
        let (folder, credential) = (Folder::new(), Secret::random().unwrap());
        let ring = KeyRing::create("log.example", Some("{\"kty\":\"EC\"}".into())).unwrap();
        ring.save_new(folder.path(), &credential).unwrap();
        let opened = KeyRing::open(folder.path(), &credential).unwrap();
        assert_eq!((&opened.origin, &opened.recovery), (&ring.origin, &ring.recovery));
        assert_eq!((&opened.blind_index, &opened.session), (&ring.blind_index, &ring.session));
        let wrapped = ring.keks.current().1.wrap(&AT, &ring.session).unwrap();
        assert_eq!(opened.keks.at(1).unwrap().unwrap_key(&AT, &wrapped).unwrap(), ring.session);
        let signature = opened.data_token[0].key().sign(b"m").unwrap();
        assert!(verify_es256(&ring.data_token[0].key().public(), b"m", &signature));
        let signature = opened.checkpoint.into_key().sign(b"m").unwrap();
        assert!(verify_ed25519(&ring.checkpoint.key().public(), b"m", &signature));
    }

    #[test]
    fn a_new_ring_never_overwrites_and_save_does() {
        let (folder, credential) = (Folder::new(), Secret::random().unwrap());
        let (one, two) = (KeyRing::create("one", None).unwrap(), KeyRing::create("two", None).unwrap());
        one.save_new(folder.path(), &credential).unwrap();
        assert!(matches!(two.save_new(folder.path(), &credential), Err(KeyRingError::Exists(_))));
        assert_eq!(KeyRing::open(folder.path(), &credential).unwrap().origin, "one");
        two.save(folder.path(), &credential).unwrap();
        assert_eq!(KeyRing::open(folder.path(), &credential).unwrap().origin, "two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn another_credential_or_an_altered_byte_does_not_open() {
        let (folder, credential) = (Folder::new(), Secret::random().unwrap());
        KeyRing::create("log.example", None).unwrap().save_new(folder.path(), &credential).unwrap();
        let other = Secret::random().unwrap();
        assert!(matches!(KeyRing::open(folder.path(), &other), Err(KeyRingError::DoesNotOpen(_))));
        let path = folder.path().join(FILE);
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.len() / 2;
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        fs::write(&path, bytes).unwrap();
        assert!(matches!(KeyRing::open(folder.path(), &credential), Err(KeyRingError::DoesNotOpen(_))));
        fs::write(&path, "{}").unwrap();
        assert!(matches!(KeyRing::open(folder.path(), &credential), Err(KeyRingError::Malformed(_))));
    }

    #[test]
    fn a_ring_without_a_current_key_is_malformed() {
        let ring = KeyRing::create("log.example", None).unwrap();
        let without = |remove: fn(&mut Contents)| {
            let mut contents = Contents::of(&ring);
            remove(&mut contents);
            contents.into_ring().unwrap().is_none()
        };
        assert!(!without(|_| ()));
        assert!(without(|contents| contents.keks.clear()));
        assert!(without(|contents| contents.data_token.clear()));
        assert!(without(|contents| contents.access_token.clear()));
        assert!(without(|contents| contents.session = Hidden::of(&[1; 31])));
    }
}
