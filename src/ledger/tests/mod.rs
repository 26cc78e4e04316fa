//! The ledger whole, on a real record in a folder, judged by the verifier, which shares no code with it.

mod batches;
mod begin;
mod exports;
mod facts;
mod parts;
mod proofs;
mod releases;

use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

use super::entry::{Statement, object};
use super::*;
use crate::crypto::{Ed25519Key, KeyRing, Secret};
use crate::domain::{ConsentId, Custodian, SubjectId};
use crate::jose::b64;
use crate::store::{Class, Folder, Sqlite};
use crate::verify;

const ORIGIN: &str = "log.example/unefois";
const NOW: Moment = Moment::from_unix(1_800_000_000);

/// Stands still, unless moved; holds up the sequencer while it is shut.
#[derive(Default)]
struct Hand {
    shut: Mutex<bool>,
    opened: Condvar,
    ahead: Mutex<i64>,
}

impl Hand {
    fn shut(&self, shut: bool) {
        *self.shut.lock().unwrap() = shut;
        self.opened.notify_all();
    }

    fn set(&self, ahead: i64) {
        *self.ahead.lock().unwrap() = ahead;
    }
}

impl Clock for Hand {
    fn now(&self) -> Moment {
        if std::thread::current().name() == Some("sequencer") {
            drop(self.opened.wait_while(self.shut.lock().unwrap(), |shut| *shut).unwrap());
        }
        NOW.plus(*self.ahead.lock().unwrap())
    }
}

/// Two folders, as a broker has them: its data, and its keys apart from them.
struct World {
    data: Folder,
    keys: Folder,
    hand: Arc<Hand>,
}

impl World {
    fn new() -> Self {
        let world = Self { data: Folder::new(), keys: Folder::new(), hand: Arc::default() };
        KeyRing::create(ORIGIN, None).unwrap().save_new(world.keys.path(), &credential()).unwrap();
        world
    }

    /// What a copy of both folders is at this moment.
    fn copy(&self) -> Self {
        Self { data: self.data.copy(), keys: self.keys.copy(), hand: Arc::default() }
    }

    fn parts(&self, store: Sqlite) -> Parts {
        let mut ring = KeyRing::open(self.keys.path(), &credential()).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        Parts {
            vault: Arc::new(Vault::new(Arc::clone(&store), ring.keks)),
            store,
            clock: Arc::clone(&self.hand) as Arc<dyn Clock>,
            origin: ring.origin,
            checkpoint: ring.checkpoint.into_key(),
            issuer: "https://unefois.example".into(),
            data_token: ring.data_token.pop().unwrap().into_key().into(),
            search: Arc::new(Search::open(self.data.path()).unwrap()),
            blind: Arc::new(BlindIndex::new(ring.blind_index)),
        }
    }

    fn create(&self) -> Ledger {
        Ledger::create(self.parts(Sqlite::create(self.data.path()).unwrap()), self.keys.path()).unwrap()
    }

    fn open(&self) -> Result<Ledger, StartFault> {
        Ledger::open(self.parts(Sqlite::open(self.data.path()).unwrap()), self.keys.path())
    }

    /// A log that was begun as `init` begins it: 5 entries.
    async fn begun(&self) -> Ledger {
        let ledger = self.create();
        let ring = KeyRing::open(self.keys.path(), &credential()).unwrap();
        let access: Signer = ring.access_token.into_iter().next().unwrap().into_key().into();
        let checkpoint: Signer = ring.checkpoint.into_key().into();
        let (administrator, document) = Ed25519Key::generate().unwrap();
        let named: Signer = Ed25519Key::from_pkcs8(&document).unwrap().into();
        let custodian = Custodian { body: "ministere".parse().unwrap(), instrument: "decret".parse().unwrap() };
        ledger.begin(&custodian, &[("A. Tremblay".to_owned(), named.jwk().clone())], 1).await.unwrap();
        ledger.key_added("data-token", ledger.token_key()).await.unwrap();
        ledger.key_added("access-token", access.jwk()).await.unwrap();
        ledger.key_added("checkpoint", checkpoint.jwk()).await.unwrap();
        let text = [b"unefois/activation/v1\n", &[8; 32][..], &[0; 32]].concat();
        let signature = b64::encode(administrator.sign(&text).unwrap());
        let signed = NamedSignature { name: "A. Tremblay".to_owned(), signature };
        ledger.activation([8; 32], b"rules", 0, &[signed]).await.unwrap();
        ledger
    }
}

fn credential() -> Secret<32> {
    Secret::new([7; 32])
}

fn subject(number: u8) -> SubjectId {
    SubjectId::new([number; 16])
}

fn consent(number: u8) -> ConsentId {
    ConsentId::new([number; 16])
}

/// Something that names nobody.
fn note(number: u64) -> Statement {
    Statement::act(Event::Check, json!({"kinds": [], "number": number, "outcome": "answered"}))
}

fn of(event: Event, who: u8, act: Value, person: Value) -> Statement {
    let mut members = object(json!({"subject": subject(who), "consent": consent(who)}));
    members.extend(object(person));
    let facts = Some(r#"{"age":30}"#.to_owned());
    Statement {
        event,
        act: object(act),
        facts,
        person: members,
        subject: Some(subject(who)),
        evidence: None,
        used: None,
    }
}

/// What a consent and a release under it have in common.
fn asked() -> Value {
    json!({"receiving": "agence", "client": "agence-app", "purpose": "aide"})
}

fn released(who: u8, number: u64) -> Statement {
    let mut act = asked();
    (act["jti"], act["basis"]) = (json!(number.to_string()), json!("consent"));
    Statement { used: Some(consent(who)), ..of(Event::Release, who, act, json!({"salt": "s"})) }
}

async fn enter(ledger: &Ledger, statement: Statement, writes: Vec<Write>) -> Entered {
    ledger.enter(Lane::Client, statement, Vec::new(), writes).await.unwrap()
}

/// A person gives a consent, which is used twice and withdrawn: 4 entries.
async fn consented(ledger: &Ledger, who: u8) {
    let (_, key) = ledger.vault.key_or_new(&subject(who), &Class::Evidence).unwrap();
    let put = vec![Write::PutSubject(subject(who)), key.unwrap()];
    ledger.write(Lane::Person, Vec::new(), put).await.unwrap();
    let terms = json!({"until": NOW.plus(1_000), "max_uses": 2, "text": {"fr": "Avis"}});
    let mut act = asked();
    act["notice"] = json!(crate::jose::b64::encode(crate::crypto::sha256(&[b"Avis"])));
    enter(ledger, of(Event::Consent, who, act, terms), vec![]).await;
    enter(ledger, released(who, u64::from(who) * 10), vec![]).await;
    enter(ledger, released(who, u64::from(who) * 10 + 1), vec![]).await;
    enter(ledger, of(Event::Withdrawal, who, json!({"outcome": "withdrawn"}), json!({})), vec![]).await;
}

/// Entries 0 to 14: the beginning, two persons' consents, a key retired, another added.
async fn story(ledger: &Ledger) {
    consented(ledger, 1).await;
    consented(ledger, 2).await;
    let kid = ledger.token_key().kid().into_owned();
    let retired = Statement::act(Event::KeyRetired, json!({"kid": kid, "use": "data-token"}));
    enter(ledger, retired, vec![]).await;
    let next: Signer = crate::crypto::EcdsaKey::generate().unwrap().0.into();
    ledger.key_added("data-token", next.jwk()).await.unwrap();
}

fn vkey(ledger: &Ledger) -> verify::Vkey {
    verify::Vkey::parse(&ledger.vkey()).unwrap()
}

#[track_caller]
fn verified(ledger: &Ledger, proof: &Proof) -> verify::EntryProof {
    let verified = verify::EntryProof::verify(&proof.to_string(), &vkey(ledger)).unwrap();
    assert_eq!(verified.index(), proof.index);
    verified
}
