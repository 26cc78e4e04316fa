//! Signatures: ECDSA on P-256 with SHA-256 (ES256, fixed-length form) and Ed25519.

use std::fmt;

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use zeroize::Zeroizing;

use super::{Secret, Unavailable};

/// Why a key was not made, not taken, or did not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key is malformed, is not a point of its curve, or its private and public halves do not match.
    #[error("the key is malformed, or its halves do not match")]
    Refused,
    /// No randomness, so no key and no signature.
    #[error(transparent)]
    Random(#[from] Unavailable),
}

/// A private key that signs with ES256 (RFC 7518, section 3.4).
pub struct EcdsaKey {
    pair: EcdsaKeyPair,
    public: [u8; 65],
    random: SystemRandom,
}

impl EcdsaKey {
    /// Makes a key. The second value is its PKCS#8 document, to keep; [`from_pkcs8`](Self::from_pkcs8) takes it back.
    pub fn generate() -> Result<(Self, Zeroizing<Vec<u8>>), KeyError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| Unavailable)?;
        let document = Zeroizing::new(document.as_ref().to_vec());
        Ok((Self::from_pkcs8(&document)?, document))
    }

    /// Takes a PKCS#8 document (RFC 5958) that holds the public key too.
    pub fn from_pkcs8(document: &[u8]) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document, &random);
        Self::checked(pair.map_err(|_| KeyError::Refused)?, random)
    }

    /// Takes the private scalar and the public point, and checks that they belong together.
    pub fn from_private(scalar: &Secret<32>, public: &[u8; 65]) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            scalar.expose(),
            public,
            &random,
        );
        Self::checked(pair.map_err(|_| KeyError::Refused)?, random)
    }

    /// The private scalar inside a document that [`generate`](Self::generate) gave; other PKCS#8 layouts are refused.
    pub fn private_of(document: &[u8]) -> Result<Secret<32>, KeyError> {
        private_at(document, 138, 36)
    }

    /// The public point, uncompressed: 4 ‖ x ‖ y.
    pub fn public(&self) -> [u8; 65] {
        self.public
    }

    /// Signs a message: r ‖ s.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64], KeyError> {
        let signature = self.pair.sign(&self.random, message).map_err(|_| Unavailable)?;
        signature.as_ref().try_into().map_err(|_| KeyError::Refused)
    }

    fn checked(pair: EcdsaKeyPair, random: SystemRandom) -> Result<Self, KeyError> {
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Refused)?;
        Ok(Self { pair, public, random })
    }
}

impl fmt::Debug for EcdsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EcdsaKey(redacted)")
    }
}

/// A private key that signs with Ed25519 (RFC 8032).
pub struct Ed25519Key {
    pair: Ed25519KeyPair,
    public: [u8; 32],
}

impl Ed25519Key {
    /// Makes a key. The second value is its PKCS#8 document, to keep; [`from_pkcs8`](Self::from_pkcs8) takes it back.
    pub fn generate() -> Result<(Self, Zeroizing<Vec<u8>>), KeyError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| Unavailable)?;
        let document = Zeroizing::new(document.as_ref().to_vec());
        Ok((Self::from_pkcs8(&document)?, document))
    }

    /// Takes a PKCS#8 document (RFC 5958, version 2) that holds the public key too.
    pub fn from_pkcs8(document: &[u8]) -> Result<Self, KeyError> {
        Self::checked(Ed25519KeyPair::from_pkcs8(document).map_err(|_| KeyError::Refused)?)
    }

    /// Takes the private seed and the public key, and checks that they belong together.
    pub fn from_private(seed: &Secret<32>, public: &[u8; 32]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_and_public_key(seed.expose(), public);
        Self::checked(pair.map_err(|_| KeyError::Refused)?)
    }

    /// The private seed inside a document that [`generate`](Self::generate) gave; other PKCS#8 layouts are refused.
    pub fn private_of(document: &[u8]) -> Result<Secret<32>, KeyError> {
        private_at(document, 83, 16)
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.public
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64], KeyError> {
        self.pair.sign(message).as_ref().try_into().map_err(|_| KeyError::Refused)
    }

    fn checked(pair: Ed25519KeyPair) -> Result<Self, KeyError> {
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Refused)?;
        Ok(Self { pair, public })
    }
}

impl fmt::Debug for Ed25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed25519Key(redacted)")
    }
}

/// Whether an ES256 signature (r ‖ s, 64 bytes) of a message holds under a public point (4 ‖ x ‖ y, 65 bytes). A point
/// off the curve verifies nothing.
pub fn verify_es256(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public).verify(message, signature).is_ok()
}

/// Whether an Ed25519 signature (64 bytes) of a message holds under a public key (32 bytes).
pub fn verify_ed25519(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
}

/// The 32 bytes at `offset` in a document of exactly `length` bytes: `ring` writes one layout for each algorithm, and
/// gives no other way to the private half.
fn private_at(document: &[u8], length: usize, offset: usize) -> Result<Secret<32>, KeyError> {
    if document.len() != length {
        return Err(KeyError::Refused);
    }
    let private = document.get(offset..).and_then(<[u8]>::first_chunk);
    private.copied().map(Secret::new).ok_or(KeyError::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn es256_signs_and_verifies() {
        let (key, document) = EcdsaKey::generate().unwrap();
        let signature = key.sign(b"message").unwrap();
        let public = EcdsaKey::from_pkcs8(&document).unwrap().public();
        assert!(verify_es256(&public, b"message", &signature));
        assert!(!verify_es256(&public, b"massage", &signature));
        assert!(!verify_es256(&[4; 65], b"message", &signature), "a point off the curve");
        assert!(!verify_es256(&[], b"message", &[]));
    }

    #[test]
    fn ed25519_signs_and_verifies() {
        let (key, document) = Ed25519Key::generate().unwrap();
        let signature = key.sign(b"message").unwrap();
        let public = Ed25519Key::from_pkcs8(&document).unwrap().public();
        assert!(verify_ed25519(&public, b"message", &signature));
        assert!(!verify_ed25519(&public, b"massage", &signature));
    }

    #[test]
    fn the_private_half_is_found_in_the_document() {
        // Taking the halves back proves the offsets: `ring` derives the public half and compares.
        let (key, document) = EcdsaKey::generate().unwrap();
        let scalar = EcdsaKey::private_of(&document).unwrap();
        assert_eq!(EcdsaKey::from_private(&scalar, &key.public()).unwrap().public(), key.public());
        let (key, document) = Ed25519Key::generate().unwrap();
        let seed = Ed25519Key::private_of(&document).unwrap();
        assert_eq!(Ed25519Key::from_private(&seed, &key.public()).unwrap().public(), key.public());
    }

    #[test]
    fn halves_of_two_keys_are_refused() {
        let ((one, document), (two, _)) = (EcdsaKey::generate().unwrap(), EcdsaKey::generate().unwrap());
        let scalar = EcdsaKey::private_of(&document).unwrap();
        assert!(EcdsaKey::from_private(&scalar, &one.public()).is_ok());
        assert_eq!(EcdsaKey::from_private(&scalar, &two.public()).unwrap_err(), KeyError::Refused);
        let (_, document) = Ed25519Key::generate().unwrap();
        assert_eq!(EcdsaKey::from_pkcs8(&document).unwrap_err(), KeyError::Refused);
        assert_eq!(EcdsaKey::private_of(&document).unwrap_err(), KeyError::Refused);
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", EcdsaKey::generate().unwrap().0), "EcdsaKey(redacted)");
        assert_eq!(format!("{:?}", Ed25519Key::generate().unwrap().0), "Ed25519Key(redacted)");
    }
}
