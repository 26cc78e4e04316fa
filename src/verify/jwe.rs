//! Sealed data tokens: the recipient's side of the JWE that a body with an encryption key receives.
//!
//! What it is: the decryption of one profile, ECDH-ES (direct) on P-256 with A256GCM, RFC 7516 and RFC 7518 4.6.
//!
//! What it is not: it accepts no other algorithm, no compression and no header that it does not understand; and what
//! comes out is text of which nothing has been verified: it goes to [`DataToken::verify`](super::DataToken::verify).
//!
//! INVARIANT: the sender's ephemeral point is on the curve before the private key touches it.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use p256::SecretKey;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::token::{Jwk, json_object, parts};
use super::{Fault, base64url};

/// Header parameters that are refused: compression, and extensions that must be understood.
const REFUSED_HEADERS: [&str; 2] = ["zip", "crit"];

/// Opens a sealed token with the body's private key, a JWK.
///
/// # Errors
/// [`Fault::TooLong`] or [`Fault::Malformed`] for what is no compact JWE; [`Fault::Key`] for a private key of another
/// kind; [`Fault::Sealed`] for another algorithm, another recipient, or altered bytes.
pub fn decrypt(jwe: &str, private_jwk: &str) -> Result<String, Fault> {
    let [protected, encrypted_key, iv, ciphertext, tag] = parts(jwe)?;
    let header = json_object(protected).ok_or(malformed("its header is a JSON object"))?;
    let private = PrivateJwk::parse(private_jwk)?;
    check_header(&header, &private)?;
    if !encrypted_key.is_empty() {
        return Err(Fault::Sealed("direct agreement carries no encrypted key"));
    }
    let key = content_key(&header, &private)?;
    let iv: [u8; 12] = base64url(iv).and_then(|iv| iv.try_into().ok()).ok_or(malformed("its IV is 12 bytes"))?;
    let tag: [u8; 16] = base64url(tag).and_then(|tag| tag.try_into().ok()).ok_or(malformed("its tag is 16 bytes"))?;
    let mut sealed = base64url(ciphertext).ok_or(malformed("its ciphertext is base64url"))?;
    sealed.extend_from_slice(&tag);
    let opened = Aes256Gcm::new(&key.into())
        .decrypt(&iv.into(), Payload { msg: &sealed, aad: protected.as_bytes() })
        .map_err(|_| Fault::Sealed("it was altered, or sealed to another key"))?;
    String::from_utf8(opened).map_err(|_| malformed("what it holds is text"))
}

/// The body's key: what is public of it, and the scalar. No `Debug`: it would print the secret.
#[derive(Deserialize)]
struct PrivateJwk {
    #[serde(flatten)]
    public: Jwk,
    d: String,
}

impl PrivateJwk {
    fn parse(text: &str) -> Result<Self, Fault> {
        serde_json::from_str(text).map_err(|_| Fault::Key("it is no private JWK"))
    }

    fn secret(&self) -> Result<SecretKey, Fault> {
        let secret = base64url(&self.d).and_then(|scalar| SecretKey::from_slice(&scalar).ok());
        let secret = secret.ok_or(Fault::Key("it is no private key of P-256"))?;
        if self.public.public_key() != Some(secret.public_key()) {
            return Err(Fault::Key("its private and public parts do not belong together"));
        }
        Ok(secret)
    }
}

fn check_header(header: &Map<String, Value>, private: &PrivateJwk) -> Result<(), Fault> {
    let field = |name| header.get(name).and_then(Value::as_str);
    if field("alg") != Some("ECDH-ES") || field("enc") != Some("A256GCM") {
        return Err(Fault::Sealed("its algorithms are not ECDH-ES and A256GCM"));
    }
    if REFUSED_HEADERS.iter().any(|name| header.contains_key(*name)) {
        return Err(Fault::Sealed("its header asks for compression or for an extension"));
    }
    if private.public.kid.is_some() && field("kid") != private.public.kid.as_deref() {
        return Err(Fault::Sealed("it is sealed to a key of another name"));
    }
    Ok(())
}

/// The key that both sides agree on, RFC 7518 4.6.
fn content_key(header: &Map<String, Value>, private: &PrivateJwk) -> Result<[u8; 32], Fault> {
    let ephemeral = header
        .get("epk")
        .and_then(|epk| Jwk::deserialize(epk).ok()?.public_key())
        .ok_or(malformed("its `epk` is a point of P-256"))?;
    let party = |name| match header.get(name) {
        None => Some(Vec::new()),
        Some(info) => base64url(info.as_str()?),
    };
    let (Some(apu), Some(apv)) = (party("apu"), party("apv")) else {
        return Err(malformed("its `apu` and `apv` are base64url"));
    };
    let shared = private.secret()?.diffie_hellman(&ephemeral);
    Ok(concat_kdf(shared.raw_secret_bytes(), b"A256GCM", &apu, &apv, 256))
}

/// One round of the Concat KDF (NIST SP 800-56A 5.8.1), enough for keys of up to 256 bits.
fn concat_kdf(shared: &[u8], algorithm: &[u8], apu: &[u8], apv: &[u8], bits: u32) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(1_u32.to_be_bytes());
    hash.update(shared);
    for field in [algorithm, apu, apv] {
        // No field is longer than a token.
        hash.update(u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(field);
    }
    hash.update(bits.to_be_bytes());
    hash.finalize().into()
}

fn malformed(why: &'static str) -> Fault {
    Fault::Malformed { what: "sealed token", why }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::testlog;
    use super::*;

    /// RFC 7518, appendix C: Alice's ephemeral key and Bob's.
    const ALICE: [&str; 3] = [
        "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
        "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps",
        "0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo",
    ];
    const BOB: [&str; 3] = [
        "weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
        "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck",
        "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw",
    ];

    fn public([x, y, _]: [&str; 3]) -> Value {
        json!({"kty": "EC", "crv": "P-256", "x": x, "y": y})
    }

    fn private(key: [&str; 3]) -> Value {
        let mut jwk = public(key);
        jwk["d"] = json!(key[2]);
        jwk
    }

    fn header() -> Value {
        json!({"alg": "ECDH-ES", "enc": "A256GCM", "cty": "JWT", "kid": "bob", "epk": public(ALICE)})
    }

    /// Seals as the sender does, from Alice to Bob, under whatever header.
    fn seal(header: &Value, text: &[u8]) -> String {
        let protected = testlog::base64url(header.to_string().as_bytes());
        let info = |name: &str| header.get(name).and_then(Value::as_str).and_then(base64url).unwrap_or_default();
        let bob = serde_json::from_value::<Jwk>(public(BOB)).unwrap().public_key().unwrap();
        let alice = SecretKey::from_slice(&base64url(ALICE[2]).unwrap()).unwrap();
        let shared = alice.diffie_hellman(&bob);
        let key = concat_kdf(shared.raw_secret_bytes(), b"A256GCM", &info("apu"), &info("apv"), 256);
        let payload = Payload { msg: text, aad: protected.as_bytes() };
        let sealed = Aes256Gcm::new(&key.into()).encrypt(&[3; 12].into(), payload).unwrap();
        let (ciphertext, tag) = sealed.split_at(sealed.len() - 16);
        let [iv, ciphertext, tag] = [&[3; 12][..], ciphertext, tag].map(testlog::base64url);
        format!("{protected}..{iv}.{ciphertext}.{tag}")
    }

    fn open(jwe: &str) -> Result<String, Fault> {
        let mut bob = private(BOB);
        bob["kid"] = json!("bob");
        decrypt(jwe, &bob.to_string())
    }

    #[test]
    fn derives_the_key_of_rfc_7518_appendix_c() {
        let bob = PrivateJwk::parse(&private(BOB).to_string()).unwrap().secret().unwrap();
        let alice = serde_json::from_value::<Jwk>(public(ALICE)).unwrap().public_key().unwrap();
        let shared = bob.diffie_hellman(&alice);
        let key = concat_kdf(shared.raw_secret_bytes(), b"A128GCM", b"Alice", b"Bob", 128);
        assert_eq!(testlog::base64url(&key[..16]), "VqqN6vgjbSBcIijNcacQGg");
    }

    #[test]
    fn opens_what_was_sealed_to_the_key() {
        assert_eq!(open(&seal(&header(), "jeton scellé".as_bytes())).unwrap(), "jeton scellé");
        assert_eq!(open(&seal(&header(), b"")).unwrap(), "");
        // A key without a name opens what is sealed under any.
        assert_eq!(decrypt(&seal(&header(), b"x"), &private(BOB).to_string()).unwrap(), "x");
    }

    #[test]
    fn party_information_is_part_of_the_agreement() {
        let mut header = header();
        header["apu"] = json!("QWxpY2U");
        header["apv"] = json!("Qm9i");
        assert_eq!(open(&seal(&header, b"x")).unwrap(), "x");
        for value in [json!(1), json!("Qm9i="), Value::Null] {
            header["apv"] = value;
            assert!(matches!(open(&seal(&header, b"x")), Err(Fault::Malformed { .. })));
        }
    }

    #[test]
    fn refuses_other_headers() {
        for (member, value) in [
            ("alg", json!("ECDH-ES+A256KW")),
            ("alg", json!("dir")),
            ("alg", json!("RSA1_5")),
            ("enc", json!("A128GCM")),
            ("enc", json!("A256CBC-HS512")),
            ("zip", json!("DEF")),
            ("crit", json!(["b64"])),
            ("kid", json!("carol")),
            ("kid", Value::Null),
        ] {
            let mut header = header();
            header[member] = value.clone();
            assert!(matches!(open(&seal(&header, b"x")), Err(Fault::Sealed(_))), "{member} = {value}");
        }
        let mut off_curve = header();
        off_curve["epk"]["y"] = json!(ALICE[0]);
        for epk in
            [off_curve["epk"].clone(), json!({}), Value::Null, json!({"kty": "OKP", "crv": "X25519", "x": ALICE[0]})]
        {
            let mut header = header();
            header["epk"] = epk;
            assert!(matches!(open(&seal(&header, b"x")), Err(Fault::Malformed { .. })));
        }
    }

    #[test]
    fn refuses_other_keys() {
        let sealed = seal(&header(), b"x");
        let altered = Err(Fault::Sealed("it was altered, or sealed to another key"));
        assert_eq!(decrypt(&sealed, &private(ALICE).to_string()), altered);
        let mixed = private([BOB[0], BOB[1], ALICE[2]]);
        assert!(matches!(decrypt(&sealed, &mixed.to_string()), Err(Fault::Key(_))));
        for jwk in [public(BOB).to_string(), "{}".to_owned(), String::new()] {
            assert!(matches!(decrypt(&sealed, &jwk), Err(Fault::Key(_))));
        }
        for d in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(matches!(decrypt(&sealed, &private([BOB[0], BOB[1], d]).to_string()), Err(Fault::Key(_))));
        }
    }

    #[test]
    fn refuses_every_other_form() {
        let good = seal(&header(), b"x");
        let parts: Vec<&str> = good.split('.').collect();
        for jwe in [
            String::new(),
            "....".to_owned(),
            format!("{good}."),
            [parts[0], "AAAA", parts[2], parts[3], parts[4]].join("."),
            [parts[0], "", "AAAA", parts[3], parts[4]].join("."),
            [parts[0], "", parts[2], parts[3], "AAAA"].join("."),
        ] {
            assert!(open(&jwe).is_err(), "{jwe}");
        }
        assert!(matches!(open(&".".repeat(super::super::token::MAX_TOKEN + 1)), Err(Fault::TooLong { .. })));
        assert!(matches!(open(&seal(&header(), &[0xFF])), Err(Fault::Malformed { .. })), "not text");
    }

    proptest! {
        #[test]
        fn no_flipped_bit_passes(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
            let mut bytes = seal(&header(), b"a token").into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            if let Ok(jwe) = String::from_utf8(bytes) {
                prop_assert!(open(&jwe).is_err());
            }
        }

        #[test]
        fn never_panics(jwe in "\\PC*(\\.\\PC*){0,5}", key in "\\PC*") {
            let _ = decrypt(&jwe, &key);
            let _ = open(&jwe);
        }
    }
}
