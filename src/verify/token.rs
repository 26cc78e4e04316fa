//! Data tokens: what a body holds after a release, checked against the keys and against the log.
//!
//! What it is: the verification of a compact JWS (ES256) under a JWKS, and of its claims against a verified entry
//! proof: that the log holds, under the index that the token names, the release of exactly these claims to this body.
//!
//! What it is not: it does not read the status list, so it cannot say whether the consent was withdrawn since; and it
//! takes no proof of possession of the key that the token is bound to.
//!
//! INVARIANT: the algorithm comes from the key, never from the header alone; keys come from the caller's JWKS alone.

use std::collections::BTreeSet;

use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{EntryProof, Event, Fault, base64url, base64url_32};

/// The most that is read of a token, sealed or not.
pub(super) const MAX_TOKEN: usize = 256 * 1024;
/// The most that is read of a JWKS.
const MAX_JWKS: usize = 16 * 1024 * 1024;
/// By how many seconds the issuer's clock and the body's may differ.
const LEEWAY: i64 = 60;
/// Header parameters that would bring their own key, or change what the signature covers.
const REFUSED_HEADERS: [&str; 9] = ["crit", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "b64", "zip"];

/// What the body that received a token knows of it beforehand.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The issuer that it asked.
    pub issuer: &'a str,
    /// Its own identifier.
    pub audience: &'a str,
    /// The time, in Unix seconds.
    pub now: i64,
}

/// A data token whose signature, issuer, audience and times are good.
#[derive(Debug, Clone, PartialEq)]
pub struct DataToken {
    claims: Map<String, Value>,
    interval: Interval,
}

impl DataToken {
    /// Verifies a token by itself.
    ///
    /// # Errors
    /// [`Fault::TooLong`], [`Fault::Malformed`], [`Fault::Key`], [`Fault::Signature`] or [`Fault::Token`].
    pub fn verify(token: &str, keys: &Jwks, expected: &Expected<'_>) -> Result<Self, Fault> {
        let [header, payload, signature] = parts(token)?;
        let (key, interval) = keys.signing_key(&protected_header(header)?)?;
        let signed = token.rsplit_once('.').map_or("", |(signed, _)| signed);
        base64url(signature)
            .and_then(|signature| Signature::from_slice(&signature).ok())
            .and_then(|signature| key.verify(signed.as_bytes(), &signature).ok())
            .ok_or(Fault::Signature("the issuer's key".to_owned()))?;
        let claims = json_object(payload).ok_or(malformed("its payload is a JSON object"))?;
        check_claims(&claims, expected)?;
        Ok(Self { claims, interval })
    }

    /// Checks the token against the proof that came with it: the entry is the release of these very claims, and lies
    /// in the interval of the key that signed the token.
    ///
    /// # Errors
    /// [`Fault::Token`], naming the first thing in which the two differ.
    pub fn check_entry(&self, proof: &EntryProof) -> Result<(), Fault> {
        let act = proof.act().ok_or(Fault::Token("its proof does not open the act"))?;
        if !matches!(proof.leaf().event(), Event::Release | Event::Redelivery) {
            return Err(Fault::Token("its entry is no release"));
        }
        let log = json!({"origin": proof.origin(), "index": proof.index()});
        require(self.claims.get("log") == Some(&log), "its claim `log` is not the proof's log and index")?;
        require(self.interval.contains(proof.index()), "its entry lies outside the interval of its key")?;
        let digest = act.get("claims").and_then(Value::as_str).and_then(base64url_32);
        require(digest.is_some() && digest == self.claims_digest(), "its claims are not those of the entry")?;
        self.check_act(act)
    }

    /// The claims.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// SHA-256 of the canonical claims without `log`, which is known only once the entry is written.
    fn claims_digest(&self) -> Option<[u8; 32]> {
        let mut claims = self.claims.clone();
        claims.remove("log");
        let canonical = serde_json_canonicalizer::to_vec(&claims).ok()?;
        Some(Sha256::digest(canonical).into())
    }

    /// What the act says in clear must also be what the claims say.
    fn check_act(&self, act: &Value) -> Result<(), Fault> {
        let claim = |name: &str, member: &str| self.claims.get(name)?.get(member);
        let same = |ours: Option<&Value>, theirs: &str| ours.is_some() && ours == act.get(theirs);
        require(same(self.claims.get("jti"), "jti"), "its `jti` is not the entry's")?;
        require(same(self.claims.get("aud"), "receiving"), "its audience is not the body that the entry names")?;
        require(same(claim("cnf", "jkt"), "recipient_key"), "it is bound to another key than the entry's")?;
        require(same(claim("basis", "kind"), "basis"), "its basis is not the entry's")?;
        require(same(claim("purpose", "id"), "purpose"), "its purpose is not the entry's")?;
        let version = claim("purpose", "version");
        require(same(version, "purpose_version"), "its purpose is of another version than the entry's")?;
        let occasion = claim("occasion", "reference");
        require(occasion == act.get("occasion"), "its occasion is not the entry's")?;
        let released = self.claims.get("values").and_then(Value::as_object);
        let released: Option<BTreeSet<&str>> = released.map(|values| values.keys().map(String::as_str).collect());
        let recorded = act.get("attributes").and_then(Value::as_array);
        let recorded: Option<BTreeSet<&str>> = recorded.and_then(|names| names.iter().map(Value::as_str).collect());
        require(released.is_some() && released == recorded, "its values are not the attributes of the entry")
    }
}

/// The issuer's public keys, with the interval of the log in which each was in use.
#[derive(Debug, Clone, Deserialize)]
pub struct Jwks {
    keys: Vec<Jwk>,
}

impl Jwks {
    /// Reads a JWKS. Keys of kinds that data tokens are not signed with may be in it; they are never chosen.
    ///
    /// # Errors
    /// [`Fault::TooLong`] or [`Fault::Malformed`].
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.len() > MAX_JWKS {
            return Err(Fault::TooLong { what: "JWKS", limit: MAX_JWKS });
        }
        serde_json::from_str(text).map_err(|_| Fault::Malformed { what: "JWKS", why: "it is `{\"keys\": [...]}`" })
    }

    /// The key that a header names, which must agree with what the header says of it.
    fn signing_key(&self, header: &Map<String, Value>) -> Result<(VerifyingKey, Interval), Fault> {
        let field = |name| header.get(name).and_then(Value::as_str);
        let kid = field("kid").ok_or(Fault::Key("the header names none"))?;
        let mut named = self.keys.iter().filter(|key| key.kid.as_deref() == Some(kid));
        let (Some(key), None) = (named.next(), named.next()) else {
            return Err(Fault::Key("the JWKS holds none, or several, of that name"));
        };
        if key.usage.as_deref() != Some("sig") || key.alg.as_deref() != Some("ES256") {
            return Err(Fault::Key("it is not for signing data tokens with ES256"));
        }
        if field("alg") != key.alg.as_deref() {
            return Err(Fault::Key("the header names another algorithm"));
        }
        let interval = key.log.clone().filter(|log| log.usage == "data-token");
        let interval = interval.ok_or(Fault::Key("the log does not name it as a key for data tokens"))?;
        let public = key.public_key().ok_or(Fault::Key("it is no point of P-256"))?;
        Ok((VerifyingKey::from(public), interval))
    }
}

/// One JSON Web Key, as far as it is read here.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Jwk {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    pub(super) kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    log: Option<Interval>,
}

impl Jwk {
    /// The point of P-256 that it stands for, if it is on the curve.
    pub(super) fn public_key(&self) -> Option<p256::PublicKey> {
        if self.kty != "EC" || self.crv.as_deref() != Some("P-256") {
            return None;
        }
        let (x, y) = (base64url_32(self.x.as_deref()?)?, base64url_32(self.y.as_deref()?)?);
        let uncompressed = [&[4][..], &x[..], &y[..]].concat();
        p256::PublicKey::from_sec1_bytes(&uncompressed).ok()
    }
}

/// The entries between a key's `key-added` and its `key-retired`, both excluded.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Interval {
    /// What its `key-added` says that the key is for: an access-token key signs with the same algorithm.
    #[serde(rename = "use", default)]
    usage: String,
    from: u64,
    until: Option<u64>,
}

impl Interval {
    fn contains(&self, index: u64) -> bool {
        self.from < index && self.until.is_none_or(|until| index < until)
    }
}

/// Splits a compact serialisation into its parts, of which there are exactly `N`.
pub(super) fn parts<const N: usize>(token: &str) -> Result<[&str; N], Fault> {
    if token.len() > MAX_TOKEN {
        return Err(Fault::TooLong { what: "token", limit: MAX_TOKEN });
    }
    let parts: Vec<&str> = token.splitn(N + 1, '.').collect();
    parts.try_into().map_err(|_| malformed("it is a compact serialisation"))
}

/// Decodes a part that is a JSON object in base64url.
pub(super) fn json_object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&base64url(part)?).ok()
}

fn protected_header(part: &str) -> Result<Map<String, Value>, Fault> {
    let header = json_object(part).ok_or(malformed("its header is a JSON object"))?;
    require(!REFUSED_HEADERS.iter().any(|name| header.contains_key(*name)), "its header goes beyond alg, kid and typ")?;
    // Exactly this type: an access token or an event of the same issuer is no data token.
    require(header.get("typ").and_then(Value::as_str) == Some("data-release+jwt"), "it is of another type")?;
    Ok(header)
}

fn check_claims(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), Fault> {
    let text = |name| claims.get(name).and_then(Value::as_str);
    let time = |name| claims.get(name).and_then(Value::as_i64);
    require(text("iss") == Some(expected.issuer), "it is by another issuer")?;
    require(text("aud") == Some(expected.audience), "it is for another body")?;
    let (Some(issued), Some(expires)) = (time("iat"), time("exp")) else {
        return Err(Fault::Token("it does not say from when until when it is good"));
    };
    require(issued <= expected.now.saturating_add(LEEWAY), "it is from the future")?;
    require(expected.now < expires.saturating_add(LEEWAY), "it has expired")?;
    match claims.get("nbf") {
        None => Ok(()),
        Some(begins) => require(
            begins.as_i64().is_some_and(|begins| begins <= expected.now.saturating_add(LEEWAY)),
            "it is not good yet",
        ),
    }
}

fn require(holds: bool, otherwise: &'static str) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(Fault::Token(otherwise)) }
}

fn malformed(why: &'static str) -> Fault {
    Fault::Malformed { what: "token", why }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Vkey;
    use super::super::testlog::{Key, REDELIVERY, RELEASE, START, TestLog, claims, sign, token_jwk};
    use super::*;

    /// A change to claims, an act or a key.
    type Change = fn(&mut Value);

    const NOW: i64 = START.cast_signed() + 10;

    fn header() -> Value {
        json!({"typ": "data-release+jwt", "alg": "ES256", "kid": "t1"})
    }

    fn jwks() -> Jwks {
        Jwks::parse(&TestLog::story().jwks.to_string()).unwrap()
    }

    fn verify_at(token: &str, now: i64) -> Result<DataToken, Fault> {
        DataToken::verify(token, &jwks(), &Expected { issuer: "https://unefois.example", audience: "habitation", now })
    }

    fn verify(token: &str) -> Result<DataToken, Fault> {
        verify_at(token, NOW)
    }

    fn release() -> Value {
        claims("r1", RELEASE)
    }

    fn proof(index: usize, opens: bool) -> EntryProof {
        let vkey = Vkey::parse(&Key::log().vkey).unwrap();
        EntryProof::verify(&TestLog::story().proof(index, 20, opens), &vkey).unwrap()
    }

    #[test]
    fn a_release_verifies_with_its_proof() {
        let token = verify(&sign(1, &header(), &release())).unwrap();
        assert_eq!(token.claims(), release().as_object().unwrap());
        assert_eq!(token.check_entry(&proof(RELEASE, true)), Ok(()));
    }

    #[test]
    fn a_redelivery_carries_the_same_claims_and_its_own_entry() {
        let token = verify(&sign(1, &header(), &claims("r1", REDELIVERY))).unwrap();
        assert_eq!(token.check_entry(&proof(REDELIVERY, true)), Ok(()));
        assert!(token.check_entry(&proof(RELEASE, true)).is_err());
    }

    #[test]
    fn refuses_other_headers() {
        for (member, value) in [
            ("typ", json!("at+jwt")),
            ("typ", json!("JWT")),
            ("typ", json!("Data-Release+JWT")),
            ("typ", Value::Null),
            ("alg", json!("none")),
            ("alg", json!("HS256")),
            ("alg", json!("ES384")),
            ("kid", json!("t2")),
            ("kid", json!("t9")),
            ("kid", json!("log")),
            ("kid", Value::Null),
            ("crit", json!(["exp"])),
            ("jku", json!("https://evil.example/jwks")),
            ("jwk", token_jwk(1)),
            ("x5u", json!("https://evil.example/chain")),
            ("x5c", json!([])),
            ("b64", json!(false)),
            ("zip", json!("DEF")),
        ] {
            let mut header = header();
            header[member] = value.clone();
            assert!(verify(&sign(1, &header, &release())).is_err(), "{member} = {value}");
        }
    }

    #[test]
    fn takes_key_and_algorithm_from_the_jwks() {
        let token = sign(1, &header(), &release());
        let with = |change: Change| {
            let mut keys = TestLog::story().jwks;
            change(&mut keys["keys"][1]);
            let keys = Jwks::parse(&keys.to_string()).unwrap();
            let expected = Expected { issuer: "https://unefois.example", audience: "habitation", now: NOW };
            DataToken::verify(&token, &keys, &expected)
        };
        assert!(with(|_| {}).is_ok());
        let refused: [Change; 11] = [
            |key| key["use"] = json!("data-token"),
            |key| key["log"]["use"] = json!("access-token"),
            |key| drop(key["log"].as_object_mut().unwrap().remove("use")),
            |key| key["use"] = json!("enc"),
            |key| key["use"] = json!("access-token"),
            |key| key["alg"] = json!("ES384"),
            |key| drop(key.as_object_mut().unwrap().remove("alg")),
            |key| drop(key.as_object_mut().unwrap().remove("log")),
            |key| key["x"] = json!("AAAA"),
            |key| key["y"] = key["x"].clone(),
            |key| key["kid"] = json!("t2"),
        ];
        for (number, change) in refused.into_iter().enumerate() {
            assert!(matches!(with(change), Err(Fault::Key(_))), "change {number}");
        }
        assert_eq!(verify(&sign(2, &header(), &release())), Err(Fault::Signature("the issuer's key".into())));
    }

    #[test]
    fn refuses_other_claims() {
        for (claim, value) in [
            ("iss", json!("https://other.example")),
            ("aud", json!("revenu")),
            ("aud", json!(["habitation"])),
            ("exp", Value::Null),
            ("exp", json!("soon")),
            ("iat", Value::Null),
            ("nbf", json!("soon")),
            ("nbf", json!(NOW + LEEWAY + 1)),
        ] {
            let mut claims = release();
            claims[claim] = value.clone();
            assert!(matches!(verify(&sign(1, &header(), &claims)), Err(Fault::Token(_))), "{claim} = {value}");
        }
        let token = sign(1, &header(), &release());
        let (issued, expires) = (START.cast_signed(), START.cast_signed() + 600);
        assert!(verify_at(&token, issued - LEEWAY).is_ok());
        assert_eq!(verify_at(&token, issued - LEEWAY - 1), Err(Fault::Token("it is from the future")));
        assert!(verify_at(&token, expires + LEEWAY - 1).is_ok());
        assert_eq!(verify_at(&token, expires + LEEWAY), Err(Fault::Token("it has expired")));
        for now in [i64::MIN, i64::MAX] {
            assert!(verify_at(&token, now).is_err());
        }
    }

    #[test]
    fn the_entry_must_be_that_of_the_token() {
        let check = |change: Change| {
            let mut claims = release();
            change(&mut claims);
            verify(&sign(1, &header(), &claims)).unwrap().check_entry(&proof(RELEASE, true))
        };
        assert_eq!(check(|_| {}), Ok(()));
        let log = Err(Fault::Token("its claim `log` is not the proof's log and index"));
        assert_eq!(check(|claims| claims["log"]["index"] = json!(7)), log);
        assert_eq!(check(|claims| claims["log"]["origin"] = json!("other.example")), log);
        assert_eq!(check(|claims| drop(claims.as_object_mut().unwrap().remove("log"))), log);
        let other: [Change; 4] = [
            |claims| claims["values"]["menage.taille"]["nombre"] = json!(4),
            |claims| claims["salt"] = json!("AAAA"),
            |claims| claims["jti"] = json!("r9"),
            |claims| claims["more"] = json!(1),
        ];
        for change in other {
            assert_eq!(check(change), Err(Fault::Token("its claims are not those of the entry")));
        }
    }

    #[test]
    fn the_act_must_say_what_the_claims_say() {
        // The digest is right each time: it is the act that says other than the claims that it binds.
        let check = |change: Change| {
            let mut log = TestLog::story();
            change(&mut log.entries[RELEASE].act);
            let vkey = Vkey::parse(&Key::log().vkey).unwrap();
            let proof = EntryProof::verify(&log.proof(RELEASE, 20, true), &vkey).unwrap();
            verify(&sign(1, &header(), &release())).unwrap().check_entry(&proof)
        };
        let cases: [(Change, &str); 8] = [
            (|act| act["jti"] = json!("r9"), "its `jti` is not the entry's"),
            (|act| act["basis"] = json!("authorisation"), "its basis is not the entry's"),
            (|act| act["receiving"] = json!("revenu"), "its audience is not the body that the entry names"),
            (|act| act["recipient_key"] = json!("k"), "it is bound to another key than the entry's"),
            (|act| act["purpose"] = json!("bourse"), "its purpose is not the entry's"),
            (|act| act["purpose_version"] = json!(4), "its purpose is of another version than the entry's"),
            (|act| act["attributes"] = json!(["menage.taille"]), "its values are not the attributes of the entry"),
            (|act| act["claims"] = json!(""), "its claims are not those of the entry"),
        ];
        for (change, reason) in cases {
            assert_eq!(check(change), Err(Fault::Token(reason)));
        }
    }

    #[test]
    fn the_entry_lies_between_its_keys_entries() {
        let token = verify(&sign(1, &header(), &release())).unwrap();
        let with =
            |from, until| DataToken { interval: Interval { usage: "data-token".into(), from, until }, ..token.clone() };
        let outside = Err(Fault::Token("its entry lies outside the interval of its key"));
        let proof = proof(RELEASE, true);
        assert_eq!(with(5, None).check_entry(&proof), Ok(()));
        assert_eq!(with(5, Some(7)).check_entry(&proof), Ok(()));
        assert_eq!(with(6, None).check_entry(&proof), outside);
        assert_eq!(with(5, Some(6)).check_entry(&proof), outside);
    }

    #[test]
    fn needs_an_opened_release() {
        let token = verify(&sign(1, &header(), &release())).unwrap();
        let closed = token.check_entry(&proof(RELEASE, false));
        assert_eq!(closed, Err(Fault::Token("its proof does not open the act")));
        assert_eq!(token.check_entry(&proof(5, true)), Err(Fault::Token("its entry is no release")));
    }

    #[test]
    fn refuses_every_other_form() {
        let good = sign(1, &header(), &release());
        let (signed, signature) = good.rsplit_once('.').unwrap();
        for token in [
            String::new(),
            "..".to_owned(),
            signed.to_owned(),
            format!("{good}."),
            format!("{good}="),
            format!("{signed}."),
            format!("{signed}.{signature}AA"),
            format!("{signed}.{}", "A".repeat(86)),
        ] {
            assert!(verify(&token).is_err(), "{token}");
        }
        let limit = MAX_TOKEN;
        assert_eq!(verify(&"A".repeat(limit + 1)), Err(Fault::TooLong { what: "token", limit }));
        assert!(matches!(Jwks::parse("{}"), Err(Fault::Malformed { .. })));
    }

    proptest! {
        #[test]
        fn no_flipped_bit_passes(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
            let mut bytes = sign(1, &header(), &release()).into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            if let Ok(token) = String::from_utf8(bytes) {
                prop_assert!(verify(&token).is_err());
            }
        }

        #[test]
        fn never_panics(token in "[A-Za-z0-9_.-]{0,80}(\\.\\PC*){0,4}", keys in "\\PC*") {
            let _ = verify(&token);
            let _ = Jwks::parse(&keys);
        }
    }
}
