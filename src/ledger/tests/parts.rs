//! The two parts of an entry: sealed, opened again, and nothing else opened.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use super::super::tree::leaf_hash;
use super::*;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// JSON as acts hold it: texts, whole numbers, truths, and lists and objects of them.
fn members() -> impl Strategy<Value = serde_json::Map<String, Value>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1_i64 << 53)..1 << 53).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("[a-z]{3,8}x", value, 0..5).prop_map(|map| map.into_iter().collect())
}

fn statement() -> impl Strategy<Value = Statement> {
    let event = prop::sample::select(Event::ALL);
    let facts = prop::option::of("\\{\"age\":[1-9][0-9]\\}");
    (event, members(), members(), facts, any::<bool>()).prop_map(|(event, act, person, facts, named)| {
        let subject = named.then(|| subject(1));
        Statement { event, act, facts, person, subject, evidence: None, used: None }
    })
}

fn check(test: impl Fn(&Ledger, Statement, prop::sample::Index, u8) -> Result<(), TestCaseError>) {
    let world = World::new();
    let ledger = RUNTIME.block_on(world.begun());
    RUNTIME.block_on(consented(&ledger, 1));
    let strategy = (statement(), any::<prop::sample::Index>(), 0..8_u8);
    let config = Config { cases: 96, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&strategy, |(statement, at, bit)| test(&ledger, statement, at, bit))
        .map_err(|fault| fault.to_string())
        .unwrap();
}

/// The stored entry that a draft becomes.
fn stored(ledger: &Ledger, statement: Statement) -> (EntryRow, Opening) {
    let (draft, opening) = ledger.scribe.draft(statement, NOW).unwrap();
    let appended = crate::store::Seal::append(ledger.notary.as_ref(), &Head::default(), NOW, &[(&draft, [8; 32])]);
    let subject = draft.link.map(|link| link.subject);
    (EntryRow { index: 9, leaf: appended.leaves[0], act: draft.act, person: draft.person, subject }, opening)
}

impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = (self.event, &self.act, &self.facts, &self.person, self.subject.is_some());
        f.debug_tuple("Statement").field(&parts).finish()
    }
}

#[test]
fn what_was_said_comes_back_and_the_verifier_agrees() {
    check(|ledger, statement, _, _| {
        let (event, person) = (statement.event, Value::Object(statement.person.clone()));
        let (mut act, facts) = (statement.act.clone(), statement.facts.clone().unwrap_or_default());
        let (row, opening) = stored(ledger, statement);
        let (opened, opened_facts) = ledger.scribe.open_act(&row).unwrap();
        prop_assert_eq!((&opened, &opened_facts), (&opening, &facts));
        let mut said = opened.value();
        prop_assert_eq!(said.as_object_mut().unwrap().remove("facts").is_some(), !facts.is_empty());
        act.extend(object(json!({"v": 1, "event": event.as_str()})));
        prop_assert_eq!(said, Value::Object(act));
        let opened_person = ledger.open_person(&row).unwrap().unwrap();
        prop_assert_eq!(opened_person.value(), person);
        let leaf = verify::Leaf::parse(&row.leaf).unwrap();
        prop_assert!(leaf.open_act(&opened.blind, &opened.payload).is_ok());
        prop_assert!(leaf.open_person(&opened_person.blind, &opened_person.payload).is_ok());
        prop_assert!(leaf.open_act(&opened_person.blind, &opened_person.payload).is_err());
        Ok(())
    });
}

#[test]
fn a_flipped_bit_in_a_sealed_part_does_not_open() {
    check(|ledger, statement, at, bit| {
        let (row, _) = stored(ledger, statement);
        let mut act = row.clone();
        let byte = at.index(act.act.len());
        act.act[byte] ^= 1 << bit;
        match ledger.open_act(&act) {
            Err(EntryFault::Departs(9)) => {}
            // The first two bytes name the year whose key opens the rest.
            Err(EntryFault::NoLogKey(_)) if byte < 2 => {}
            other => prop_assert!(false, "{other:?}"),
        }
        prop_assert!(ledger.open_person(&act).unwrap().is_some(), "the other part stands");
        let mut person = row.clone();
        let byte = at.index(person.person.len());
        person.person[byte] ^= 1 << bit;
        match ledger.open_person(&person) {
            Err(EntryFault::Departs(9) | EntryFault::NoLogKey(_)) => {}
            // The first byte says whose key it is: of one that names nobody, it may then look erased. It opens no more.
            Ok(None) if byte == 0 && row.subject.is_none() => {}
            other => prop_assert!(false, "{other:?}"),
        }
        prop_assert!(ledger.open_act(&person).is_ok());
        Ok(())
    });
}

#[test]
fn a_part_opens_under_its_own_leaf_alone() {
    check(|ledger, statement, _, _| {
        let (row, _) = stored(ledger, statement);
        let (other, _) = stored(ledger, note(1));
        for leaf in [other.leaf, {
            let mut leaf = row.leaf;
            leaf[1] ^= 2;
            leaf
        }] {
            let moved = EntryRow { leaf, ..row.clone() };
            prop_assert_ne!(leaf_hash(&leaf), leaf_hash(&row.leaf));
            prop_assert!(matches!(ledger.open_act(&moved), Err(EntryFault::Departs(9))));
            prop_assert!(matches!(ledger.open_person(&moved), Err(EntryFault::Departs(9))));
        }
        let swapped = EntryRow { act: row.person.clone(), person: row.act.clone(), ..row };
        prop_assert!(ledger.open_act(&swapped).is_err() && ledger.open_person(&swapped).is_err());
        Ok(())
    });
}
