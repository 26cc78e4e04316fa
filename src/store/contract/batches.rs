//! Batches: the order within them, what is undone with what, time, the head, and what happens when the seal refuses.

use std::sync::Arc;

use super::stand::Stand;
use super::{Bench, CONSENT, GRANT, NOW, SUBJECT, client, consent_row, entry, entry_of, grant_row, note, taking};
use crate::domain::{Event, KindId, Origin, Pseudonym};
use crate::store::{Class, Committed, Fault, GrantedOn, Precondition, Proposal, RecordRow, Store as _, Write};

on_each_engine! {
    each_sees_those_before_it
    a_failed_one_is_undone_alone
    the_first_condition_that_fails_is_named
    one_of_100_equal_asks_passes
    what_breaks_a_constraint_undoes_its_batch_and_no_more
    what_the_log_accounts_for_changes_only_with_its_entry
    a_batch_without_entries_leaves_no_checkpoint
    the_batch_says_what_it_appended
    the_head_comes_back
    what_the_seal_refuses_is_not_recorded_and_ends_the_engine
    the_time_never_goes_back
    a_clock_far_behind_the_head_is_in_doubt
    in_doubt_what_does_not_rest_on_the_time_goes_on
    parallel_commits_are_one_after_the_other
}

fn each_sees_those_before_it<S: Stand>() {
    let bench = Bench::<S>::up();
    let step = |conditions: Vec<Precondition>, writes| Proposal { preconditions: conditions, writes, ..entry(1) };
    let key = || Precondition::FreshKey(client("agence"), "k".into());
    let outcomes = bench.outcomes(&[
        step(vec![Precondition::Subject(SUBJECT, 0)], vec![Write::PutSubject(SUBJECT)]),
        step(vec![Precondition::Subject(SUBJECT, 1)], vec![Write::MoveSubject(SUBJECT)]),
        step(vec![Precondition::Subject(SUBJECT, 1)], vec![]),
        step(
            vec![Precondition::Subject(SUBJECT, 2), key()],
            vec![Write::PutKeyUse(client("agence"), "k".into(), [0; 32])],
        ),
        step(vec![key()], vec![]),
        step(vec![Precondition::Epoch(0)], vec![Write::StopClient(client("agence"))]),
        step(vec![Precondition::Epoch(0)], vec![]),
        step(vec![Precondition::Epoch(1)], vec![]),
    ]);
    let passed: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(passed, [true, true, false, true, false, true, false, true]);
    let used = bench.standing("k").key_use.unwrap();
    assert_eq!(used.entry, 2, "the key's use names the entry of its own proposal");
}

fn a_failed_one_is_undone_alone<S: Stand>() {
    let bench = Bench::<S>::up();
    let mut failing = Proposal {
        preconditions: vec![Precondition::Epoch(9)],
        writes: vec![
            Write::PutSubject(SUBJECT),
            Write::PutConsent(consent_row(CONSENT, 1, None)),
            Write::RaiseEphemeral,
            Write::Activate([1; 32], Arc::from([])),
        ],
        ..taking(CONSENT)
    };
    if let Some(draft) = &mut failing.entry {
        draft.event = Event::Consent;
    }
    let outcomes = bench.outcomes(&[entry(1), failing, entry(2)]);
    let indices: Vec<_> = outcomes.iter().map(|outcome| outcome.as_ref().ok().and_then(|done| done.index)).collect();
    assert_eq!(indices, [Some(0), None, Some(1)]);
    let rows = bench.store.entries(0, 9).unwrap();
    assert_eq!(rows.iter().map(|row| row.act[0]).collect::<Vec<_>>(), [1, 2]);
    assert!(rows.iter().all(|row| row.subject.is_none()));
    assert_eq!(bench.store.subject_version(&SUBJECT).unwrap(), 0);
    assert_eq!(bench.store.consent(&CONSENT).unwrap(), None);
    assert_eq!(bench.store.uses(&CONSENT).unwrap(), 0);
    let head = bench.store.head().unwrap();
    assert_eq!((head.epoch, head.ephemeral, head.bundle), (0, 0, [0; 32]));
}

fn the_first_condition_that_fails_is_named<S: Stand>() {
    let bench = Bench::<S>::up();
    let conditions = [Precondition::Epoch(0), Precondition::UseLeft(CONSENT), Precondition::Epoch(7)];
    let outcomes = bench.outcomes(&[Proposal { preconditions: conditions.to_vec(), ..entry(0) }]);
    assert_eq!(outcomes, [Err(Precondition::UseLeft(CONSENT))]);
}

fn one_of_100_equal_asks_passes<S: Stand>() {
    let bench = Bench::<S>::up();
    bench.write(vec![Write::PutConsent(consent_row(CONSENT, 1, Some(1)))]);
    let asks: Vec<Proposal> = (0..100).map(|_| taking(CONSENT)).collect();
    for passes in [1, 0] {
        assert_eq!(bench.outcomes(&asks).iter().filter(|outcome| outcome.is_ok()).count(), passes);
    }
    assert_eq!(bench.store.uses(&CONSENT).unwrap(), 1);
}

fn what_breaks_a_constraint_undoes_its_batch_and_no_more<S: Stand>() {
    let bench = Bench::<S>::up();
    bench.write(vec![Write::PutIdentity([1; 32], SUBJECT), Write::PutConsent(consent_row(CONSENT, 1, Some(1)))]);
    let before = bench.store.head().unwrap();
    let twice = Proposal { writes: vec![Write::PutIdentity([1; 32], SUBJECT)], ..entry(2) };
    let raise = Proposal { writes: vec![Write::RaiseEphemeral], ..taking(CONSENT) };
    assert!(matches!(bench.at(NOW, &[raise, twice.clone(), entry(3)]), Err(Fault::Undone(_))));
    assert_eq!(bench.store.head().unwrap(), before);
    assert_eq!(bench.store.entries(0, 9).unwrap().len(), 1);
    assert_eq!(bench.store.uses(&CONSENT).unwrap(), 0);
    assert!(bench.store.health().is_ok());
    assert_eq!(bench.outcomes(&[taking(CONSENT)])[0].as_ref().unwrap().index, Some(1));
    assert!(matches!(bench.at(NOW, &[twice]), Err(Fault::Undone(_))));
}

fn what_the_log_accounts_for_changes_only_with_its_entry<S: Stand>() {
    let bench = Bench::<S>::up();
    let kind: KindId = "revenu".parse().unwrap();
    let (body, purpose) = ("ministere".parse().unwrap(), "aide-etudes".parse().unwrap());
    let consent = || Write::PutConsent(consent_row(CONSENT, 1, None));
    let record = RecordRow {
        subject: SUBJECT,
        kind: kind.clone(),
        version: 1,
        holder: body,
        purpose,
        origin: Origin::Subject,
        via: None,
        at: NOW,
        issued: None,
        valid_until: None,
        concerns: None,
        sealed: vec![3],
    };
    let accounted_for = [
        consent(),
        Write::PutRecord(record),
        Write::PutPseudonym(SUBJECT, "ville".parse().unwrap(), Pseudonym::new([1; 16])),
        Write::DropPseudonyms(SUBJECT),
        Write::DestroyKeys(SUBJECT, vec![Class::Evidence]),
        Write::PutKeyUse(client("agence"), "k".into(), [0; 32]),
        Write::PutGrant(grant_row(GRANT, GrantedOn::Consent(CONSENT))),
        Write::RevokeGrantsOf(CONSENT),
        Write::Activate([8; 32], b"rules".as_slice().into()),
        Write::StopClient(client("agence")),
    ];
    for write in &accounted_for {
        let alone = Proposal { writes: vec![write.clone()], ..Proposal::default() };
        assert!(matches!(bench.at(NOW, &[entry(1), alone]), Err(Fault::Undone(_))), "{write:?}");
    }
    let day = "2026-11-01".parse().unwrap();
    let used = || Write::TakeBasisUse { agreement: "entente".parse().unwrap(), subject: SUBJECT, from: day };
    let status = || Write::PutStatus(SUBJECT, vec![1]);
    let stages = [
        Event::Consent,
        Event::ConsentRefused,
        Event::Withdrawal,
        Event::ConsentSuspended,
        Event::ConsentLapsed,
        Event::ConsentCarried,
        Event::ConsentExpired,
    ];
    // An entry of another type accounts for none of these, neither its own nor one beside it.
    for (write, with) in [(consent(), &stages[..]), (used(), &[Event::Release]), (status(), &[Event::Status])] {
        let alone = Proposal { writes: vec![write.clone()], ..Proposal::default() };
        assert!(matches!(bench.at(NOW, &[entry_of(with[0], 2), alone]), Err(Fault::Undone(_))), "{write:?}");
        for event in Event::ALL.iter().copied() {
            let beside = Proposal { writes: vec![write.clone()], ..entry_of(event, 1) };
            assert_eq!(beside.accounted_for().is_ok(), with.contains(&event), "{write:?} with {event}");
            let others = !with.contains(&event);
            assert!(!others || matches!(bench.at(NOW, &[entry_of(with[0], 2), beside]), Err(Fault::Undone(_))));
        }
    }
    let head = bench.store.head().unwrap();
    assert_eq!((head.size, head.epoch, bench.store.consent(&CONSENT).unwrap()), (0, 0, None));
    assert!(bench.store.health().is_ok());
    bench.write(accounted_for.to_vec());
    assert!(bench.store.consent(&CONSENT).unwrap().is_some(), "the control");
}

fn a_batch_without_entries_leaves_no_checkpoint<S: Stand>() {
    let bench = Bench::<S>::up();
    let writes = vec![Write::PutSubject(SUBJECT)];
    let batch = bench.at(NOW, &[Proposal { writes, ..Proposal::default() }]).unwrap();
    assert!(batch.appended.is_none());
    assert_eq!(batch.outcomes, [Ok(Committed { index: None, time: NOW })]);
    assert_eq!(bench.store.subject_version(&SUBJECT).unwrap(), 1);
    assert_eq!(bench.store.checkpoints(0, 9).unwrap(), []);
    assert_eq!(bench.store.head().unwrap().size, 0);
    assert!(bench.at(NOW, &[]).unwrap().outcomes.is_empty());
}

fn the_batch_says_what_it_appended<S: Stand>() {
    let bench = Bench::<S>::up();
    bench.outcomes(&[entry(1)]);
    let before = bench.store.head().unwrap();
    let batch = bench.at(NOW.plus(1), &[entry(2), entry(3)]).unwrap();
    let after = bench.store.head().unwrap();
    assert_eq!((&batch.before, &batch.after), (&before, &after));
    let (appended, checkpoint) = batch.appended.unwrap();
    assert_eq!((appended.size, appended.root, &appended.range), (3, after.root, &after.range));
    assert_eq!(&*checkpoint, note(3));
    assert_eq!(bench.store.leaves(1, 9).unwrap(), appended.leaves);
    assert_eq!(batch.outcomes[1], Ok(Committed { index: Some(2), time: NOW.plus(1) }));
}

fn the_head_comes_back<S: Stand>() {
    let bench = Bench::<S>::up();
    bench.write(vec![Write::Activate([8; 32], b"rules".as_slice().into()), Write::RaiseEphemeral]);
    bench.at(NOW.plus(5), &[entry(2)]).unwrap();
    let head = bench.store.head().unwrap();
    assert_eq!((head.size, head.time, head.epoch, head.bundle), (2, NOW.plus(5), 1, [8; 32]));
    assert_eq!((head.ephemeral, head.ephemeral_since, head.range.len()), (1, NOW, 2));
    let bench = bench.reopened();
    assert_eq!(bench.store.head().unwrap(), head);
    let bench = bench.crashed();
    assert_eq!(bench.store.head().unwrap(), head);
    assert_eq!(bench.outcomes(&[entry(3)])[0].as_ref().unwrap().index, Some(2));
}

fn what_the_seal_refuses_is_not_recorded_and_ends_the_engine<S: Stand>() {
    let bench = Bench::<S>::up();
    bench.outcomes(&[entry(1)]);
    let before = bench.store.head().unwrap();
    bench.seal.refuse(true);
    let refused = Proposal { writes: vec![Write::PutSubject(SUBJECT)], ..entry(2) };
    assert!(matches!(bench.at(NOW, &[refused]), Err(Fault::Broken(_))));
    bench.seal.refuse(false);
    assert!(matches!(bench.at(NOW, &[entry(3)]), Err(Fault::Broken(_))), "no more writes");
    assert!(matches!(bench.store.health(), Err(Fault::Broken(_))));
    assert_eq!(bench.store.head().unwrap(), before, "it still reads");
    let bench = bench.reopened();
    assert!(bench.store.health().is_ok());
    assert_eq!(bench.store.head().unwrap(), before);
    assert_eq!(bench.store.subject_version(&SUBJECT).unwrap(), 0);
    assert_eq!(bench.outcomes(&[entry(3)])[0].as_ref().unwrap().index, Some(1));
}

fn the_time_never_goes_back<S: Stand>() {
    let bench = Bench::<S>::up();
    let time = |seconds, proposal| bench.at(NOW.plus(seconds), &[proposal]).unwrap().outcomes[0].clone().unwrap().time;
    assert_eq!(time(0, entry(1)), NOW);
    assert_eq!(time(10, Proposal::default()), NOW.plus(10));
    assert_eq!(time(6, entry(2)), NOW.plus(10), "a batch without an entry counts too");
    assert_eq!(time(5, entry(3)), NOW.plus(10));
    assert_eq!(time(11, entry(4)), NOW.plus(11));
}

fn a_clock_far_behind_the_head_is_in_doubt<S: Stand>() {
    let bench = Bench::<S>::up();
    bench.outcomes(&[entry(1)]);
    let dated = || Proposal { preconditions: vec![Precondition::Before(NOW.plus(100))], ..entry(2) };
    let before = bench.store.head().unwrap();
    assert!(matches!(bench.at(NOW.plus(-6), &[entry(2), dated()]), Err(Fault::ClockInDoubt(6))));
    assert_eq!(bench.store.head().unwrap(), before, "nothing of the batch is recorded");
    assert!(bench.store.health().is_ok());
    assert_eq!(bench.at(NOW.plus(-5), &[dated()]).unwrap().outcomes[0], Ok(Committed { index: Some(1), time: NOW }));
}

fn in_doubt_what_does_not_rest_on_the_time_goes_on<S: Stand>() {
    let bench = Bench::<S>::up();
    bench.write(vec![Write::PutConsent(consent_row(CONSENT, 1, None))]);
    let withdrawal = Proposal {
        preconditions: vec![Precondition::Consent(CONSENT, 1)],
        writes: vec![Write::PutConsent(consent_row(CONSENT, 2, None))],
        ..entry_of(Event::Withdrawal, 2)
    };
    let batch = bench.at(NOW.plus(-3600), &[withdrawal]).unwrap();
    assert_eq!(batch.outcomes, [Ok(Committed { index: Some(1), time: NOW })]);
}

fn parallel_commits_are_one_after_the_other<S: Stand>() {
    let bench = Bench::<S>::up();
    bench.write(vec![Write::PutConsent(consent_row(CONSENT, 1, Some(5)))]);
    let passed: usize = std::thread::scope(|scope| {
        let ask = || (0..5).filter(|_| bench.outcomes(&[taking(CONSENT)])[0].is_ok()).count();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(passed, 5);
    let indices: Vec<u64> = bench.store.entries(0, 99).unwrap().iter().map(|row| row.index).collect();
    assert_eq!(indices, [0, 1, 2, 3, 4, 5]);
    let sizes: Vec<u64> = bench.store.checkpoints(0, 99).unwrap().iter().map(|(size, _)| *size).collect();
    assert_eq!(sizes, [1, 2, 3, 4, 5, 6]);
}
