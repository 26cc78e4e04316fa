//! SHA-256, HMAC-SHA-256, HKDF-SHA-256 and constant-time comparison.

use ring::{digest, hmac};
use subtle::ConstantTimeEq as _;

/// A SHA-256 output: 32 bytes.
pub type Digest = [u8; 32];

/// SHA-256 (FIPS 180-4) of the parts, end to end.
///
/// The parts are not delimited: where their lengths vary, the caller writes the lengths too.
pub fn sha256(parts: &[&[u8]]) -> Digest {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    fixed(context.finish().as_ref())
}

/// HMAC-SHA-256 (RFC 2104) of the parts, end to end; not delimited, as in [`sha256`].
pub fn hmac_sha256(key: &[u8; 32], parts: &[&[u8]]) -> Digest {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    fixed(context.sign().as_ref())
}

/// One 32-byte key derived from `secret` for the use that `info` names: HKDF-SHA-256 (RFC 5869) without a salt.
///
/// `secret` must already be hard to guess: this is not a password hash.
pub fn hkdf_sha256(secret: &[u8], info: &[u8]) -> Digest {
    let extracted = hmac_sha256(&[0; 32], &[secret]);
    hmac_sha256(&extracted, &[info, &[1]])
}

/// Whether two byte strings are equal, in a time that depends on their lengths alone.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Copies an output that `ring` types as a slice, and that the algorithm fixes at 32 bytes, into an array.
fn fixed(output: &[u8]) -> Digest {
    let mut bytes = [0; 32];
    for (byte, from) in bytes.iter_mut().zip(output) {
        *byte = *from;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digit = |byte: &u8| u8::try_from(char::from(*byte).to_digit(16).unwrap()).unwrap();
        text.as_bytes().chunks(2).map(|pair| digit(&pair[0]) << 4 | digit(&pair[1])).collect()
    }

    #[test]
    fn sha256_of_parts_is_sha256_of_the_whole() {
        let abc = hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(sha256(&[b"abc"]).as_slice(), abc);
        assert_eq!(sha256(&[b"a", b"", b"bc"]).as_slice(), abc);
    }

    #[test]
    fn hmac_rfc_4231() {
        // Test case 1; a key shorter than a block is padded with zeros, so ours of 32 bytes is the same key.
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let expected = hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        assert_eq!(hmac_sha256(&key, &[b"Hi ", b"There"]).as_slice(), expected);
    }

    #[test]
    fn hkdf_rfc_5869() {
        // Test case 3: no salt, no info; the first block of its output.
        let expected = hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
        assert_eq!(hkdf_sha256(&[0x0b; 22], b"").as_slice(), expected);
        assert_ne!(hkdf_sha256(b"secret", b"one"), hkdf_sha256(b"secret", b"two"));
    }

    #[test]
    fn equality() {
        assert!(equal(b"same", b"same"));
        assert!(!equal(b"same", b"some"));
        assert!(!equal(b"same", b"same!"));
    }
}
