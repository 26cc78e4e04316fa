//! Key agreement: one-use ECDH on P-256, the sender's side. The receiver's side is not ours: we hold no such key.

use ring::agreement::{self, ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey};
use ring::rand::SystemRandom;

use super::{KeyError, Secret, Unavailable};

/// Agrees on a shared secret with the holder of a public point (4 ‖ x ‖ y, 65 bytes), through a key made for this call
/// alone. Gives that key's public point and the x coordinate of the shared point (SEC 1, section 3.3.1), which is not
/// yet a key: derive one from it.
pub fn agree_ephemeral(peer_public: &[u8]) -> Result<([u8; 65], Secret<32>), KeyError> {
    let private = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).map_err(|_| Unavailable)?;
    let public = private.compute_public_key().map_err(|_| KeyError::Refused)?;
    let public = public.as_ref().try_into().map_err(|_| KeyError::Refused)?;
    let peer = UnparsedPublicKey::new(&ECDH_P256, peer_public);
    let shared = agreement::agree_ephemeral(private, &peer, |shared| shared.try_into().map(Secret::new));
    shared.map_err(|_| KeyError::Refused)?.map(|secret| (public, secret)).map_err(|_| KeyError::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_another_implementation() {
        let peer = p256::SecretKey::from_slice(&[7; 32]).unwrap();
        let (public, shared) = agree_ephemeral(&peer.public_key().to_sec1_bytes()).unwrap();
        let public = p256::PublicKey::from_sec1_bytes(&public).unwrap();
        let theirs = p256::ecdh::diffie_hellman(peer.to_nonzero_scalar(), public.as_affine());
        assert_eq!(shared.expose().as_slice(), theirs.raw_secret_bytes().as_slice());
    }

    #[test]
    fn a_point_off_the_curve_is_refused() {
        assert_eq!(agree_ephemeral(&[4; 65]).unwrap_err(), KeyError::Refused);
        assert_eq!(agree_ephemeral(&[]).unwrap_err(), KeyError::Refused);
    }
}
