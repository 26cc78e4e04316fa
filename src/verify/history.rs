//! The history that an export tells: what its entries say, each after those before it.
//!
//! What it is: the leaf's form and time, the openings, and the rules that bind an entry to earlier ones: keys, rules in
//! force, bases, re-deliveries and, each in its place, consents (`consents`).
//!
//! What it is not: it takes leaves as they are. That they are the log's is the tree's affair, checked before.
//!
//! INVARIANT: of an entry that passed, about 25 bytes are kept if it is a release and 80 if it decides on a consent; of
//! any other, nothing.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::consents::{Consents, Tag};
use super::folder::{Lines, Records};
use super::keys::KeyHistory;
use super::note::ed25519_verifies;
use super::report::Halt;
use super::{Departure, Event, Fault, LEAF_SIZE, Leaf, Persons, base64url, base64url_32};

/// What an act's member `basis` may say.
const BASES: [&str; 6] = ["consent", "authorisation", "agreement", "act", "contract", "mobility"];

/// Follows the entries of the export in `folder`, and their person parts if it is opened.
pub(super) fn check(folder: &Path, size: u64, opened: bool, history: &mut History) -> Result<(), Halt> {
    const PERSONS: &str = "persons.jsonl";
    if !opened && folder.join(PERSONS).exists() {
        let problem = "is there, when the manifest says that the export is not opened".to_owned();
        return Err(Fault::File { file: PERSONS, problem }.into());
    }
    let mut leaves = Records::<LEAF_SIZE>::open(folder, "leaves")?;
    let mut acts = Lines::open(folder, "acts.jsonl")?;
    let mut persons = if opened { Some(Lines::open(folder, PERSONS)?) } else { None };
    for index in 0..size {
        let leaf = leaves.next()?.ok_or_else(|| Departure::entry(index, "the file `leaves` ends before it"))?;
        let act = acts.entry(index)?;
        let person = persons.as_mut().map(|persons| persons.entry(index)).transpose()?;
        history
            .follow(index, &leaf, &act, person.as_ref())
            .map_err(|fault| Departure::entry(index, fault.to_string()))?;
    }
    acts.finish(size)?;
    persons.map_or(Ok(()), |mut persons| persons.finish(size))?;
    Ok(history.keys.finish(size)?)
}

/// What the entries followed so far leave behind for the next.
pub(super) struct History {
    origin: String,
    time: u64,
    rules: [u8; 32],
    administrators: BTreeMap<String, [u8; 32]>,
    /// How many of them sign an activation.
    quorum: usize,
    keys: KeyHistory,
    releases: HashMap<Tag, u64>,
    consents: Consents,
    entries: BTreeMap<&'static str, u64>,
    persons: Persons,
}

impl History {
    pub(super) fn new(origin: &str, keys: KeyHistory) -> Self {
        Self {
            origin: origin.to_owned(),
            time: 0,
            rules: [0; 32],
            administrators: BTreeMap::new(),
            quorum: 1,
            keys,
            releases: HashMap::new(),
            consents: Consents::default(),
            entries: BTreeMap::new(),
            persons: Persons::default(),
        }
    }

    /// How many entries of each type were followed.
    pub(super) fn entries(&self) -> BTreeMap<&'static str, u64> {
        self.entries.clone()
    }

    /// How many person parts were opened, and how many are erased.
    pub(super) fn persons(&self) -> Persons {
        self.persons
    }

    fn follow(&mut self, index: u64, leaf: &[u8], act: &Line, person: Option<&Line>) -> Result<(), Fault> {
        let leaf = Leaf::parse(leaf)?;
        if leaf.time() < self.time {
            return Err(rule("its time is before that of the entry before it"));
        }
        self.time = leaf.time();
        let (blind, payload) = act.opening(index)?.ok_or(rule("its act is not opened"))?;
        let act = leaf.open_act(&blind, payload)?;
        self.follow_log(index, &leaf, &act)?;
        Self::follow_basis(leaf.event(), &act)?;
        match person.map(|person| person.opening(index)).transpose()? {
            None => {}
            Some(None) => self.persons.erased += 1,
            Some(Some((blind, payload))) => {
                let person = leaf.open_person(&blind, payload)?;
                self.follow_person(index, &leaf, &act, &person)?;
                self.persons.opened += 1;
            }
        }
        self.follow_release(index, leaf.event(), &act)?;
        *self.entries.entry(leaf.event().name()).or_default() += 1;
        Ok(())
    }

    /// The log's own affairs: its creation, its keys, the rules in force.
    fn follow_log(&mut self, index: u64, leaf: &Leaf, act: &Value) -> Result<(), Fault> {
        if (index == 0) != (leaf.event() == Event::Init) {
            return Err(rule("the log begins with `init`, and has no other"));
        }
        match leaf.event() {
            Event::Init => self.begin(act)?,
            Event::Activation => self.activate(act)?,
            Event::KeyAdded => self.keys.add(index, act)?,
            Event::KeyRetired => self.keys.retire(index, act)?,
            _ => {}
        }
        if *leaf.rules() == self.rules { Ok(()) } else { Err(rule("its rules are not those of the last activation")) }
    }

    fn begin(&mut self, act: &Value) -> Result<(), Fault> {
        if text(act, "origin") != Some(&self.origin) {
            return Err(rule("it creates another log"));
        }
        let administrators = act.get("administrators").and_then(Value::as_array);
        for administrator in administrators.ok_or(rule("it names no administrators"))? {
            let name = text(administrator, "name");
            let key = administrator.get("jwk").and_then(ed25519_key);
            let (Some(name), Some(key)) = (name, key) else {
                return Err(rule("it names an administrator without an Ed25519 key"));
            };
            // One key under two names would let one administrator sign for two.
            let twice = self.administrators.values().any(|other| *other == key);
            if self.administrators.insert(name.to_owned(), key).is_some() || twice {
                return Err(rule("it names an administrator twice"));
            }
        }
        self.quorum = match act.get("quorum") {
            None => 1,
            Some(quorum) => quorum
                .as_u64()
                .and_then(|quorum| usize::try_from(quorum).ok())
                .filter(|quorum| (1..=self.administrators.len()).contains(quorum))
                .ok_or(rule("its quorum is not from 1 to the number of its administrators"))?,
        };
        Ok(())
    }

    /// A bundle comes into force if a quorum of administrators signed it, each once, as the successor of the one before.
    fn activate(&mut self, act: &Value) -> Result<(), Fault> {
        let bundle = text(act, "bundle").and_then(base64url_32).ok_or(rule("it names no bundle"))?;
        let message = [b"unefois/activation/v1\n", &bundle[..], &self.rules[..]].concat();
        let signatures = act.get("signatures").and_then(Value::as_array).filter(|signatures| !signatures.is_empty());
        let mut left = self.administrators.clone();
        for signature in signatures.ok_or(rule("no administrator signed it"))? {
            let key = text(signature, "name").and_then(|name| left.remove(name));
            let key = key.ok_or(rule("it is signed by someone who is no administrator, or twice by one"))?;
            let good = text(signature, "signature")
                .and_then(base64url)
                .is_some_and(|signature| ed25519_verifies(&key, &message, &signature));
            if !good {
                return Err(rule("an administrator's signature on it is not good"));
            }
        }
        if self.administrators.len() - left.len() < self.quorum {
            return Err(rule("fewer administrators signed it than the quorum of this log"));
        }
        self.rules = bundle;
        Ok(())
    }

    /// Every basis is one of the closed enum, for ever.
    fn follow_basis(event: Event, act: &Value) -> Result<(), Fault> {
        let known = match act.get("basis") {
            Some(basis) => basis.as_str().is_some_and(|basis| BASES.contains(&basis)),
            None => !matches!(event, Event::Release | Event::Redelivery),
        };
        if known { Ok(()) } else { Err(rule("its basis is none that there is")) }
    }

    /// Entries of the log's own affairs are about nobody; what the others say of each other is the consents' affair.
    fn follow_person(&mut self, index: u64, leaf: &Leaf, act: &Value, person: &Value) -> Result<(), Fault> {
        if leaf.event().is_impersonal() && person.as_object().is_none_or(|person| !person.is_empty()) {
            return Err(rule("it is about a person, which entries of its type are not"));
        }
        self.consents.follow(index, leaf, act, person)
    }

    /// No two releases under one `jti`; a re-delivery is of an earlier release and carries its `jti`.
    fn follow_release(&mut self, index: u64, event: Event, act: &Value) -> Result<(), Fault> {
        if !matches!(event, Event::Release | Event::Redelivery) {
            return Ok(());
        }
        let jti = act.get("jti").filter(|jti| jti.is_string()).map(Tag::of).ok_or(rule("it carries no `jti`"))?;
        if event == Event::Release {
            return match self.releases.insert(jti, index) {
                None => Ok(()),
                Some(earlier) => {
                    Err(Fault::Rule(format!("its `jti` is the one of the release at entry {earlier}").into()))
                }
            };
        }
        match (self.releases.get(&jti), act.get("of").and_then(Value::as_u64)) {
            (Some(release), Some(of)) if *release == of => Ok(()),
            _ => Err(rule("it delivers again what is no earlier release of its `jti`")),
        }
    }
}

/// A line of `acts.jsonl` or `persons.jsonl`.
#[derive(Deserialize)]
struct Line {
    index: u64,
    blind: Option<String>,
    payload: Option<String>,
    #[serde(default)]
    erased: bool,
}

impl Line {
    /// The blind and payload of entry `index`; `None` if they are erased.
    fn opening(&self, index: u64) -> Result<Option<([u8; 32], &str)>, Fault> {
        if self.index != index {
            return Err(rule("its opening is missing: the one of another entry is in its place"));
        }
        let blind = self.blind.as_deref().and_then(base64url_32);
        match (blind, self.payload.as_deref(), self.erased) {
            (Some(blind), Some(payload), false) => Ok(Some((blind, payload))),
            (None, None, true) if self.blind.is_none() => Ok(None),
            _ => Err(rule("its opening is neither a blind of 32 bytes with a payload, nor erased")),
        }
    }
}

/// The public key of an Ed25519 JWK.
fn ed25519_key(jwk: &Value) -> Option<[u8; 32]> {
    let ed25519 = text(jwk, "kty") == Some("OKP") && text(jwk, "crv") == Some("Ed25519");
    base64url_32(text(jwk, "x").filter(|_| ed25519)?)
}

fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member).and_then(Value::as_str)
}

pub(super) fn rule(reason: &'static str) -> Fault {
    Fault::Rule(reason.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testlog::{
        ACTIVATION, BUNDLE_A, BUNDLE_B, CONSENT, LAST_RELEASE, REDELIVERY, RELEASE, START, TestLog, departs, told,
    };
    use super::super::{Trust, audit};
    use super::*;

    #[test]
    fn a_history_is_followed_to_its_end() {
        let report = told(TestLog::go_on);
        assert_eq!(report.departs, None);
        assert_eq!(report.entries.len(), Event::ALL.len());
        assert_eq!(report.entries["release"], 6);
        assert_eq!(report.persons, Some(Persons { opened: 38, erased: 2 }));
    }

    #[test]
    fn leaves_have_their_form_and_time_goes_on() {
        departs(4, "entries of type 77 are not known to this verifier", |log| log.entries[4].kind = 77);
        departs(7, "its time is before that of the entry before it", |log| log.entries[7].time = START + 5);
        assert!(told(|log| log.entries[7].time = START + 6).ok, "a batch has one time");
    }

    #[test]
    fn acts_are_canonical_and_of_their_type() {
        departs(4, "the act is not canonical JSON (RFC 8785, integers only)", |log| {
            log.entries[4].act_text = Some(r#"{"v":1,"event":"submission"}"#.to_owned());
        });
        let form = "the act is malformed: its `v` is 1 and its `event` the name of its type";
        departs(4, form, |log| log.entries[4].act["event"] = json!("consent"));
        departs(4, form, |log| log.entries[4].act["v"] = json!(2));
        assert!(told(|log| log.entries[4].act["later"] = json!({"x": [1]})).ok, "unknown members are left alone");
    }

    #[test]
    fn the_log_begins_with_init_of_this_log() {
        departs(0, "it creates another log", |log| log.entries[0].act["origin"] = json!("other.example"));
        departs(0, "the log begins with `init`, and has no other", |log| {
            log.entries[0].kind = 32;
            log.entries[0].act["event"] = json!("check");
        });
        departs(4, "the log begins with `init`, and has no other", |log| {
            log.entries[4].kind = 1;
            log.entries[4].act["event"] = json!("init");
        });
        departs(0, "it names no administrators", |log| log.entries[0].act["administrators"] = json!("admin 1"));
        let first = |log: &mut TestLog| log.entries[0].act["administrators"][0].clone();
        departs(0, "it names an administrator twice", |log| log.entries[0].act["administrators"][1] = first(log));
        departs(0, "it names an administrator twice", |log| {
            log.entries[0].act["administrators"][1]["jwk"] = first(log)["jwk"].clone();
        });
        departs(0, "it names an administrator without an Ed25519 key", |log| {
            log.entries[0].act["administrators"][0]["jwk"]["crv"] = json!("X25519");
        });
    }

    #[test]
    fn rules_come_into_force_by_the_administrators_signatures() {
        let not_good = "an administrator's signature on it is not good";
        // By the right administrators, over another predecessor.
        departs(ACTIVATION, not_good, |log| {
            let mut other = log.clone();
            other.add_activation(BUNDLE_B, BUNDLE_B, &[2]);
            log.entries[ACTIVATION].act = other.entries.last().unwrap().act.clone();
        });
        // By one administrator in the name of the other.
        departs(ACTIVATION, not_good, |log| {
            log.entries[ACTIVATION].act["signatures"][0]["name"] = json!("admin 1");
        });
        // One good signature does not excuse a bad one.
        departs(3, not_good, |log| {
            let first = log.entries[3].act["signatures"][0]["signature"].clone();
            log.entries[3].act["signatures"][1]["signature"] = first;
        });
        let nobody = "it is signed by someone who is no administrator, or twice by one";
        departs(ACTIVATION, nobody, |log| log.entries[ACTIVATION].act["signatures"][0]["name"] = json!("admin 3"));
        departs(3, nobody, |log| {
            let first = log.entries[3].act["signatures"][0].clone();
            log.entries[3].act["signatures"][1] = first;
        });
        departs(ACTIVATION, "no administrator signed it", |log| log.entries[ACTIVATION].act["signatures"] = json!([]));
        let few = "fewer administrators signed it than the quorum of this log";
        departs(ACTIVATION, few, |log| log.entries[0].act["quorum"] = json!(2));
        assert!(told(|log| log.entries[0].act["quorum"] = json!(1)).ok);
        let unfit = "its quorum is not from 1 to the number of its administrators";
        for quorum in [json!(0), json!(3), json!("2"), json!(null)] {
            departs(0, unfit, |log| log.entries[0].act["quorum"] = quorum);
        }
        departs(ACTIVATION, "it names no bundle", |log| log.entries[ACTIVATION].act["bundle"] = json!("AAAA"));
    }

    #[test]
    fn every_leaf_carries_the_rules_in_force() {
        let other = "its rules are not those of the last activation";
        departs(2, other, |log| log.entries[2].rules = BUNDLE_A);
        departs(3, other, |log| log.entries[3].rules = [0; 32]);
        departs(6, other, |log| log.entries[6].rules = BUNDLE_B);
        departs(20, other, |log| log.entries[20].rules = BUNDLE_A);
    }

    #[test]
    fn the_key_history_is_that_of_the_log() {
        let added = "`jwks.json` does not agree with the key that it adds";
        departs(2, added, |log| log.jwks["keys"][1]["log"]["from"] = json!(1));
        departs(2, added, |log| log.jwks["keys"][1]["x"] = log.jwks["keys"][2]["x"].clone());
        departs(2, added, |log| drop(log.jwks["keys"][1].as_object_mut().unwrap().remove("y")));
        departs(2, added, |log| log.jwks["keys"][1]["alg"] = json!("EdDSA"));
        departs(2, added, |log| log.jwks["keys"][1]["use"] = json!("enc"));
        departs(2, added, |log| log.jwks["keys"][1]["note"] = json!("a member of its own"));
        departs(15, "`jwks.json` does not agree that it retires its key", |log| {
            log.jwks["keys"][1]["log"]["until"] = json!(16);
        });
        departs(14, "`jwks.json` says that the key that it adds was retired, which no entry does", |log| {
            log.jwks["keys"][2]["log"]["until"] = json!(16);
        });
        departs(2, "`jwks.json` does not hold its key", |log| drop(log.jwks["keys"].as_array_mut().unwrap().remove(1)));
        departs(15, "it retires a key that is not in use", |log| log.entries[15].act["use"] = json!("access-token"));
        departs(25, "it retires a key that is not in use", |log| {
            log.add(4, "key-retired", json!({"kid": "t1", "use": "data-token"}), json!({}));
        });
        departs(14, "it adds a key that was added before", |log| log.entries[14].act = log.entries[2].act.clone());
        departs(2, "it does not say what the key is for", |log| log.entries[2].act["use"] = json!("sig"));
        let report = told(|log| {
            let mut more = log.jwks["keys"][2].clone();
            more["kid"] = json!("t3");
            log.jwks["keys"].as_array_mut().unwrap().push(more);
        });
        assert_eq!(report.departs, Some(Departure::batch(0, 25, "`jwks.json` holds a key that no entry adds")));
    }

    #[test]
    fn a_release_rests_on_one_of_the_bases_and_on_a_consent_only_where_that_is_its_basis() {
        let unknown = "its basis is none that there is";
        for basis in [json!("68.1"), json!("Consent"), json!(""), json!(68), json!(null)] {
            departs(RELEASE, unknown, |log| log.entries[RELEASE].act["basis"] = basis.clone());
            departs(CONSENT, unknown, |log| log.entries[CONSENT].act["basis"] = basis);
        }
        departs(RELEASE, unknown, |log| drop(log.entries[RELEASE].act.as_object_mut().unwrap().remove("basis")));
        let tied = "it is tied to a consent, which is not its basis";
        for basis in ["agreement", "act", "contract", "mobility"] {
            departs(RELEASE, tied, |log| log.entries[RELEASE].act["basis"] = json!(basis));
            assert_eq!(told(|log| log.entries[18].act["basis"] = json!(basis)).departs, None, "{basis}");
        }
        departs(18, tied, |log| log.entries[18].person["consent"] = json!(null));
        for basis in ["consent", "authorisation"] {
            let nothing = "it names no consent, its basis";
            departs(18, nothing, |log| log.entries[18].act["basis"] = json!(basis));
        }
    }

    #[test]
    fn releases_have_a_jti_each_and_redeliveries_that_of_theirs() {
        departs(LAST_RELEASE, "its `jti` is the one of the release at entry 6", |log| {
            log.entries[LAST_RELEASE].act["jti"] = json!("r1");
        });
        departs(RELEASE, "it carries no `jti`", |log| log.entries[RELEASE].act["jti"] = json!(null));
        let unknown = "it delivers again what is no earlier release of its `jti`";
        for (member, value) in [("of", json!(9)), ("of", json!(7)), ("of", json!(null)), ("jti", json!("r2"))] {
            departs(REDELIVERY, unknown, |log| log.entries[REDELIVERY].act[member] = value);
        }
    }

    #[test]
    fn without_person_parts_the_rest_is_still_checked() {
        let mut log = TestLog::story();
        log.add_release("s1", Some("c1"), "r9");
        log.batches.push(26);
        let report = audit(log.export(false).path(), &Trust::default()).unwrap();
        assert!(report.ok && report.persons.is_none(), "what is not opened cannot be judged");
        log.add_release("s3", Some("c3"), "r9");
        log.batches.push(27);
        let report = audit(log.export(false).path(), &Trust::default()).unwrap();
        assert_eq!(report.departs.unwrap().at, super::super::Place::Entry { entry: 26 });
    }
}
