//! The key history of an export: the entries that add and retire keys, against `jwks.json`.
//!
//! What it is: the agreement of the two. The log is what counts; `jwks.json` is the form in which a verifier of tokens
//! uses it, so it must say the same.
//!
//! What it is not: it does not judge what the keys signed.
//!
//! INVARIANT: a key that passed is in the log once, at the index that `jwks.json` says, with the same public key.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Departure, Fault, folder};

const FILE: &str = "jwks.json";
/// What a key of the log may be for.
const USES: [&str; 3] = ["data-token", "access-token", "checkpoint"];

/// The keys of `jwks.json`, and what the log has said of them so far.
pub(super) struct KeyHistory {
    published: BTreeMap<String, Published>,
}

/// A key of `jwks.json`.
struct Published {
    jwk: Map<String, Value>,
    interval: Interval,
    /// What the entry that added it says that it is for.
    added_for: Option<String>,
    retired: bool,
}

/// Member `log` of a key: what it is for, and the entries that added and retired it.
#[derive(Deserialize)]
struct Interval {
    #[serde(rename = "use")]
    usage: String,
    from: u64,
    until: Option<u64>,
}

/// `jwks.json`.
#[derive(Deserialize)]
struct Keys {
    keys: Vec<Map<String, Value>>,
}

impl KeyHistory {
    pub(super) fn read(folder: &Path) -> Result<Self, Fault> {
        let problem = |problem: &str| Fault::File { file: FILE, problem: problem.to_owned() };
        let Keys { keys } = folder::json(folder, FILE)?;
        let mut published = BTreeMap::new();
        for mut jwk in keys {
            let kid = jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
            let kid = kid.ok_or_else(|| problem("has a key without `kid`"))?;
            let interval = jwk.remove("log").and_then(|log| Interval::deserialize(log).ok());
            let interval = interval.ok_or_else(|| problem("has a key without `log`"))?;
            let key = Published { jwk, interval, added_for: None, retired: false };
            if published.insert(kid, key).is_some() {
                return Err(problem("has two keys of one `kid`"));
            }
        }
        Ok(Self { published })
    }

    /// Follows a `key-added`.
    pub(super) fn add(&mut self, index: u64, act: &Value) -> Result<(), Fault> {
        let usage =
            text(act, "use").filter(|usage| USES.contains(usage)).ok_or(rule("it does not say what the key is for"))?;
        let jwk = act.get("jwk").and_then(Value::as_object).ok_or(rule("it carries no public key"))?;
        let key = self.named(act)?;
        if key.added_for.is_some() {
            return Err(rule("it adds a key that was added before"));
        }
        if key.interval.from != index || key.interval.usage != usage || !is_same(&key.jwk, jwk, usage) {
            return Err(rule("`jwks.json` does not agree with the key that it adds"));
        }
        key.added_for = Some(usage.to_owned());
        Ok(())
    }

    /// Follows a `key-retired`.
    pub(super) fn retire(&mut self, index: u64, act: &Value) -> Result<(), Fault> {
        let key = self.named(act)?;
        if key.retired || key.added_for.is_none() || key.added_for.as_deref() != text(act, "use") {
            return Err(rule("it retires a key that is not in use"));
        }
        if key.interval.until != Some(index) {
            return Err(rule("`jwks.json` does not agree that it retires its key"));
        }
        key.retired = true;
        Ok(())
    }

    /// At the end of the log: does `jwks.json` say more than the log?
    pub(super) fn finish(&self, size: u64) -> Result<(), Departure> {
        for key in self.published.values() {
            if key.added_for.is_none() {
                return Err(Departure::batch(0, size, "`jwks.json` holds a key that no entry adds"));
            }
            if key.interval.until.is_some() && !key.retired {
                let reason = "`jwks.json` says that the key that it adds was retired, which no entry does";
                return Err(Departure::entry(key.interval.from, reason));
            }
        }
        Ok(())
    }

    /// The published key that an act names.
    fn named(&mut self, act: &Value) -> Result<&mut Published, Fault> {
        let kid = text(act, "kid").ok_or(rule("it names no key"))?;
        self.published.get_mut(kid).ok_or(rule("`jwks.json` does not hold its key"))
    }
}

/// Whether the published key is the logged one. It may add its name, by which it was found, and how a JOSE library is
/// to use it, and nothing else.
fn is_same(published: &Map<String, Value>, logged: &Map<String, Value>, usage: &str) -> bool {
    let algorithms: &[&str] = match logged.get("kty").and_then(Value::as_str) {
        Some("EC") => &["ES256"],
        Some("OKP") => &["EdDSA", "Ed25519"],
        _ => return false,
    };
    let added = |name: &str, value: &Value| match name {
        "kid" => true,
        "use" => value == "sig" || value == usage,
        "alg" => value.as_str().is_some_and(|algorithm| algorithms.contains(&algorithm)),
        _ => false,
    };
    logged.keys().all(|name| published.contains_key(name))
        && published
            .iter()
            .all(|(name, value)| logged.get(name).map_or_else(|| added(name, value), |same| same == value))
}

fn text<'a>(act: &'a Value, member: &str) -> Option<&'a str> {
    act.get(member).and_then(Value::as_str)
}

fn rule(reason: &'static str) -> Fault {
    Fault::Rule(reason.into())
}
