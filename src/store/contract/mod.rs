//! What every engine does, proved on each of them: the same tests, once per engine. What only one engine can suffer is
//! in its own file.

/// Runs generic tests on each engine.
macro_rules! on_each_engine {
    ($($test:ident)*) => {
        mod in_sqlite {
            $(#[test]
            fn $test() {
                super::$test::<crate::store::contract::stand::InSqlite>();
            })*
        }
    };
}

mod bases;
mod batches;
mod notices;
mod preconditions;
mod rows;
mod sqlite;
mod stand;
mod uses;

use std::sync::atomic::{AtomicBool, Ordering};

use self::stand::Stand;
pub(crate) use self::stand::{Folder, behind};
use super::{
    Appended, Batch, Committed, ConsentRow, Draft, Fault, GrantRow, GrantedOn, Hash, Head, Leaf, Level, Link, Outcome,
    Precondition, Proposal, Refused, Seal, Standing, Store, Write,
};
use crate::clock::Moment;
use crate::crypto::sha256;
use crate::domain::{Ask, ClientId, ConsentId, Event, GrantId, Relied, SubjectId};

const NOW: Moment = Moment::from_unix(1_800_000_000);
const SUBJECT: SubjectId = SubjectId::new([1; 16]);
const CONSENT: ConsentId = ConsentId::new([2; 16]);
const GRANT: GrantId = GrantId::new([3; 16]);

/// An engine on its stand.
struct Bench<S: Stand> {
    stand: S,
    store: S::Engine,
    seal: Chain,
}

impl<S: Stand> Bench<S> {
    /// With an empty record.
    fn up() -> Self {
        let stand = S::new();
        let store = stand.create().unwrap();
        Self { stand, store, seal: Chain::default() }
    }

    /// Stopped in order and started again.
    fn reopened(self) -> Self {
        let Self { stand, store, seal } = self;
        drop(store);
        let store = stand.open().unwrap();
        Self { stand, store, seal }
    }

    /// Cut off at this moment, and started on what was durable.
    fn crashed(mut self) -> Self {
        self.stand.cut(self.store);
        let store = self.stand.open().unwrap();
        Self { stand: self.stand, store, seal: self.seal }
    }

    fn at(&self, now: Moment, proposals: &[Proposal]) -> Result<Batch, Fault> {
        self.store.commit(proposals, now, &self.seal)
    }

    fn outcomes(&self, proposals: &[Proposal]) -> Vec<Outcome> {
        self.at(NOW, proposals).unwrap().outcomes
    }

    /// Commits writes that must pass, in an entry of their own.
    fn write(&self, writes: Vec<Write>) -> Committed {
        self.write_with(Event::Consent, writes)
    }

    /// The same, in an entry of this type.
    fn write_with(&self, event: Event, writes: Vec<Write>) -> Committed {
        self.outcomes(&[Proposal { writes, ..entry_of(event, 0) }])[0].clone().unwrap()
    }

    /// What a release of an address and an employment rests on, asked under this Idempotency-Key.
    fn standing(&self, key: &str) -> Standing {
        let ask = Ask {
            on: Relied::Consent(CONSENT),
            grant: GRANT,
            purpose: "aide-etudes".parse().unwrap(),
            attributes: ["adresse.ligne", "adresse.depuis", "emploi.titre"].map(|id| id.parse().unwrap()).into(),
            recipient_key: String::new(),
            idempotency_key: key.to_owned(),
            occasion: None,
        };
        self.store.standing(&ask, &client("agence"), &"agence".parse().unwrap()).unwrap()
    }

    fn holds(&self, condition: Precondition) -> bool {
        self.outcomes(&[Proposal { preconditions: vec![condition], ..Proposal::default() }])[0].is_ok()
    }
}

/// A seal that vouches for what it is asked to, unless it refuses.
#[derive(Default)]
pub(crate) struct Chain {
    refuses: AtomicBool,
}

impl Chain {
    fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::Relaxed);
    }
}

impl Seal for Chain {
    fn append(&self, head: &Head, time: Moment, drafts: &[(&Draft, Hash)]) -> Appended {
        let leaves: Vec<Leaf> = drafts.iter().map(|(draft, bundle)| leaf(draft, bundle, time)).collect();
        let root = sha256(&[&head.root, &leaves.concat()]);
        let level = Level { first: head.size, hashes: leaves.iter().map(|leaf| sha256(&[leaf])).collect() };
        let size = head.size + leaves.len() as u64;
        Appended { leaves, size, root, range: vec![root, head.root], nodes: vec![level; 17] }
    }

    fn sign(&self, head: &Head, appended: &Appended, read_back: &[Leaf]) -> Result<String, Refused> {
        assert_eq!(read_back, appended.leaves);
        assert_eq!(head.size + read_back.len() as u64, appended.size);
        if self.refuses.load(Ordering::Relaxed) { Err(Refused("in this test")) } else { Ok(note(appended.size)) }
    }
}

fn leaf(draft: &Draft, bundle: &Hash, time: Moment) -> Leaf {
    let parts = [&draft.act_commitment[..], &draft.person_commitment, bundle, &time.unix().to_be_bytes(), &[0; 24]];
    parts.concat().try_into().unwrap()
}

fn note(size: u64) -> String {
    format!("a checkpoint of {size}")
}

/// A proposal that leaves an entry and nothing else.
fn entry(number: u8) -> Proposal {
    entry_of(Event::Check, number)
}

pub(crate) fn entry_of(event: Event, number: u8) -> Proposal {
    let entry = Some(Draft {
        event,
        act_commitment: [number; 32],
        person_commitment: [!number; 32],
        act: vec![number, 1],
        person: vec![number, 2],
        link: None,
    });
    Proposal { entry, ..Proposal::default() }
}

/// A proposal that leaves an entry of the subject, which takes a use of the consent if there is one left.
fn taking(consent: ConsentId) -> Proposal {
    let mut proposal = entry(9);
    proposal.preconditions.push(Precondition::UseLeft(consent));
    if let Some(draft) = &mut proposal.entry {
        draft.link = Some(Link { subject: SUBJECT, used: Some(consent) });
    }
    proposal
}

fn consent_row(id: ConsentId, version: u64, max_uses: Option<u32>) -> ConsentRow {
    let (receiving, purpose) = ("agence".parse().unwrap(), "aide-etudes".parse().unwrap());
    ConsentRow { id, subject: SUBJECT, receiving, purpose, version, max_uses, sealed: vec![7], entry: 0 }
}

/// A grant of the agency on this.
fn grant_row(id: GrantId, on: GrantedOn) -> GrantRow {
    GrantRow { id, client: client("agence"), on, until: NOW.plus(60), revoked: false }
}

fn client(name: &str) -> ClientId {
    name.parse().unwrap()
}
