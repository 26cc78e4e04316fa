//! Uses under each consent, against a model, through folds and crashes.
//!
//! Under test, an engine that folds counts does so after a few uses, a little at a time, so that every run folds often.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::stand::Stand;
use super::{Bench, consent_row, entry, taking};
use crate::domain::ConsentId;
use crate::store::{Fault, Proposal, Store as _, Write};

on_each_engine! {
    uses_are_exact_whatever_happens
}

const CONSENTS: u8 = 5;

/// What happens to a record.
#[derive(Clone, Debug)]
enum Step {
    /// A batch of asks under these consents.
    Asks(Vec<u8>),
    /// A batch of asks that something breaks.
    Undone(Vec<u8>),
    /// A batch without entries.
    Nothing,
    Crash,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let asks = || prop::collection::vec(0..CONSENTS, 1..8);
    prop_oneof![
        6 => asks().prop_map(Step::Asks),
        1 => asks().prop_map(Step::Undone),
        1 => Just(Step::Nothing),
        2 => Just(Step::Crash),
        1 => Just(Step::Reopen),
    ]
}

/// The most uses of each consent; the last one has no most.
fn limits() -> impl Strategy<Value = Vec<Option<u32>>> {
    let limits = prop::collection::vec((0_u32..25).prop_map(Some), usize::from(CONSENTS) - 1);
    limits.prop_map(|mut limits| {
        limits.push(None);
        limits
    })
}

fn id(number: u8) -> ConsentId {
    ConsentId::new([number; 16])
}

fn uses_are_exact_whatever_happens<S: Stand>() {
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(limits in limits(), steps in prop::collection::vec(step(), 1..40))| {
        follow::<S>(&limits, steps)?;
    });
}

fn follow<S: Stand>(limits: &[Option<u32>], steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut bench = Bench::<S>::up();
    let consents = (0..CONSENTS).zip(limits).map(|(number, most)| Write::PutConsent(consent_row(id(number), 1, *most)));
    bench.write(consents.chain([Write::PutIdentity([0; 32], super::SUBJECT)]).collect());
    let mut model = BTreeMap::<u8, u64>::new();
    for step in steps {
        match step {
            Step::Asks(asks) => {
                let proposals: Vec<Proposal> = asks.iter().map(|number| taking(id(*number))).collect();
                let outcomes = bench.outcomes(&proposals);
                for (number, outcome) in asks.iter().zip(outcomes) {
                    let uses = model.entry(*number).or_default();
                    let left = limits[usize::from(*number)].is_none_or(|most| *uses < u64::from(most));
                    prop_assert_eq!(outcome.is_ok(), left);
                    *uses += u64::from(left);
                }
            }
            Step::Undone(asks) => {
                let mut proposals: Vec<Proposal> = asks.iter().map(|number| taking(id(*number))).collect();
                let twice = vec![Write::PutIdentity([0; 32], super::SUBJECT)];
                proposals.push(Proposal { writes: twice, ..entry(0) });
                prop_assert!(matches!(bench.at(super::NOW, &proposals), Err(Fault::Undone(_))));
            }
            Step::Nothing => assert!(bench.outcomes(&[]).is_empty()),
            Step::Crash => bench = bench.crashed(),
            Step::Reopen => bench = bench.reopened(),
        }
        for number in 0..CONSENTS {
            prop_assert_eq!(bench.store.uses(&id(number)).unwrap(), model.get(&number).copied().unwrap_or(0));
        }
    }
    Ok(())
}
