//! Signed tokens: JWS compact serialisation (RFC 7515), as JWT best practice (RFC 8725) asks.
//!
//! The hot path: one token verified and one signed for each release. The header is parsed once, and nothing is copied
//! that is not decoded.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::json::{self, Present};
use super::jwk::RawJwk;
use super::{Algorithm, JoseError, Jwk, Signer, b64};

/// Signs claims as a token of type `typ`, naming the key by its `kid`.
pub fn sign(key: &Signer, typ: &str, claims: &impl Serialize) -> Result<String, JoseError> {
    let kid = Some(key.jwk().kid());
    compact(key, &HeaderOut { alg: key.algorithm().name(), typ, kid, jwk: None }, claims)
}

/// Signs claims as a token of type `typ` that carries the public key itself, as a DPoP proof does (RFC 9449,
/// section 4.2).
pub fn sign_embedding(key: &Signer, typ: &str, claims: &impl Serialize) -> Result<String, JoseError> {
    let jwk = Some(Jwk::bare(key.jwk().key));
    compact(key, &HeaderOut { alg: key.algorithm().name(), typ, kid: None, jwk }, claims)
}

/// A token that parses, by anyone. Only what is needed to choose the key can be read from it.
#[derive(Debug)]
pub struct UnverifiedJws<'a> {
    header: Header,
    signed: &'a str,
    payload: Vec<u8>,
    signature: [u8; 64],
}

impl<'a> UnverifiedJws<'a> {
    /// Parses a token of at most `limit` bytes.
    pub fn parse(token: &'a str, limit: usize) -> Result<Self, JoseError> {
        if token.len() > limit {
            return Err(JoseError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JoseError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(JoseError::Malformed)?;
        if header.is_empty() || payload.is_empty() || payload.contains('.') {
            return Err(JoseError::Malformed);
        }
        let header = Header::parse(&b64::decode(header)?)?;
        let signature = b64::decode(signature)?.try_into().map_err(|_| JoseError::Malformed)?;
        Ok(Self { header, signed, payload: b64::decode(payload)?, signature })
    }

    /// The `typ` of the header, as written.
    pub fn typ(&self) -> Option<&str> {
        self.header.typ.as_deref()
    }

    /// The `kid` of the header.
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The algorithm that the header claims.
    pub fn alg(&self) -> Algorithm {
        self.header.alg
    }

    /// The public key inside the header: the sender's word, of use only where the sender is whoever holds it (DPoP).
    pub fn jwk(&self) -> Option<&Jwk> {
        self.header.jwk.as_ref()
    }

    /// Verifies the signature under a key, by the key's own algorithm, which must be the header's.
    pub fn verify(self, key: &Jwk) -> Result<VerifiedJws, JoseError> {
        if key.signature_algorithm() != Some(self.header.alg) {
            return Err(JoseError::AlgorithmMismatch);
        }
        if !key.verifies(self.signed.as_bytes(), &self.signature) {
            return Err(JoseError::Signature);
        }
        Ok(VerifiedJws { payload: self.payload })
    }
}

/// The payload of a token whose signature held. What it says remains to be checked: type, audience, times.
#[derive(Debug)]
pub struct VerifiedJws {
    payload: Vec<u8>,
}

impl VerifiedJws {
    /// The payload as claims: a JSON object without duplicate members at any depth.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, JoseError> {
        json::object(&self.payload)
    }

    /// The payload's bytes.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// What we read of a header.
#[derive(Debug)]
struct Header {
    alg: Algorithm,
    typ: Option<String>,
    kid: Option<String>,
    jwk: Option<Jwk>,
}

impl Header {
    fn parse(text: &[u8]) -> Result<Self, JoseError> {
        let raw: RawHeader = json::object(text)?;
        let refused = [raw.crit, raw.b64, raw.zip, raw.jku, raw.x5u, raw.x5c];
        if refused.iter().any(|parameter| parameter.0) {
            return Err(JoseError::HeaderParameter);
        }
        let alg = Algorithm::parse(&raw.alg).filter(|alg| *alg != Algorithm::EcdhEs).ok_or(JoseError::Algorithm)?;
        let jwk = raw.jwk.map(RawJwk::into_public).transpose()?;
        Ok(Self { alg, typ: raw.typ, kid: raw.kid, jwk })
    }
}

/// The header as written. Parameters not listed are ignored.
#[derive(Deserialize)]
struct RawHeader<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    typ: Option<String>,
    kid: Option<String>,
    jwk: Option<RawJwk>,
    #[serde(default)]
    crit: Present,
    #[serde(default)]
    b64: Present,
    #[serde(default)]
    zip: Present,
    #[serde(default)]
    jku: Present,
    #[serde(default)]
    x5u: Present,
    #[serde(default)]
    x5c: Present,
}

/// The header that we write.
#[derive(Serialize)]
struct HeaderOut<'a> {
    alg: &'static str,
    typ: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwk: Option<Jwk>,
}

fn compact(key: &Signer, header: &HeaderOut, claims: &impl Serialize) -> Result<String, JoseError> {
    let header = serde_json::to_vec(header).map_err(|_| JoseError::Json)?;
    let payload = serde_json::to_vec(claims).map_err(|_| JoseError::Json)?;
    let mut token = String::with_capacity((header.len() + payload.len()) / 3 * 4 + 128);
    b64::append(&mut token, &header);
    token.push('.');
    b64::append(&mut token, &payload);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    b64::append(&mut token, &signature);
    Ok(token)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::jose::PrivateJwk;

    const LIMIT: usize = 4096;

    /// RFC 7515, appendix A.3.
    const RFC_7515: &str = "eyJhbGciOiJFUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
        DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    const RFC_7515_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

    /// RFC 8037, appendix A.4.
    const RFC_8037: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
        hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    const RFC_8037_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    fn verify(token: &str, key: &Jwk) -> Result<VerifiedJws, JoseError> {
        UnverifiedJws::parse(token, LIMIT)?.verify(key)
    }

    fn signer(alg: Algorithm) -> Signer {
        PrivateJwk::generate(alg).unwrap().signer().unwrap()
    }

    /// A token with this header, whatever it says, truly signed.
    fn forged(key: &Signer, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", b64::encode(header), b64::encode(payload));
        let signature = b64::encode(key.sign(signed.as_bytes()).unwrap());
        format!("{signed}.{signature}")
    }

    fn refusal(key: &Signer, header: &str) -> JoseError {
        verify(&forged(key, header, "{}"), key.jwk()).unwrap_err()
    }

    #[test]
    fn tokens_of_the_rfcs_verify() {
        let key = Jwk::parse(RFC_7515_KEY).unwrap();
        let claims: Value = verify(RFC_7515, &key).unwrap().claims().unwrap();
        assert_eq!(claims, json!({"iss": "joe", "exp": 1_300_819_380, "http://example.com/is_root": true}));
        let key = Jwk::parse(RFC_8037_KEY).unwrap();
        assert_eq!(verify(RFC_8037, &key).unwrap().payload(), b"Example of Ed25519 signing");
    }

    #[test]
    fn what_is_signed_verifies_under_its_own_key_alone() {
        for alg in [Algorithm::Es256, Algorithm::Ed25519] {
            let (key, other) = (signer(alg), signer(alg));
            let token = sign(&key, "at+jwt", &json!({"iss": "me"})).unwrap();
            let parsed = UnverifiedJws::parse(&token, LIMIT).unwrap();
            assert_eq!((parsed.typ(), parsed.alg()), (Some("at+jwt"), alg));
            assert_eq!(parsed.kid(), Some(key.jwk().thumbprint().as_str()));
            assert_eq!(parsed.jwk(), None);
            let claims: Value = parsed.verify(key.jwk()).unwrap().claims().unwrap();
            assert_eq!(claims, json!({"iss": "me"}));
            assert_eq!(verify(&token, other.jwk()).unwrap_err(), JoseError::Signature);
        }
    }

    #[test]
    fn an_embedded_key_is_bare_and_verifies() {
        let key = signer(Algorithm::Es256);
        let token = sign_embedding(&key, "dpop+jwt", &json!({"jti": "1"})).unwrap();
        let parsed = UnverifiedJws::parse(&token, LIMIT).unwrap();
        let embedded = parsed.jwk().unwrap().clone();
        assert_eq!((parsed.kid(), &embedded), (None, &Jwk::bare(key.jwk().key)));
        assert!(parsed.verify(&embedded).is_ok());
    }

    #[test]
    fn any_altered_character_is_refused() {
        let key = Jwk::parse(RFC_7515_KEY).unwrap();
        for at in 0..RFC_7515.len() {
            let mut token = RFC_7515.as_bytes().to_vec();
            token[at] = if token[at] == b'A' { b'B' } else { b'A' };
            assert!(verify(&String::from_utf8(token).unwrap(), &key).is_err(), "{at}");
        }
    }

    #[test]
    fn the_algorithm_is_the_keys() {
        let (es256, ed25519) = (signer(Algorithm::Es256), signer(Algorithm::Ed25519));
        for alg in ["none", "HS256", "RS256", "PS256", "ES384", "ECDH-ES", "es256", ""] {
            assert_eq!(refusal(&es256, &format!(r#"{{"alg":"{alg}"}}"#)), JoseError::Algorithm, "{alg}");
        }
        assert_eq!(refusal(&es256, r#"{"alg":"EdDSA"}"#), JoseError::AlgorithmMismatch);
        assert_eq!(refusal(&ed25519, r#"{"alg":"ES256"}"#), JoseError::AlgorithmMismatch);
        assert!(verify(&forged(&ed25519, r#"{"alg":"Ed25519"}"#, "{}"), ed25519.jwk()).is_ok());
        let reserved = Jwk { alg: Some(Algorithm::EcdhEs), ..es256.jwk().clone() };
        let token = forged(&es256, r#"{"alg":"ES256"}"#, "{}");
        assert_eq!(verify(&token, &reserved).unwrap_err(), JoseError::AlgorithmMismatch);
        for header in ["{}", r#"{"alg":1}"#, r#"{"alg":null}"#, r#"["ES256"]"#, "\"ES256\"", "{"] {
            assert_eq!(refusal(&es256, header), JoseError::Json, "{header}");
        }
    }

    #[test]
    fn dangerous_parameters_are_refused_and_unknown_ones_ignored() {
        let key = signer(Algorithm::Es256);
        for name in ["crit", "b64", "zip", "jku", "x5u", "x5c"] {
            for value in ["null", "false", "[]", "\"https://example.com\""] {
                let header = format!(r#"{{"alg":"ES256","{name}":{value}}}"#);
                assert_eq!(refusal(&key, &header), JoseError::HeaderParameter, "{header}");
            }
        }
        assert_eq!(refusal(&key, r#"{"alg":"ES256","alg":"ES256"}"#), JoseError::DuplicateMember);
        assert_eq!(refusal(&key, r#"{"alg":"ES256","z":1,"z":1}"#), JoseError::DuplicateMember);
        assert!(verify(&forged(&key, r#"{"alg":"ES256","x5t":"AA","z":{}}"#, "{}"), key.jwk()).is_ok());
    }

    #[test]
    fn an_embedded_private_or_symmetric_key_is_refused() {
        let private = PrivateJwk::generate(Algorithm::Es256).unwrap();
        let json = String::from_utf8(private.to_json().unwrap().to_vec()).unwrap();
        let key = private.signer().unwrap();
        assert_eq!(refusal(&key, &format!(r#"{{"alg":"ES256","jwk":{json}}}"#)), JoseError::PrivateKey);
        assert_eq!(refusal(&key, r#"{"alg":"ES256","jwk":{"kty":"oct","k":"AA"}}"#), JoseError::Key);
    }

    #[test]
    fn other_shapes_are_refused() {
        let parse = |token: &str| UnverifiedJws::parse(token, LIMIT).unwrap_err();
        let (signed, signature) = RFC_7515.rsplit_once('.').unwrap();
        let (header, payload) = signed.split_once('.').unwrap();
        for token in ["", ".", "..", header, signed, &format!("{RFC_7515}.e30"), &format!("{header}..{signature}")] {
            assert_eq!(parse(token), JoseError::Malformed, "{token}");
        }
        assert_eq!(parse(&format!("{signed}.")), JoseError::Malformed, "no signature");
        assert_eq!(parse(&format!("{signed}.AAAA")), JoseError::Malformed, "a short signature");
        let tail = signature.strip_suffix('Q').unwrap();
        for token in [
            format!("{RFC_7515}=="),
            format!("{signed}.{tail}R"),
            format!("{header}.{payload}=.{signature}"),
            format!("{header}. {payload}.{signature}"),
        ] {
            assert_eq!(parse(&token), JoseError::Base64, "{token}");
        }
        let length = RFC_7515.len();
        assert!(UnverifiedJws::parse(RFC_7515, length).is_ok());
        assert_eq!(UnverifiedJws::parse(RFC_7515, length - 1).unwrap_err(), JoseError::TooLong);
    }

    #[test]
    fn claims_are_an_object_without_duplicates() {
        let key = signer(Algorithm::Es256);
        let claims =
            |payload| verify(&forged(&key, r#"{"alg":"ES256"}"#, payload), key.jwk()).unwrap().claims::<Value>();
        assert_eq!(claims(r#"{"a":1,"a":2}"#), Err(JoseError::DuplicateMember));
        assert_eq!(claims("[1]"), Err(JoseError::Json));
        assert_eq!(claims(r#"{"a":1}"#), Ok(json!({"a": 1})));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(token: String, header: String, payload: Vec<u8>) {
            let _ = UnverifiedJws::parse(&token, LIMIT);
            let token = format!("{}.{}.{}", b64::encode(header), b64::encode(payload), b64::encode([0; 64]));
            let _ = UnverifiedJws::parse(&token, LIMIT);
        }
    }
}
