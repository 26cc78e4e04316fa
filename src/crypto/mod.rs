//! Digests, random bytes, secrets, sealing, signatures, key agreement, and the key ring on disk.
//!
//! The only module that imports `ring`: should `ring` have to go, this folder alone changes. It is not JOSE (`jose`
//! speaks that, on top of this), knows no table, no token and no clock, and offers no choice of algorithm: SHA-256,
//! AES-256-GCM, ECDSA and ECDH on P-256, Ed25519.
//!
//! INVARIANT: no secret leaves a type of this module through `Debug`, and secrets held in our own memory are wiped when
//! dropped. The prepared keys that `ring` holds inside [`SealingKey`], [`EcdsaKey`] and [`Ed25519Key`] are not: `ring`
//! offers no way to wipe them.
//!
//! INVARIANT: every nonce is drawn here, at random, at the moment of use; no caller can supply one.

mod agree;
mod credential;
mod digest;
mod keyring;
mod keyring_file;
mod private_file;
mod random;
mod seal;
mod secret;
mod sign;

pub use agree::agree_ephemeral;
pub use credential::{CredentialError, create_credential, read_credential};
pub use digest::{Digest, equal, hkdf_sha256, hmac_sha256, sha256};
pub use keyring::{Keks, Kept, KeyRing};
pub use keyring_file::KeyRingError;
pub use private_file::FileError;
pub use random::{Unavailable, random};
pub use seal::{Address, NONCE_BYTES, SealError, SealingKey, TAG_BYTES, seal_once};
pub use secret::Secret;
pub use sign::{EcdsaKey, Ed25519Key, KeyError, verify_ed25519, verify_es256};
