//! JOSE: signed and encrypted tokens, keys as JSON, canonical JSON. Ours, small, on `crypto`.
//!
//! Ours because no kept crate does just this on `ring`: the known ones bring a second crypto stack, let the token pick
//! its algorithm, or have let a mistyped date pass unchecked. It is not a general JOSE library, and knows no claim: what
//! an `iss` or an `exp` must be, the callers say.
//!
//! Refused wherever they appear: `none`, HMAC and RSA; the header parameters `crit`, `b64`, `zip`, `jku`, `x5u` and
//! `x5c`; duplicate members; base64 that is padded or not canonical; a private key where a public one belongs. Other
//! header parameters are ignored, as RFC 7515, section 4, asks.
//!
//! INVARIANT: the algorithm comes from the key. A header may only agree with it.
//!
//! INVARIANT: a [`VerifiedJws`] exists only where a signature was verified, and claims are readable from it alone.

mod algorithm;
pub mod b64;
mod json;
mod jwe;
mod jwk;
mod jws;
mod private;

pub use algorithm::Algorithm;
pub use json::{canonical, object, unique};
pub use jwe::encrypt;
pub use jwk::{Jwk, JwkSet, PublicKey};
pub use jws::{UnverifiedJws, VerifiedJws, sign, sign_embedding};
pub use private::{PrivateJwk, Signer};

use crate::crypto::{KeyError, SealError};

/// Why a token, a key or a JSON text is refused, or was not made. No text holds anything of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoseError {
    /// Longer than the caller reads.
    #[error("the token is too long")]
    TooLong,
    /// Not header, payload and signature (RFC 7515, section 3.1), or a signature of a wrong length.
    #[error("the token does not have the three parts of a signed token")]
    Malformed,
    /// Not base64url, padded, or not canonical (RFC 7515, section 2).
    #[error("not base64url without padding")]
    Base64,
    /// Not JSON, not an object, a member of a wrong type, or a required member missing.
    #[error("not the JSON object expected")]
    Json,
    /// The same member twice in one object (RFC 7515, section 4).
    #[error("a JSON object has the same member twice")]
    DuplicateMember,
    /// A header parameter that changes what is verified, or fetches the key from elsewhere.
    #[error("a header parameter among crit, b64, zip, jku, x5u and x5c, all of which are refused")]
    HeaderParameter,
    /// An algorithm other than ES256 and EdDSA (Ed25519).
    #[error("the algorithm is not ES256, EdDSA or Ed25519")]
    Algorithm,
    /// The header's algorithm is not that of the key, or the key is for another use.
    #[error("the algorithm is not the key's")]
    AlgorithmMismatch,
    /// Not a key on P-256 or Ed25519, or one whose parameters contradict each other.
    #[error("the key is not a P-256 or Ed25519 key, or contradicts itself")]
    Key,
    /// A private key where only a public one may stand.
    #[error("a private key stands where a public one belongs")]
    PrivateKey,
    /// Two keys of a set have the same `kid`.
    #[error("two keys have the same kid")]
    DuplicateKid,
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature,
    /// Signing, or the agreement on a key, failed.
    #[error(transparent)]
    Crypto(#[from] KeyError),
    /// Encrypting failed.
    #[error(transparent)]
    Seal(#[from] SealError),
}
