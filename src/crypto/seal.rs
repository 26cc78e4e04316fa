//! Sealing: AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce, bound to the place where the bytes lie.
//!
//! A sealed value moved to another row, field or version does not open.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::{Secret, Unavailable, random};

/// The length of the nonce that opens every sealed value, in bytes.
pub const NONCE_BYTES: usize = 12;

/// The length of the tag that closes every sealed value, in bytes.
pub const TAG_BYTES: usize = 16;

/// Why a value was not sealed or not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key or the address is another one, or the bytes were altered. Which of them cannot be known.
    #[error("the sealed value does not open: wrong key, wrong place, or altered bytes")]
    DoesNotOpen,
    /// The cipher refuses a value of this length (64 GiB and more).
    #[error("the cipher refuses the value")]
    Refused,
    /// No nonce could be drawn.
    #[error(transparent)]
    Random(#[from] Unavailable),
}

/// Where a sealed value lies. Opening asks for the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// The table, or the kind of document.
    pub table: &'a str,
    /// The row's key, as bytes.
    pub row: &'a [u8],
    /// The column or member.
    pub field: &'a str,
    /// The version of the row, or the version of the document's format.
    pub version: u64,
}

impl Address<'_> {
    /// The bytes that the tag covers: each part behind its length (8 bytes, big-endian), so that no two addresses share
    /// them, then the version.
    fn to_bytes(self) -> Vec<u8> {
        let parts = [self.table.as_bytes(), self.row, self.field.as_bytes()];
        let mut bytes = Vec::with_capacity(32 + parts.iter().map(|part| part.len()).sum::<usize>());
        for part in parts {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part);
        }
        bytes.extend(self.version.to_be_bytes());
        bytes
    }
}

/// A key that seals and opens, prepared once.
///
/// With random nonces, one key should seal fewer than 2^32 values.
pub struct SealingKey(
    /// `None` if `ring` refused the key, which it does for a wrong length alone. Then nothing seals and nothing opens.
    Option<LessSafeKey>,
);

impl SealingKey {
    /// Prepares the key.
    pub fn new(key: &Secret<32>) -> Self {
        Self(UnboundKey::new(&AES_256_GCM, key.expose()).ok().map(LessSafeKey::new))
    }

    /// Seals `plain` at an address: nonce ‖ ciphertext ‖ tag.
    pub fn seal(&self, at: &Address, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.seal_bound(&at.to_bytes(), plain)
    }

    /// Opens what [`seal`](Self::seal) gave for the same address.
    pub fn open(&self, at: &Address, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let key = self.0.as_ref().ok_or(SealError::DoesNotOpen)?;
        let (nonce, body) = sealed.split_first_chunk().ok_or(SealError::DoesNotOpen)?;
        let mut plain = Zeroizing::new(body.to_vec());
        let length = key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(at.to_bytes()), &mut plain)
            .map_err(|_| SealError::DoesNotOpen)?
            .len();
        plain.truncate(length);
        Ok(plain)
    }

    /// Seals a key under this one.
    pub fn wrap(&self, at: &Address, key: &Secret<32>) -> Result<Vec<u8>, SealError> {
        self.seal(at, key.expose())
    }

    /// Opens what [`wrap`](Self::wrap) gave for the same address.
    pub fn unwrap_key(&self, at: &Address, wrapped: &[u8]) -> Result<Secret<32>, SealError> {
        let key = self.open(at, wrapped)?;
        key.as_slice().try_into().map(Secret::new).map_err(|_| SealError::DoesNotOpen)
    }

    fn seal_bound(&self, bound: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let key = self.0.as_ref().ok_or(SealError::Refused)?;
        let nonce = random::<NONCE_BYTES>()?;
        let mut sealed = Vec::with_capacity(NONCE_BYTES + plain.len() + TAG_BYTES);
        sealed.extend(nonce);
        sealed.extend(plain);
        let (_, body) = sealed.split_first_chunk_mut::<NONCE_BYTES>().ok_or(SealError::Refused)?;
        let tag = key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound), body)
            .map_err(|_| SealError::Refused)?;
        sealed.extend(tag.as_ref());
        Ok(sealed)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(redacted)")
    }
}

/// Seals `plain` under a key that seals nothing else, binding `bound` as it stands: nonce ‖ ciphertext ‖ tag.
///
/// For formats that fix the bound bytes themselves, such as JWE (RFC 7516); values at rest go through [`SealingKey`].
pub fn seal_once(key: &Secret<32>, bound: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
    SealingKey::new(key).seal_bound(bound, plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Address = Address { table: "record", row: b"1", field: "value", version: 3 };

    fn key() -> SealingKey {
        SealingKey::new(&Secret::random().unwrap())
    }

    #[test]
    fn opens_at_its_own_address_alone() {
        let key = key();
        let sealed = key.seal(&AT, b"plain").unwrap();
        assert_eq!(sealed.len(), NONCE_BYTES + 5 + TAG_BYTES);
        assert_eq!(key.open(&AT, &sealed).unwrap().as_slice(), b"plain");
        for elsewhere in [
            Address { table: "draft", ..AT },
            Address { row: b"2", ..AT },
            Address { field: "values", ..AT },
            Address { version: 4, ..AT },
            Address { table: "record1", row: b"", ..AT },
        ] {
            assert_eq!(key.open(&elsewhere, &sealed), Err(SealError::DoesNotOpen));
        }
    }

    #[test]
    fn another_key_or_any_altered_byte_does_not_open() {
        let (own, other) = (key(), key());
        let sealed = own.seal(&AT, b"plain").unwrap();
        assert_eq!(other.open(&AT, &sealed), Err(SealError::DoesNotOpen));
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(own.open(&AT, &altered), Err(SealError::DoesNotOpen));
            assert_eq!(own.open(&AT, &sealed[..at]), Err(SealError::DoesNotOpen));
        }
    }

    #[test]
    fn the_same_value_never_seals_alike() {
        let key = key();
        assert_ne!(key.seal(&AT, b"plain").unwrap(), key.seal(&AT, b"plain").unwrap());
    }

    #[test]
    fn a_wrapped_key_is_32_bytes_or_nothing() {
        let (key, inner) = (key(), Secret::random().unwrap());
        assert_eq!(key.unwrap_key(&AT, &key.wrap(&AT, &inner).unwrap()).unwrap(), inner);
        let short = key.seal(&AT, &[1; 31]).unwrap();
        assert_eq!(key.unwrap_key(&AT, &short), Err(SealError::DoesNotOpen));
    }
}
