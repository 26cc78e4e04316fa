//! Little logs for the tests, built by hand from `ledger/FORMAT.md` with `tlog_tiles` and `signed_note`.
//!
//! What it is: a history, and how it goes on to every type of entry, whose entries a test may change before the tree is built, and the
//! folder that it is exported to, whose bytes a test may change after.
//!
//! What it is not: the writer. Nothing that makes a log is shared with it, nor with the verifier under test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use signed_note::{Note, Signer as _, StandardSigner};
use tlog_tiles::{Checkpoint, Error, Hash, HashReader, prove_record, record_hash, stored_hashes, tree_hash};

use super::{Departure, Report, Trust, audit};

pub(super) const ORIGIN: &str = "log.example.org/unefois";
/// The time of the first entry; the others follow a second apart.
pub(super) const START: u64 = 1_795_000_000;
pub(super) const BUNDLE_A: [u8; 32] = [0xA1; 32];
pub(super) const BUNDLE_B: [u8; 32] = [0xB2; 32];

/// An Ed25519 key under a name: RFC 8032, section 7.1, tests 1 to 3, and the key of 32 zero bytes.
pub(super) struct Key {
    pub(super) signer: StandardSigner,
    pub(super) vkey: String,
    pub(super) public: [u8; 32],
}

impl Key {
    pub(super) fn log() -> Self {
        Self::named(ORIGIN, SEEDS[0])
    }

    pub(super) fn another() -> Self {
        Self::named(ORIGIN, SEEDS[3])
    }

    pub(super) fn administrator(number: usize) -> Self {
        Self::named("admin", SEEDS[number])
    }

    pub(super) fn named(name: &str, (seed, public): (&str, &str)) -> Self {
        let public: [u8; 32] = hex(public).try_into().unwrap();
        let with_type = |key: &[u8]| [&[1], key].concat();
        let id = signed_note::key_id(name, &with_type(&public));
        let skey = format!("PRIVATE+KEY+{name}+{id:08x}+{}", BASE64_STANDARD.encode(with_type(&hex(seed))));
        let vkey = format!("{name}+{id:08x}+{}", BASE64_STANDARD.encode(with_type(&public)));
        Self { signer: StandardSigner::new(&skey).unwrap(), vkey, public }
    }

    pub(super) fn checkpoint(&self, origin: &str, size: u64, root: Hash) -> String {
        self.note(&Checkpoint::new(origin, size, root, "").unwrap().to_bytes())
    }

    pub(super) fn note(&self, text: &[u8]) -> String {
        let mut note = Note::new(text, &[]).unwrap();
        note.add_sigs(&[&self.signer]).unwrap();
        String::from_utf8(note.to_bytes()).unwrap()
    }

    fn jwk(&self) -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(&self.public)})
    }
}

pub(super) const SEEDS: [(&str, &str); 4] = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    ),
    (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29",
    ),
];

/// An entry before it is committed.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) kind: u8,
    pub(super) time: u64,
    pub(super) act: Value,
    pub(super) person: Value,
    pub(super) erased: bool,
    pub(super) rules: [u8; 32],
    /// What is exported in place of the canonical act, for tests of its form.
    pub(super) act_text: Option<String>,
}

impl Entry {
    pub(super) fn act_payload(&self) -> String {
        self.act_text.clone().unwrap_or_else(|| canonical(&self.act))
    }

    pub(super) fn person_payload(&self) -> String {
        canonical(&self.person)
    }

    pub(super) fn leaf(&self, index: usize) -> Vec<u8> {
        let mut leaf = vec![1, self.kind, 0, 0];
        leaf.extend(self.time.to_be_bytes());
        leaf.extend(commitment("unefois/act/v1\n", self.kind, act_blind(index), &self.act_payload()));
        leaf.extend(commitment("unefois/person/v1\n", self.kind, person_blind(index), &self.person_payload()));
        leaf.extend(self.rules);
        leaf.extend([0; 20]);
        leaf
    }
}

/// A log: entries, the sizes at which its batches end, and the keys as published.
#[derive(Clone)]
pub(super) struct TestLog {
    pub(super) entries: Vec<Entry>,
    pub(super) batches: Vec<usize>,
    pub(super) jwks: Value,
}

/// Indexes in [`TestLog::story`] that tests refer to.
pub(super) const CONSENT: usize = 5;
pub(super) const RELEASE: usize = 6;
pub(super) const REDELIVERY: usize = 7;
pub(super) const LAST_RELEASE: usize = 11;
pub(super) const WITHDRAWAL: usize = 12;
pub(super) const ACTIVATION: usize = 13;

impl TestLog {
    /// A history of 25 entries in six batches. One consent is used twice and then withdrawn; the subject of another is
    /// erased.
    pub(super) fn story() -> Self {
        let mut log = Self { entries: Vec::new(), batches: vec![4, 8, 12, 16, 20, 25], jwks: json!({"keys": []}) };
        let administrators = [1, 2].map(|n| json!({"name": format!("admin {n}"), "jwk": Key::administrator(n).jwk()}));
        let init = json!({"origin": ORIGIN, "custodian": "ministere", "administrators": administrators});
        log.add(1, "init", init, json!({}));
        log.add_key("log", "checkpoint", &Key::log().jwk(), None);
        log.add_key("t1", "data-token", &token_jwk(1), Some(15));
        log.add_activation(BUNDLE_A, [0; 32], &[1, 2]);

        log.add(16, "submission", json!({}), json!({"subject": "s1", "record": "d1"}));
        log.add_consent("s1", "c1", Some(2));
        log.add_release("s1", Some("c1"), "r1");
        log.add_redelivery("s1", "c1", "r1", 6);

        log.add_consent("s2", "c2", Some(1));
        log.add_release("s2", Some("c2"), "r2");
        log.add(35, "refusal", json!({"client": "k", "facts": base64url(&facts_commitment(35))}), json!({}));
        log.add_release("s1", Some("c1"), "r3");

        log.add(19, "withdrawal", json!({}), json!({"subject": "s1", "consent": "c1"}));
        log.add_activation(BUNDLE_B, BUNDLE_A, &[2]);
        log.add_key("t2", "data-token", &token_jwk(2), None);
        log.add(4, "key-retired", json!({"kid": "t1", "use": "data-token"}), json!({}));

        log.add_consent("s3", "c3", None);
        log.add_release("s3", Some("c3"), "r4");
        log.add_release("s3", None, "r5");
        log.add(32, "check", json!({}), json!({"subject": "s1"}));

        log.add(18, "consent-refused", json!({}), json!({"subject": "s3", "consent": "c4"}));
        log.add(20, "erasure", json!({}), json!({}));
        log.add(48, "officer-read", json!({}), json!({"officer": "o", "reason": "audit", "read": ["c1"]}));
        log.add(5, "client-stop", json!({"client": "k"}), json!({}));
        log.add(49, "opening", json!({}), json!({"officer": "o", "reason": "audit"}));
        for erased in [8, 9] {
            log.entries[erased].erased = true;
        }
        log
    }

    /// Goes on with the types of entry that the story lacks: a body is succeeded, and consents end by no will.
    pub(super) fn go_on(&mut self) {
        let digest = base64url(&[3; 32]);
        self.add(6, "proposal", json!({"section": "purposes", "digest": digest}), json!({}));
        self.add(7, "approval", json!({"section": "purposes", "digest": digest}), json!({}));
        self.add(8, "rehearsal", json!({"bundle": digest}), json!({}));
        self.add(9, "register", json!({"part": "B"}), json!({}));

        self.add_consent("s4", "c5", None);
        self.add_stage(21, "consent-suspended", "s4", "c5");
        self.add_carried("s4", "c5");
        self.add_release("s4", Some("c5"), "r6");
        self.carry_last();
        self.add_stage(22, "consent-lapsed", "s4", "c5");

        self.add(24, "attestation", json!({}), json!({"subject": "s4", "record": "d2"}));
        self.add(26, "status", json!({}), json!({"subject": "s4"}));
        let act = json!({"basis": "act", "notice": base64url(&Sha256::digest("Avis"))});
        self.add(36, "informed", act, json!({"subject": "s4", "text": {"fr": "Avis"}}));

        self.add_consent("s5", "c6", Some(1));
        self.last().person["until"] = json!(START + self.size());
        self.add_stage(25, "consent-expired", "s5", "c6");
        self.add_stage(19, "withdrawal", "s5", "c6");
    }

    /// Adds an entry after the last: a second later, under the same rules.
    pub(super) fn add(&mut self, kind: u8, event: &str, mut act: Value, person: Value) {
        act["v"] = json!(1);
        act["event"] = json!(event);
        let rules = self.entries.last().map_or([0; 32], |entry| entry.rules);
        let time = START + self.entries.len() as u64;
        self.entries.push(Entry { kind, time, act, person, erased: false, rules, act_text: None });
    }

    pub(super) fn add_consent(&mut self, subject: &str, consent: &str, max_uses: Option<u64>) {
        let person = json!({
            "subject": subject, "consent": consent, "until": START + 1000, "max_uses": max_uses, "text": {"fr": "Avis"},
        });
        let act = json!({
            "receiving": "habitation", "client": "habitation-app", "purpose": "logement", "notice": base64url(&Sha256::digest("Avis")),
        });
        self.add(17, "consent", act, person);
    }

    /// Adds a change of a consent's stage.
    pub(super) fn add_stage(&mut self, kind: u8, event: &str, subject: &str, consent: &str) {
        self.add(kind, event, json!({}), json!({"subject": subject, "consent": consent}));
    }

    /// Adds that a consent is carried to another body and client.
    pub(super) fn add_carried(&mut self, subject: &str, consent: &str) {
        self.add_stage(23, "consent-carried", subject, consent);
        self.carry_last();
    }

    /// The last entry is to the body and client that succeed.
    pub(super) fn carry_last(&mut self) {
        let act = &mut self.last().act;
        (act["receiving"], act["client"]) = (json!("logis"), json!("logis-app"));
    }

    pub(super) fn last(&mut self) -> &mut Entry {
        self.entries.last_mut().unwrap()
    }

    pub(super) fn add_release(&mut self, subject: &str, consent: Option<&str>, jti: &str) {
        let mut act = release_act(&claims(jti, self.entries.len()));
        let mut person = json!({"subject": subject, "salt": base64url(&[7; 32])});
        match consent {
            Some(consent) => person["consent"] = json!(consent),
            None => act["basis"] = json!("agreement"),
        }
        self.add(33, "release", act, person);
    }

    pub(super) fn add_redelivery(&mut self, subject: &str, consent: &str, jti: &str, of: u64) {
        let mut act = release_act(&claims(jti, self.entries.len()));
        act["of"] = json!(of);
        act["facts"] = json!(base64url(&facts_commitment(34)));
        self.add(34, "redelivery", act, json!({"subject": subject, "consent": consent, "salt": base64url(&[7; 32])}));
    }

    pub(super) fn add_activation(&mut self, bundle: [u8; 32], previous: [u8; 32], administrators: &[usize]) {
        let message = [b"unefois/activation/v1\n", &bundle[..], &previous[..]].concat();
        let signatures: Vec<Value> = administrators
            .iter()
            .map(|&n| {
                let signature = Key::administrator(n).signer.sign(&message).unwrap();
                json!({"name": format!("admin {n}"), "signature": base64url(&signature)})
            })
            .collect();
        self.add(2, "activation", json!({"bundle": base64url(&bundle), "signatures": signatures}), json!({}));
        self.last().rules = bundle;
    }

    fn add_key(&mut self, kid: &str, usage: &str, jwk: &Value, until: Option<u64>) {
        let mut published = jwk.clone();
        published["kid"] = json!(kid);
        published["use"] = json!("sig");
        published["alg"] = json!(if jwk["kty"] == "EC" { "ES256" } else { "EdDSA" });
        published["log"] = json!({"from": self.entries.len(), "use": usage});
        if let Some(until) = until {
            published["log"]["until"] = json!(until);
        }
        self.jwks["keys"].as_array_mut().unwrap().push(published);
        self.add(3, "key-added", json!({"kid": kid, "use": usage, "jwk": jwk}), json!({}));
    }

    pub(super) fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(super) fn leaves(&self) -> Vec<Vec<u8>> {
        self.entries.iter().enumerate().map(|(index, entry)| entry.leaf(index)).collect()
    }

    /// The checkpoint of the first `size` entries.
    pub(super) fn checkpoint(&self, size: u64) -> String {
        Key::log().checkpoint(ORIGIN, size, self.root(size))
    }

    pub(super) fn root(&self, size: u64) -> Hash {
        tree_hash(size, &self.stored()).unwrap()
    }

    /// The proof of an entry in the tree of the first `size`.
    pub(super) fn proof(&self, index: usize, size: u64, opens: bool) -> String {
        let entry = &self.entries[index];
        let mut extra = entry.leaf(index);
        if opens {
            extra.extend(act_blind(index));
            extra.extend(entry.act_payload().into_bytes());
        }
        let path = prove_record(size, index as u64, &self.stored()).unwrap();
        let path: String = path.iter().flat_map(|hash| [hash.to_string(), "\n".to_owned()]).collect();
        let extra = BASE64_STANDARD.encode(extra);
        format!("c2sp.org/tlog-proof@v1\nextra {extra}\nindex {index}\n{path}\n{}", self.checkpoint(size))
    }

    /// Writes the export, opened or not.
    pub(super) fn export(&self, opened: bool) -> Folder {
        let folder = Folder::new();
        let leaves = self.leaves();
        let hashes: Vec<u8> = leaves.iter().flat_map(|leaf| record_hash(leaf).0).collect();
        let manifest = json!({
            "format": "unefois-export/1", "origin": ORIGIN, "size": self.size(), "vkey": Key::log().vkey,
            "opened": opened,
        });
        folder.put("manifest.json", canonical(&manifest));
        folder.put("leaves", leaves.concat());
        folder.put("hashes", hashes);
        let sizes = self.batches.iter().map(|&size| size as u64);
        folder.put("checkpoints.jsonl", lines(sizes.map(|size| json!({"size": size, "note": self.checkpoint(size)}))));
        let entries = || self.entries.iter().enumerate();
        let acts = entries().map(|(index, entry)| line(index, act_blind(index), &entry.act_payload()));
        folder.put("acts.jsonl", lines(acts));
        if opened {
            let persons = entries().map(|(index, entry)| {
                let erased = json!({"index": index, "erased": true});
                if entry.erased { erased } else { line(index, person_blind(index), &entry.person_payload()) }
            });
            folder.put("persons.jsonl", lines(persons));
        }
        folder.put("jwks.json", canonical(&self.jwks));
        folder
    }

    fn stored(&self) -> Stored {
        self.leaves().iter().enumerate().fold(Stored(Vec::new()), |mut stored, (index, leaf)| {
            let hashes = stored_hashes(index as u64, leaf, &stored).unwrap();
            stored.0.extend(hashes);
            stored
        })
    }
}

/// Audits a story changed before its tree was built, so that only what it tells can be wrong.
pub(super) fn told(change: impl FnOnce(&mut TestLog)) -> Report {
    let mut log = TestLog::story();
    change(&mut log);
    log.batches.truncate(5);
    log.batches.push(log.entries.len());
    audit(log.export(true).path(), &Trust { vkey: Some(Key::log().vkey), ..Trust::default() }).unwrap()
}

#[track_caller]
pub(super) fn departs(entry: usize, reason: &str, change: impl FnOnce(&mut TestLog)) {
    let report = told(change);
    assert_eq!(report.departs, Some(Departure::entry(entry as u64, reason)));
    assert!(!report.ok);
}

struct Stored(Vec<Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        Ok(indexes.iter().map(|&index| self.0[usize::try_from(index).unwrap()]).collect())
    }
}

/// A folder of its own, removed with the value.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("unefois-verify-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn get(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.0.join(file)).unwrap()
    }

    pub(super) fn put(&self, file: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.0.join(file), bytes).unwrap();
    }

    pub(super) fn remove(&self, file: &str) {
        std::fs::remove_file(self.0.join(file)).unwrap();
    }

    /// Changes a file's bytes.
    pub(super) fn change(&self, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.get(file);
        change(&mut bytes);
        self.put(file, bytes);
    }

    /// Replaces text that is in a file exactly once.
    pub(super) fn replace(&self, file: &str, from: &str, to: &str) {
        let text = String::from_utf8(self.get(file)).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from} is in {file} exactly once");
        self.put(file, text.replace(from, to));
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The claims of the data token of the release at `index`.
pub(super) fn claims(jti: &str, index: usize) -> Value {
    json!({
        "iss": "https://unefois.example", "aud": "habitation", "sub": "p1", "jti": jti, "iat": START, "nbf": START,
        "exp": START + 600, "cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},
        "purpose": {"id": "logement", "version": 3}, "basis": {"kind": "consent"}, "releasing": "revenu",
        "values": {"revenu.annuel": {"montant": "41200.50", "quotité": 0.25}, "menage.taille": {"nombre": 3}},
        "salt": base64url(&[7; 32]), "log": {"origin": ORIGIN, "index": index},
    })
}

/// The act of the release of these claims.
pub(super) fn release_act(claims: &Value) -> Value {
    let mut without_log = claims.clone();
    without_log.as_object_mut().unwrap().remove("log");
    let digest: [u8; 32] = Sha256::digest(canonical(&without_log)).into();
    json!({
        "releasing": "revenu", "receiving": claims["aud"], "client": "habitation-app", "purpose": "logement",
        "purpose_version": 3, "basis": "consent", "citations": [{"cite": "A-2.1, 53.1", "read": "2026-04-01"}],
        "attributes": ["menage.taille", "revenu.annuel"], "jti": claims["jti"], "recipient_key": claims["cnf"]["jkt"],
        "claims": base64url(&digest), "facts": base64url(&facts_commitment(33)),
    })
}

/// Signs a compact JWS with the `number`th token key.
pub(super) fn sign(number: u8, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| base64url(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature: Signature = token_key(number).sign(signed.as_bytes());
    format!("{signed}.{}", base64url(&signature.to_bytes()))
}

pub(super) fn token_key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).unwrap()
}

pub(super) fn token_jwk(number: u8) -> Value {
    let point = token_key(number).verifying_key().to_sec1_point(false);
    json!({"kty": "EC", "crv": "P-256", "x": base64url(point.x().unwrap()), "y": base64url(point.y().unwrap())})
}

pub(super) fn act_blind(index: usize) -> [u8; 32] {
    Sha256::digest(format!("act {index}")).into()
}

pub(super) fn person_blind(index: usize) -> [u8; 32] {
    Sha256::digest(format!("person {index}")).into()
}

/// The rule facts of every release here, and their blind.
pub(super) const FACTS: (&str, [u8; 32]) = (r#"{"consent":"given","uses_left":1}"#, [9; 32]);

fn facts_commitment(kind: u8) -> Vec<u8> {
    commitment("unefois/facts/v1\n", kind, FACTS.1, FACTS.0)
}

fn commitment(label: &str, kind: u8, blind: [u8; 32], payload: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&blind).unwrap();
    mac.update(label.as_bytes());
    mac.update(&[kind]);
    mac.update(payload.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn line(index: usize, blind: [u8; 32], payload: &str) -> Value {
    json!({"index": index, "blind": base64url(&blind), "payload": payload})
}

fn lines(values: impl Iterator<Item = Value>) -> String {
    values.map(|value| canonical(&value) + "\n").collect()
}

pub(super) fn canonical(value: &Value) -> String {
    serde_json_canonicalizer::to_string(value).unwrap()
}

pub(super) fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn hex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
