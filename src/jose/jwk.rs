//! Public keys as JSON (RFC 7517, RFC 7518, section 6.2, RFC 8037) and their thumbprints (RFC 7638).

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::json::{self, Present};
use super::{Algorithm, JoseError, b64};
use crate::crypto::{sha256, verify_ed25519, verify_es256};

/// A public key's own bytes. That a point lies on its curve is checked where it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// A point of P-256, uncompressed: 4 ‖ x ‖ y.
    P256([u8; 65]),
    /// An Ed25519 key.
    Ed25519([u8; 32]),
}

/// A public key with what its owner says of it. Unknown members are ignored; a private one is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    pub(super) key: PublicKey,
    pub(super) kid: Option<String>,
    /// What the owner reserves the key for, by `alg` or by `use`.
    pub(super) alg: Option<Algorithm>,
}

impl Jwk {
    /// Reads a public key from its JSON text.
    pub fn parse(text: &str) -> Result<Self, JoseError> {
        json::object::<RawJwk>(text.as_bytes())?.into_public()
    }

    /// The key's own bytes.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The `kid` that its owner gave it, else its thumbprint.
    pub fn kid(&self) -> Cow<'_, str> {
        self.kid.as_deref().map_or_else(|| self.thumbprint().into(), Cow::from)
    }

    /// The one algorithm that its owner reserves it for, if any.
    pub fn alg(&self) -> Option<Algorithm> {
        self.alg
    }

    /// The SHA-256 thumbprint (RFC 7638; RFC 8037, section 2), in base64url.
    pub fn thumbprint(&self) -> String {
        let (x, y) = self.coordinates();
        let text = match y {
            Some(y) => format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
            None => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
        };
        b64::encode(sha256(&[text.as_bytes()]))
    }

    /// The key alone, without `kid` or algorithm.
    pub fn bare(key: PublicKey) -> Self {
        Self { key, kid: None, alg: None }
    }

    /// The algorithm that signatures under this key have; none if the key is for encryption.
    pub(super) fn signature_algorithm(&self) -> Option<Algorithm> {
        match (self.key, self.alg) {
            (PublicKey::P256(_), None | Some(Algorithm::Es256)) => Some(Algorithm::Es256),
            (PublicKey::Ed25519(_), None | Some(Algorithm::Ed25519)) => Some(Algorithm::Ed25519),
            _ => None,
        }
    }

    /// Whether a signature of a message holds under this key, by the key's own algorithm.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        match &self.key {
            PublicKey::P256(point) => verify_es256(point, message, signature),
            PublicKey::Ed25519(key) => verify_ed25519(key, message, signature),
        }
    }

    /// `x`, and `y` where the curve has one, as their JSON text.
    fn coordinates(&self) -> (String, Option<String>) {
        match &self.key {
            PublicKey::P256([_, coordinates @ ..]) => {
                let (x, y) = coordinates.split_at(32);
                (b64::encode(x), Some(b64::encode(y)))
            }
            PublicKey::Ed25519(x) => (b64::encode(x), None),
        }
    }
}

impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (kty, crv) = match self.key {
            PublicKey::P256(_) => ("EC", "P-256"),
            PublicKey::Ed25519(_) => ("OKP", "Ed25519"),
        };
        let (x, y) = self.coordinates();
        RawJwk {
            kty: kty.into(),
            crv: Some(crv.into()),
            x: Some(x),
            y,
            d: Present(false),
            kid: self.kid.clone(),
            key_use: self.alg.map(|alg| alg.key_use().into()),
            alg: self.alg.map(|alg| alg.name().into()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Jwk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RawJwk::deserialize(deserializer)?.into_public().map_err(de::Error::custom)
    }
}

/// The members of a JWK as they are written; anything else in it is ignored.
#[derive(Serialize, Deserialize)]
pub(super) struct RawJwk {
    kty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(default, skip_serializing)]
    d: Present,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    key_use: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
}

impl RawJwk {
    /// The key, if it is a public one.
    pub(super) fn into_public(self) -> Result<Jwk, JoseError> {
        if self.d.0 { Err(JoseError::PrivateKey) } else { self.public_half() }
    }

    /// The public half of the key, whether or not the private one stands beside it.
    pub(super) fn public_half(self) -> Result<Jwk, JoseError> {
        let key = match (self.kty.as_str(), self.crv.as_deref(), self.x, self.y) {
            ("EC", Some("P-256"), Some(x), Some(y)) => PublicKey::P256(point(&x, &y)?),
            ("OKP", Some("Ed25519"), Some(x), None) => {
                PublicKey::Ed25519(b64::decode_array(&x).map_err(|_| JoseError::Key)?)
            }
            _ => return Err(JoseError::Key),
        };
        let alg = reserved_for(key, self.alg.as_deref(), self.key_use.as_deref())?;
        Ok(Jwk { key, kid: self.kid, alg })
    }
}

/// The algorithm that `alg` and `use` reserve a key for; an error where they contradict the key or each other.
fn reserved_for(key: PublicKey, alg: Option<&str>, key_use: Option<&str>) -> Result<Option<Algorithm>, JoseError> {
    let possible: &[Algorithm] = match key {
        PublicKey::P256(_) => &[Algorithm::Es256, Algorithm::EcdhEs],
        PublicKey::Ed25519(_) => &[Algorithm::Ed25519],
    };
    if alg.is_none() && key_use.is_none() {
        return Ok(None);
    }
    let agrees = |candidate: &Algorithm| {
        alg.is_none_or(|name| Algorithm::parse(name) == Some(*candidate))
            && key_use.is_none_or(|name| name == candidate.key_use())
    };
    possible.iter().copied().find(agrees).map(Some).ok_or(JoseError::Key)
}

/// The uncompressed point (SEC 1, section 2.3.3) of two coordinates.
fn point(x: &str, y: &str) -> Result<[u8; 65], JoseError> {
    let coordinate = |text| b64::decode_array::<32>(text).map_err(|_| JoseError::Key);
    [&[4][..], &coordinate(x)?, &coordinate(y)?].concat().try_into().map_err(|_| JoseError::Key)
}

/// Public keys, no two with the same `kid`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    keys: Vec<Jwk>,
}

impl JwkSet {
    /// Gathers keys. Those without a `kid` get their thumbprint as one.
    pub fn new(mut keys: Vec<Jwk>) -> Result<Self, JoseError> {
        for key in &mut keys {
            key.kid = Some(key.kid().into_owned());
        }
        let mut kids: Vec<_> = keys.iter().map(|key| &key.kid).collect();
        kids.sort_unstable();
        let distinct = kids.array_windows().all(|[one, next]| one != next);
        if distinct { Ok(Self { keys }) } else { Err(JoseError::DuplicateKid) }
    }

    /// Reads `{"keys": […]}`. One key that is refused refuses the set.
    pub fn parse(text: &str) -> Result<Self, JoseError> {
        let raw: RawJwkSet<RawJwk> = json::object(text.as_bytes())?;
        Self::new(raw.keys.into_iter().map(RawJwk::into_public).collect::<Result<_, _>>()?)
    }

    /// The key of this `kid`.
    pub fn find(&self, kid: &str) -> Option<&Jwk> {
        self.keys.iter().find(|key| key.kid.as_deref() == Some(kid))
    }

    /// The keys, in their order.
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }
}

impl<'de> Deserialize<'de> for JwkSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(RawJwkSet::deserialize(deserializer)?.keys).map_err(de::Error::custom)
    }
}

#[derive(Deserialize)]
struct RawJwkSet<K> {
    keys: Vec<K>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// RFC 9449, section 4.2 and 6.1: the key and its thumbprint.
    fn ec() -> Value {
        let x = "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs";
        json!({"kty": "EC", "crv": "P-256", "x": x, "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"})
    }

    /// RFC 8037, appendix A.2 and A.3.
    fn okp() -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    }

    fn parse(value: &Value) -> Result<Jwk, JoseError> {
        Jwk::parse(&value.to_string())
    }

    fn with(mut value: Value, name: &str, member: impl Into<Value>) -> Value {
        value[name] = member.into();
        value
    }

    #[test]
    fn thumbprints_are_those_of_the_rfcs() {
        assert_eq!(parse(&ec()).unwrap().thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
        assert_eq!(parse(&okp()).unwrap().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn json_comes_back() {
        for value in [ec(), okp(), with(ec(), "kid", "k")] {
            assert_eq!(serde_json::to_value(parse(&value).unwrap()).unwrap(), value);
            assert_eq!(serde_json::from_value::<Jwk>(value.clone()).unwrap(), parse(&value).unwrap());
        }
        let unknown = with(ec(), "x5t", "ignored");
        assert_eq!(parse(&unknown).unwrap(), parse(&ec()).unwrap());
    }

    #[test]
    fn use_and_alg_reserve_a_key_and_may_not_contradict() {
        let encryption = parse(&with(ec(), "use", "enc")).unwrap();
        assert_eq!((encryption.alg(), encryption.signature_algorithm()), (Some(Algorithm::EcdhEs), None));
        let signing = serde_json::to_value(parse(&with(okp(), "alg", "Ed25519")).unwrap()).unwrap();
        assert_eq!((&signing["use"], &signing["alg"]), (&json!("sig"), &json!("EdDSA")));
        for bad in [
            with(with(ec(), "use", "enc"), "alg", "ES256"),
            with(okp(), "use", "enc"),
            with(okp(), "alg", "ES256"),
            with(ec(), "alg", "RS256"),
            with(ec(), "use", "other"),
        ] {
            assert_eq!(parse(&bad), Err(JoseError::Key), "{bad}");
        }
    }

    #[test]
    fn private_and_malformed_keys_are_refused() {
        for d in [json!("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"), json!(null), json!(1)] {
            assert_eq!(parse(&with(ec(), "d", d)), Err(JoseError::PrivateKey));
        }
        for bad in [
            with(ec(), "x", "AAAA"),
            with(ec(), "x", "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs="),
            with(ec(), "crv", "P-384"),
            with(ec(), "kty", "OKP"),
            with(okp(), "y", "AAAA"),
            with(okp(), "crv", "X25519"),
            json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
            json!({"kty": "oct", "k": "AAAA"}),
        ] {
            assert_eq!(parse(&bad), Err(JoseError::Key), "{bad}");
        }
        assert_eq!(Jwk::parse(r#"{"kty":"EC","kty":"EC"}"#), Err(JoseError::DuplicateMember));
        assert_eq!(Jwk::parse(r#"["EC"]"#), Err(JoseError::Json));
    }

    #[test]
    fn a_set_finds_by_kid_and_refuses_two_alike() {
        let set = JwkSet::parse(&json!({"keys": [with(ec(), "kid", "one"), okp()]}).to_string()).unwrap();
        assert_eq!(set.find("one"), Some(&set.keys()[0]));
        assert_eq!(set.find("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"), Some(&set.keys()[1]));
        assert_eq!(set.find("two"), None);
        assert_eq!(serde_json::from_value::<JwkSet>(serde_json::to_value(&set).unwrap()).unwrap(), set);
        let twice = json!({"keys": [with(ec(), "kid", "one"), with(okp(), "kid", "one")]});
        assert_eq!(JwkSet::parse(&twice.to_string()), Err(JoseError::DuplicateKid));
        let private = json!({"keys": [with(okp(), "d", "AAAA")]});
        assert_eq!(JwkSet::parse(&private.to_string()), Err(JoseError::PrivateKey));
    }
}
