//! Every precondition: when it holds, and when it does not.

use super::stand::Stand;
use super::{Bench, CONSENT, NOW, SUBJECT, client, consent_row, grant_row, taking};
use crate::clock::Moment;
use crate::domain::{ConsentId, DraftId, GrantId, SubjectId};
use crate::store::{DraftRow, GrantRow, GrantedOn, Precondition, Proposal, Write};

on_each_engine! {
    the_epoch_moves_with_what_is_in_force
    a_subject_is_at_its_version
    a_consent_is_at_its_version
    a_use_is_left_below_the_most
    an_idempotency_key_is_fresh_per_client
    what_is_once_is_spent_once
    before_is_strict
    a_grant_stands_until_it_ends_unless_it_is_revoked
    a_draft_stands_until_it_is_dropped_or_ends
    an_identity_is_new_once
    a_client_runs_until_it_is_stopped
}

const GRANT: GrantId = GrantId::new([3; 16]);
const DRAFT: DraftId = DraftId::new([4; 16]);

fn the_epoch_moves_with_what_is_in_force<S: Stand>() {
    let bench = Bench::<S>::up();
    assert!(bench.holds(Precondition::Epoch(0)) && !bench.holds(Precondition::Epoch(1)));
    bench.write(vec![Write::Activate([8; 32], b"rules".as_slice().into())]);
    assert!(bench.holds(Precondition::Epoch(1)) && !bench.holds(Precondition::Epoch(0)));
    bench.write(vec![Write::StopClient(client("portail"))]);
    assert!(bench.holds(Precondition::Epoch(2)) && !bench.holds(Precondition::Epoch(1)));
}

fn a_subject_is_at_its_version<S: Stand>() {
    let bench = Bench::<S>::up();
    let at = |version| bench.holds(Precondition::Subject(SUBJECT, version));
    assert!(at(0) && !at(1));
    bench.write(vec![Write::PutSubject(SUBJECT)]);
    assert!(at(1) && !at(0));
    bench.write(vec![Write::MoveSubject(SUBJECT)]);
    assert!(at(2) && !at(1));
    assert!(bench.holds(Precondition::Subject(SubjectId::new([9; 16]), 0)), "another has not moved");
}

fn a_consent_is_at_its_version<S: Stand>() {
    let bench = Bench::<S>::up();
    let at = |version| bench.holds(Precondition::Consent(CONSENT, version));
    assert!(at(0) && !at(1));
    bench.write(vec![Write::PutConsent(consent_row(CONSENT, 1, None))]);
    assert!(at(1) && !at(0));
    bench.write(vec![Write::PutConsent(consent_row(CONSENT, 2, None))]);
    assert!(at(2) && !at(1));
}

fn a_use_is_left_below_the_most<S: Stand>() {
    let bench = Bench::<S>::up();
    let (none, unlimited) = (ConsentId::new([5; 16]), ConsentId::new([6; 16]));
    let left = |consent| bench.holds(Precondition::UseLeft(consent));
    assert!(!left(CONSENT), "there is no such consent");
    bench.write(vec![
        Write::PutConsent(consent_row(CONSENT, 1, Some(2))),
        Write::PutConsent(consent_row(none, 1, Some(0))),
        Write::PutConsent(consent_row(unlimited, 1, None)),
    ]);
    for _ in 0..2 {
        assert!(left(CONSENT));
        assert!(bench.outcomes(&[taking(CONSENT), taking(unlimited)]).iter().all(Result::is_ok));
    }
    assert!(!left(CONSENT) && !left(none) && left(unlimited));
    bench.write(vec![Write::PutConsent(consent_row(CONSENT, 2, Some(2)))]);
    assert!(!left(CONSENT), "a new version brings no new uses");
}

fn an_idempotency_key_is_fresh_per_client<S: Stand>() {
    let bench = Bench::<S>::up();
    let fresh = |by: &str, key: &str| bench.holds(Precondition::FreshKey(client(by), key.to_owned()));
    assert!(fresh("agence", "k"));
    bench.write(vec![Write::PutKeyUse(client("agence"), "k".into(), [0; 32])]);
    assert!(!fresh("agence", "k"));
    assert!(fresh("agence", "K") && fresh("agence", "") && fresh("portail", "k"));
}

fn what_is_once_is_spent_once<S: Stand>() {
    let bench = Bench::<S>::up();
    let (short, long, other) = ([1; 32], [2; 32], [3; 32]);
    let unspent = |digest| bench.holds(Precondition::Unspent(digest));
    bench.write(vec![Write::Spend(short, NOW.plus(1)), Write::Spend(long, NOW.plus(100))]);
    assert!(!unspent(short) && !unspent(long) && unspent(other));
    let later = Proposal { writes: vec![Write::Spend(other, NOW.plus(100))], ..Proposal::default() };
    bench.at(NOW.plus(1), &[later]).unwrap();
    let bench = bench.reopened();
    let unspent = |digest| bench.holds(Precondition::Unspent(digest));
    assert!(unspent(short) && !unspent(long) && !unspent(other), "what is over is forgotten, and nothing else");
}

fn before_is_strict<S: Stand>() {
    let bench = Bench::<S>::up();
    assert!(bench.holds(Precondition::Before(NOW.plus(1))));
    assert!(!bench.holds(Precondition::Before(NOW)));
    assert!(!bench.holds(Precondition::Before(NOW.plus(-1))));
    bench.at(NOW.plus(3), &[super::entry(0)]).unwrap();
    assert!(!bench.holds(Precondition::Before(NOW.plus(3))), "it is the batch's time that counts, not the clock's");
}

fn a_grant_stands_until_it_ends_unless_it_is_revoked<S: Stand>() {
    let bench = Bench::<S>::up();
    let stands = |id: GrantId, now: Moment| stands(&bench, now, Precondition::GrantStands(id));
    assert!(!stands(GRANT, NOW), "there is none");
    let (until, other) = (NOW.plus(10), GrantId::new([13; 16]));
    let grant = GrantRow { until, ..grant_row(GRANT, GrantedOn::Consent(CONSENT)) };
    let revoked = GrantRow { id: other, revoked: true, ..grant.clone() };
    bench.write(vec![Write::PutGrant(grant), Write::PutGrant(revoked)]);
    assert!(stands(GRANT, NOW) && stands(GRANT, until.plus(-1)) && !stands(GRANT, until));
    assert!(!stands(other, NOW));
}

fn a_draft_stands_until_it_is_dropped_or_ends<S: Stand>() {
    let bench = Bench::<S>::up();
    let stands = |now: Moment| stands(&bench, now, Precondition::DraftStands(DRAFT));
    assert!(!stands(NOW), "there is none");
    let until = NOW.plus(10);
    let kind = "adresse".parse().unwrap();
    let draft = DraftRow { id: DRAFT, subject: SUBJECT, kind, client: client("portail"), until, sealed: vec![1] };
    bench.write(vec![Write::PutDraft(draft)]);
    assert!(stands(NOW) && stands(until.plus(-1)) && !stands(until));
    bench.write(vec![Write::DropDraft(DRAFT)]);
    assert!(!stands(NOW));
}

/// Whether a condition would hold in a batch at `now`: what does not pass leaves nothing, not even its time.
fn stands<S: Stand>(bench: &Bench<S>, now: Moment, condition: Precondition) -> bool {
    let probe = Proposal { preconditions: vec![condition, Precondition::Epoch(u64::MAX)], ..Proposal::default() };
    matches!(bench.at(now, &[probe]).unwrap().outcomes[0], Err(Precondition::Epoch(_)))
}

fn an_identity_is_new_once<S: Stand>() {
    let bench = Bench::<S>::up();
    assert!(bench.holds(Precondition::NewIdentity([1; 32])));
    bench.write(vec![Write::PutIdentity([1; 32], SUBJECT)]);
    assert!(!bench.holds(Precondition::NewIdentity([1; 32])) && bench.holds(Precondition::NewIdentity([2; 32])));
}

fn a_client_runs_until_it_is_stopped<S: Stand>() {
    let bench = Bench::<S>::up();
    let runs = |name: &str| bench.holds(Precondition::ClientRuns(client(name)));
    assert!(runs("agence"));
    bench.write(vec![Write::StopClient(client("agence"))]);
    bench.write(vec![Write::StopClient(client("agence"))]);
    assert!(!runs("agence") && runs("portail"));
}
