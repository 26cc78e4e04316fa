//! What a subject is told, what was said of it, and the work that has a date.

use super::stand::Stand;
use super::{Bench, NOW, SUBJECT};
use crate::domain::{Event, NoticeId, SubjectId};
use crate::store::{Class, DueRow, Hash, NoticeRow, Precondition, Proposal, Store as _, WrappedKey, Write};

on_each_engine! {
    a_status_comes_back_until_the_evidence_is_destroyed
    notices_come_back_newest_first_until_the_evidence_is_destroyed
    a_notice_is_read_once
    what_is_due_comes_back_in_its_order
    what_is_planned_again_moves
    what_is_due_stands_until_it_is_done
    what_is_due_for_a_subject_goes_with_its_last_key
}

const OTHER: SubjectId = SubjectId::new([21; 16]);

fn wrapped() -> WrappedKey {
    WrappedKey { epoch: 1, wrapped: vec![1; 60] }
}

fn values() -> Class {
    Class::Values("revenu".parse().unwrap())
}

/// Commits writes that need no entry.
fn without_entry<S: Stand>(bench: &Bench<S>, writes: Vec<Write>) {
    assert!(bench.outcomes(&[Proposal { writes, ..Proposal::default() }])[0].is_ok());
}

fn a_status_comes_back_until_the_evidence_is_destroyed<S: Stand>() {
    let bench = Bench::<S>::up();
    let status = |subject| bench.store.status(&subject).unwrap();
    assert_eq!(status(SUBJECT), None, "there is no such subject");
    let keys = [Class::Evidence, values()].map(|class| Write::PutKey(SUBJECT, class, wrapped()));
    bench.write([&[Write::PutSubject(SUBJECT), Write::PutSubject(OTHER)], &keys[..]].concat());
    assert_eq!(status(SUBJECT), None);
    bench.write_with(Event::Status, vec![Write::PutStatus(SUBJECT, vec![1])]);
    bench.write_with(Event::Status, vec![Write::PutStatus(SUBJECT, vec![2]), Write::PutStatus(OTHER, vec![3])]);
    assert_eq!((status(SUBJECT), status(OTHER)), (Some(vec![2]), Some(vec![3])));
    assert_eq!(bench.store.subject_version(&SUBJECT).unwrap(), 1, "the proposal moves the subject, not the write");
    bench.write(vec![Write::DestroyKeys(SUBJECT, vec![values()])]);
    assert_eq!(status(SUBJECT), Some(vec![2]), "it is no value");
    bench.write(vec![Write::DestroyKeys(SUBJECT, vec![Class::Evidence])]);
    assert_eq!((status(SUBJECT), status(OTHER)), (None, Some(vec![3])));
}

fn notice(number: u8, subject: SubjectId, after: i64) -> NoticeRow {
    NoticeRow { id: NoticeId::new([number; 16]), subject, at: NOW.plus(after), sealed: vec![number], read: None }
}

fn notices_come_back_newest_first_until_the_evidence_is_destroyed<S: Stand>() {
    let bench = Bench::<S>::up();
    let rows = [notice(1, SUBJECT, 5), notice(2, SUBJECT, 9), notice(3, SUBJECT, 5), notice(4, OTHER, 7)];
    let [first, second, third, fourth] = rows.clone().map(Write::PutNotice);
    bench.write_with(Event::Informed, vec![first, second]);
    without_entry(&bench, vec![third, fourth]);
    let told = |subject, limit| bench.store.notices_of(&subject, limit).unwrap();
    assert_eq!(told(SUBJECT, 9), [rows[1].clone(), rows[2].clone(), rows[0].clone()]);
    assert_eq!(told(SUBJECT, 2), [rows[1].clone(), rows[2].clone()]);
    assert_eq!(told(OTHER, 9), [rows[3].clone()]);
    bench.write(vec![Write::DestroyKeys(SUBJECT, vec![values()])]);
    assert_eq!(told(SUBJECT, 9).len(), 3, "they are no values");
    bench.write(vec![Write::DestroyKeys(SUBJECT, vec![Class::Evidence])]);
    assert_eq!(told(SUBJECT, 9), []);
    assert_eq!(told(OTHER, 9), [rows[3].clone()], "another's stay");
}

fn a_notice_is_read_once<S: Stand>() {
    let bench = Bench::<S>::up();
    without_entry(&bench, vec![Write::PutNotice(notice(1, SUBJECT, 1)), Write::PutNotice(notice(2, SUBJECT, 0))]);
    let read = || -> Vec<_> { bench.store.notices_of(&SUBJECT, 9).unwrap().iter().map(|row| row.read).collect() };
    assert_eq!(read(), [None, None]);
    for after in [10, 20] {
        without_entry(&bench, vec![Write::ReadNotice(NoticeId::new([1; 16]), NOW.plus(after))]);
        assert_eq!(read(), [Some(NOW.plus(10)), None]);
    }
}

fn due(number: u8, after: i64, subject: Option<SubjectId>) -> DueRow {
    DueRow { key: [number; 32], at: NOW.plus(after), job: "consent-expired".into(), target: vec![number, 1], subject }
}

fn what_is_due_comes_back_in_its_order<S: Stand>() {
    let bench = Bench::<S>::up();
    let rows = [due(1, 9, Some(SUBJECT)), due(2, 5, None), due(3, 5, Some(OTHER)), due(4, 10, None)];
    without_entry(&bench, rows.clone().map(Write::PutDue).to_vec());
    let before = |after, limit| bench.store.due(NOW.plus(after), limit).unwrap();
    assert_eq!(before(10, 9), [rows[1].clone(), rows[2].clone(), rows[0].clone()], "before is strict");
    assert_eq!(before(10, 2), [rows[1].clone(), rows[2].clone()]);
    assert_eq!(before(5, 9), []);
}

fn what_is_planned_again_moves<S: Stand>() {
    let bench = Bench::<S>::up();
    without_entry(&bench, vec![Write::PutDue(due(1, 5, Some(SUBJECT)))]);
    bench.write(vec![Write::PutDue(due(1, 50, Some(SUBJECT)))]);
    assert_eq!(bench.store.due(NOW.plus(9), 9).unwrap(), []);
    assert_eq!(bench.store.due(NOW.plus(99), 9).unwrap(), [due(1, 50, Some(SUBJECT))]);
}

fn what_is_due_stands_until_it_is_done<S: Stand>() {
    let bench = Bench::<S>::up();
    let (key, other): (Hash, Hash) = ([1; 32], [2; 32]);
    assert!(!bench.holds(Precondition::DueStands(key)), "nothing is planned");
    without_entry(&bench, vec![Write::PutDue(due(1, 5, None)), Write::PutDue(due(2, 5, None))]);
    let done = Proposal {
        preconditions: vec![Precondition::DueStands(key)],
        writes: vec![Write::DoneDue(key)],
        ..super::entry(1)
    };
    let outcomes = bench.outcomes(&[done.clone(), done]);
    assert_eq!(outcomes[1], Err(Precondition::DueStands(key)), "it is done once");
    assert!(outcomes[0].is_ok());
    assert!(!bench.holds(Precondition::DueStands(key)) && bench.holds(Precondition::DueStands(other)));
    assert_eq!(bench.store.due(NOW.plus(9), 9).unwrap(), [due(2, 5, None)]);
}

fn what_is_due_for_a_subject_goes_with_its_last_key<S: Stand>() {
    let bench = Bench::<S>::up();
    let keys = [Class::Evidence, values()].map(|class| Write::PutKey(SUBJECT, class, wrapped()));
    let planned = [due(1, 1, Some(SUBJECT)), due(2, 2, Some(OTHER)), due(3, 3, None)].map(Write::PutDue);
    bench.write([&keys[..], &planned[..]].concat());
    let left = || bench.store.due(NOW.plus(9), 9).unwrap().len();
    bench.write(vec![Write::DestroyKeys(SUBJECT, vec![values()])]);
    assert_eq!(left(), 3, "the evidence has a date of its own");
    bench.write(vec![Write::DestroyKeys(SUBJECT, vec![Class::Evidence])]);
    assert_eq!(bench.store.due(NOW.plus(9), 9).unwrap(), [due(2, 2, Some(OTHER)), due(3, 3, None)]);
}
