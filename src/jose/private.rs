//! Private keys as JSON, and the signers made of them.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::jwk::RawJwk;
use super::{Algorithm, JoseError, Jwk, PublicKey, b64, json};
use crate::crypto::{EcdsaKey, Ed25519Key, KeyError, Secret};

/// Room for a private key's text, so that it is written into one buffer, which is wiped.
const ROOM: usize = 1024;

/// A private key that lives in a file of its own: a client's, an administrator's, the recovery key.
///
/// The broker's own keys are not of this type: they never leave the key ring.
///
/// INVARIANT: the two halves belong together.
pub struct PrivateJwk {
    private: Secret<32>,
    public: Jwk,
}

impl PrivateJwk {
    /// Makes a key for an algorithm, with its thumbprint as `kid`.
    pub fn generate(alg: Algorithm) -> Result<Self, JoseError> {
        let (private, key) = match alg {
            Algorithm::Es256 | Algorithm::EcdhEs => {
                let (key, document) = EcdsaKey::generate()?;
                (EcdsaKey::private_of(&document)?, PublicKey::P256(key.public()))
            }
            Algorithm::Ed25519 => {
                let (key, document) = Ed25519Key::generate()?;
                (Ed25519Key::private_of(&document)?, PublicKey::Ed25519(key.public()))
            }
        };
        Ok(Self { private, public: named(key, alg) })
    }

    /// Reads a private key (with `d`; RFC 7518, section 6.2.2, RFC 8037, section 2) from its JSON text.
    pub fn parse(text: &str) -> Result<Self, JoseError> {
        let public = json::object::<RawJwk>(text.as_bytes())?.public_half()?;
        let half: PrivateHalf = json::object(text.as_bytes())?;
        let bytes = Zeroizing::new(b64::decode(&half.d).map_err(|_| JoseError::Key)?);
        let private = bytes.as_slice().try_into().map(Secret::new).map_err(|_| JoseError::Key)?;
        let key = Self { private, public };
        key.prepared().map_err(|_| JoseError::Key)?;
        Ok(key)
    }

    /// The JSON text, private half included: for the owner's file alone.
    pub fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, JoseError> {
        let d = Zeroizing::new(b64::encode(self.private.expose()));
        let mut text = Zeroizing::new(Vec::with_capacity(ROOM));
        let whole = Whole { public: &self.public, half: PrivateHalf { d: Cow::from(d.as_str()) } };
        serde_json::to_writer(&mut *text, &whole).map_err(|_| JoseError::Json)?;
        Ok(text)
    }

    /// The public key.
    pub fn public(&self) -> Jwk {
        self.public.clone()
    }

    /// The key, prepared to sign under its `kid`; an error if it is for encryption.
    pub fn signer(&self) -> Result<Signer, JoseError> {
        let alg = self.public.signature_algorithm().ok_or(JoseError::AlgorithmMismatch)?;
        let kid = Some(self.public.kid().into_owned());
        Ok(Signer { key: self.prepared()?, jwk: Jwk { key: self.public.key, kid, alg: Some(alg) } })
    }

    fn prepared(&self) -> Result<SigningKey, KeyError> {
        match &self.public.key {
            PublicKey::P256(point) => EcdsaKey::from_private(&self.private, point).map(SigningKey::Es256),
            PublicKey::Ed25519(key) => Ed25519Key::from_private(&self.private, key).map(SigningKey::Ed25519),
        }
    }
}

impl fmt::Debug for PrivateJwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateJwk").field("public", &self.public).finish_non_exhaustive()
    }
}

/// A private key prepared to sign tokens, with the public key that verifies them.
pub struct Signer {
    key: SigningKey,
    /// INVARIANT: has a `kid` and an algorithm, that of the key.
    jwk: Jwk,
}

impl Signer {
    /// The public key, with `kid` and algorithm, as it is published.
    pub fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// The algorithm that the signer signs with.
    pub(super) fn algorithm(&self) -> Algorithm {
        match self.key {
            SigningKey::Es256(_) => Algorithm::Es256,
            SigningKey::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// Signs a message that is no token: an administrator's statement.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64], KeyError> {
        match &self.key {
            SigningKey::Es256(key) => key.sign(message),
            SigningKey::Ed25519(key) => key.sign(message),
        }
    }
}

impl From<EcdsaKey> for Signer {
    /// The `kid` is the key's thumbprint.
    fn from(key: EcdsaKey) -> Self {
        let jwk = named(PublicKey::P256(key.public()), Algorithm::Es256);
        Self { key: SigningKey::Es256(key), jwk }
    }
}

impl From<Ed25519Key> for Signer {
    /// The `kid` is the key's thumbprint.
    fn from(key: Ed25519Key) -> Self {
        let jwk = named(PublicKey::Ed25519(key.public()), Algorithm::Ed25519);
        Self { key: SigningKey::Ed25519(key), jwk }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("jwk", &self.jwk).finish_non_exhaustive()
    }
}

enum SigningKey {
    Es256(EcdsaKey),
    Ed25519(Ed25519Key),
}

/// A public key with its thumbprint as `kid`.
fn named(key: PublicKey, alg: Algorithm) -> Jwk {
    let bare = Jwk::bare(key);
    Jwk { kid: Some(bare.thumbprint()), alg: Some(alg), ..bare }
}

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    public: &'a Jwk,
    #[serde(flatten)]
    half: PrivateHalf<'a>,
}

#[derive(Serialize, Deserialize)]
struct PrivateHalf<'a> {
    #[serde(borrow)]
    d: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(key: &PrivateJwk) -> String {
        String::from_utf8(key.to_json().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn json_comes_back() {
        for &alg in Algorithm::ALL {
            let key = PrivateJwk::generate(alg).unwrap();
            let read = PrivateJwk::parse(&text(&key)).unwrap();
            assert_eq!(read.private, key.private);
            assert_eq!(read.public(), key.public());
            assert_eq!(key.public().kid(), key.public().thumbprint());
            assert_eq!(Jwk::parse(&text(&key)), Err(JoseError::PrivateKey));
        }
    }

    #[test]
    fn halves_of_two_keys_are_refused() {
        for alg in [Algorithm::Es256, Algorithm::Ed25519] {
            let (one, two) = (PrivateJwk::generate(alg).unwrap(), PrivateJwk::generate(alg).unwrap());
            let mixed = text(&PrivateJwk { private: one.private, public: two.public });
            assert_eq!(PrivateJwk::parse(&mixed).unwrap_err(), JoseError::Key);
        }
        let public = serde_json::to_string(&PrivateJwk::generate(Algorithm::Es256).unwrap().public()).unwrap();
        assert_eq!(PrivateJwk::parse(&public).unwrap_err(), JoseError::Json);
    }

    #[test]
    fn a_key_for_encryption_does_not_sign() {
        let key = PrivateJwk::generate(Algorithm::EcdhEs).unwrap();
        assert_eq!(key.signer().unwrap_err(), JoseError::AlgorithmMismatch);
    }

    #[test]
    fn debug_shows_the_public_half_alone() {
        let key = PrivateJwk::generate(Algorithm::Es256).unwrap();
        let d = format!("{:?}", key.private.expose());
        for shown in [format!("{key:?}"), format!("{:?}", key.signer().unwrap())] {
            assert!(!shown.contains(d.trim_matches(['[', ']'])));
        }
    }
}
