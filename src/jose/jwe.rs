//! Encrypted tokens, the sender's side: JWE compact serialisation (RFC 7516), ECDH-ES direct with A256GCM (RFC 7518,
//! sections 4.6 and 5.3). Decrypting is not here: we hold no recipient's key.

use std::borrow::Cow;

use serde::Serialize;

use super::{Algorithm, JoseError, Jwk, PublicKey, b64};
use crate::crypto::{NONCE_BYTES, Secret, TAG_BYTES, agree_ephemeral, seal_once, sha256};

const ENC: &str = "A256GCM";

/// Encrypts `plaintext`, whose content type is `cty`, to a P-256 key that is not reserved for signatures.
pub fn encrypt(recipient: &Jwk, cty: &str, plaintext: &[u8]) -> Result<String, JoseError> {
    let PublicKey::P256(point) = recipient.key else { return Err(JoseError::Key) };
    if recipient.alg.is_some_and(|alg| alg != Algorithm::EcdhEs) {
        return Err(JoseError::AlgorithmMismatch);
    }
    let (ephemeral, shared) = agree_ephemeral(&point)?;
    let epk = Jwk::bare(PublicKey::P256(ephemeral));
    let header = Header { alg: Algorithm::EcdhEs.name(), enc: ENC, epk, kid: recipient.kid(), cty };
    let header = b64::encode(serde_json::to_vec(&header).map_err(|_| JoseError::Json)?);
    let key = Secret::new(concat_kdf(&shared, ENC, b"", b"", 256));
    let sealed = seal_once(&key, header.as_bytes(), plaintext)?;
    compact(header, &sealed).ok_or(JoseError::Malformed)
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    enc: &'static str,
    epk: Jwk,
    kid: Cow<'a, str>,
    cty: &'a str,
}

/// The Concat KDF (RFC 7518, section 4.6.2) for one round of SHA-256: the first `bits` bits are the key.
fn concat_kdf(shared: &Secret<32>, algorithm: &str, apu: &[u8], apv: &[u8], bits: u32) -> [u8; 32] {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    sha256(&[
        &1_u32.to_be_bytes(),
        shared.expose(),
        &length(algorithm.as_bytes()),
        algorithm.as_bytes(),
        &length(apu),
        apu,
        &length(apv),
        apv,
        &bits.to_be_bytes(),
    ])
}

/// The five parts, the encrypted key being empty; `sealed` is nonce ‖ ciphertext ‖ tag.
fn compact(header: String, sealed: &[u8]) -> Option<String> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
    let mut token = header;
    token.reserve(sealed.len() / 3 * 4 + 16);
    token.push('.');
    for part in [nonce.as_slice(), ciphertext, tag] {
        token.push('.');
        b64::append(&mut token, part);
    }
    Some(token)
}

#[cfg(test)]
mod tests {
    use aes_gcm::aead::{Aead as _, Payload};
    use aes_gcm::{Aes256Gcm, KeyInit as _};
    use serde_json::Value;

    use super::*;
    use crate::jose::PrivateJwk;

    const SCALAR: [u8; 32] = [7; 32];

    fn recipient() -> Jwk {
        let public = p256::SecretKey::from_slice(&SCALAR).unwrap().public_key();
        let point = public.to_sec1_bytes().as_ref().try_into().unwrap();
        Jwk { kid: Some("k".into()), ..Jwk::bare(PublicKey::P256(point)) }
    }

    /// Decrypts with another implementation of ECDH and of AES-GCM.
    fn decrypt(token: &str) -> (Value, Vec<u8>) {
        let parts: Vec<_> = token.split('.').collect();
        let [header, "", nonce, ciphertext, tag] = parts[..] else { panic!("not a JWE") };
        let json: Value = serde_json::from_slice(&b64::decode(header).unwrap()).unwrap();
        let PublicKey::P256(point) = *serde_json::from_value::<Jwk>(json["epk"].clone()).unwrap().key() else {
            panic!("not on P-256")
        };
        let own = p256::SecretKey::from_slice(&SCALAR).unwrap();
        let epk = p256::PublicKey::from_sec1_bytes(&point).unwrap();
        let shared = p256::ecdh::diffie_hellman(own.to_nonzero_scalar(), epk.as_affine());
        let shared = Secret::new(shared.raw_secret_bytes().as_slice().try_into().unwrap());
        let key = concat_kdf(&shared, "A256GCM", b"", b"", 256);
        let msg = [b64::decode(ciphertext).unwrap(), b64::decode(tag).unwrap()].concat();
        let nonce = b64::decode_array::<12>(nonce).unwrap();
        let payload = Payload { msg: &msg, aad: header.as_bytes() };
        (json, Aes256Gcm::new(&key.into()).decrypt(&nonce.into(), payload).unwrap())
    }

    #[test]
    fn another_implementation_decrypts() {
        let token = encrypt(&recipient(), "JWT", b"plain").unwrap();
        let (header, plain) = decrypt(&token);
        assert_eq!(plain, b"plain");
        let shown: Vec<_> = ["alg", "enc", "kid", "cty"].iter().map(|name| header[name].as_str().unwrap()).collect();
        assert_eq!(shown, ["ECDH-ES", "A256GCM", "k", "JWT"]);
        assert_ne!(encrypt(&recipient(), "JWT", b"plain").unwrap(), token);
    }

    #[test]
    fn the_key_derivation_is_that_of_rfc_7518_appendix_c() {
        let shared = [
            158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163, 218, 128,
            106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
        ];
        let key = concat_kdf(&Secret::new(shared), "A128GCM", b"Alice", b"Bob", 128);
        assert_eq!(b64::encode(&key[..16]), "VqqN6vgjbSBcIijNcacQGg");
    }

    #[test]
    fn only_a_p256_key_that_may_encrypt_is_a_recipient() {
        let enc = PrivateJwk::generate(Algorithm::EcdhEs).unwrap().public();
        assert!(encrypt(&enc, "JWT", b"").is_ok());
        let sig = PrivateJwk::generate(Algorithm::Es256).unwrap().public();
        assert_eq!(encrypt(&sig, "JWT", b""), Err(JoseError::AlgorithmMismatch));
        let okp = PrivateJwk::generate(Algorithm::Ed25519).unwrap().public();
        assert_eq!(encrypt(&okp, "JWT", b""), Err(JoseError::Key));
        let off_curve = Jwk::bare(PublicKey::P256([4; 65]));
        assert!(matches!(encrypt(&off_curve, "JWT", b""), Err(JoseError::Crypto(_))));
    }
}
