//! What rests on no will: grants on a basis, what a release under them rests on, and how often an agreement is used.

use super::stand::Stand;
use super::{Bench, CONSENT, GRANT, NOW, SUBJECT, consent_row, entry_of, grant_row};
use crate::clock::Day;
use crate::domain::{ConsentId, Event, GrantId, Origin, Pseudonym, SubjectId};
use crate::store::{Class, GrantedOn, Outcome, Precondition, Proposal, RecordRow, Standing, WrappedKey, Write};

on_each_engine! {
    a_grant_rests_on_a_consent_or_on_a_basis
    grants_on_a_consent_are_revoked_together
    grants_on_a_basis_go_with_the_evidence_of_their_subject
    a_release_on_a_basis_rests_on_the_grants_subject
    an_agreement_has_a_use_left_below_the_most
    one_of_100_equal_uses_of_an_agreement_passes
    uses_of_an_agreement_go_with_the_pseudonyms
}

const OTHER: SubjectId = SubjectId::new([21; 16]);

fn on_basis(subject: SubjectId) -> GrantedOn {
    GrantedOn::Basis { subject, purpose: "aide-etudes".parse().unwrap() }
}

fn a_grant_rests_on_a_consent_or_on_a_basis<S: Stand>() {
    let bench = Bench::<S>::up();
    let grant = grant_row(GRANT, on_basis(SUBJECT));
    bench.write_with(Event::Informed, vec![Write::PutGrant(grant.clone())]);
    assert_eq!(bench.standing("k").grant, Some(grant));
    assert!(bench.holds(Precondition::GrantStands(GRANT)));
    for neither in [
        "UPDATE grants SET purpose = NULL",
        "UPDATE grants SET subject = NULL",
        "UPDATE grants SET subject = NULL, purpose = NULL",
        "UPDATE grants SET consent = x'02'",
    ] {
        assert!(bench.stand.behind(neither).is_err(), "{neither}");
    }
    let control = "UPDATE grants SET consent = x'02', subject = NULL, purpose = NULL";
    assert_eq!(bench.stand.behind(control), Ok(()), "the control");
}

fn grants_on_a_consent_are_revoked_together<S: Stand>() {
    let bench = Bench::<S>::up();
    let ids = [3, 4, 5, 6].map(|number| GrantId::new([number; 16]));
    let on = [
        GrantedOn::Consent(CONSENT),
        GrantedOn::Consent(CONSENT),
        GrantedOn::Consent(ConsentId::new([9; 16])),
        on_basis(SUBJECT),
    ];
    bench.write(ids.into_iter().zip(on).map(|(id, on)| Write::PutGrant(grant_row(id, on))).collect());
    let stand = || ids.map(|id| bench.holds(Precondition::GrantStands(id)));
    assert_eq!(stand(), [true; 4]);
    bench.write_with(Event::Withdrawal, vec![Write::RevokeGrantsOf(CONSENT)]);
    assert_eq!(stand(), [false, false, true, true]);
    assert!(bench.standing("k").grant.is_some_and(|grant| grant.revoked), "a revoked one is a row");
}

fn grants_on_a_basis_go_with_the_evidence_of_their_subject<S: Stand>() {
    let bench = Bench::<S>::up();
    let ids = [3, 4].map(|number| GrantId::new([number; 16]));
    bench.write(
        ids.into_iter().zip([SUBJECT, OTHER]).map(|(id, of)| Write::PutGrant(grant_row(id, on_basis(of)))).collect(),
    );
    let stand = || ids.map(|id| bench.holds(Precondition::GrantStands(id)));
    bench
        .write_with(Event::Erasure, vec![Write::DestroyKeys(SUBJECT, vec![Class::Values("adresse".parse().unwrap())])]);
    assert_eq!(stand(), [true; 2], "the control");
    bench.write_with(Event::Erasure, vec![Write::DestroyKeys(SUBJECT, vec![Class::Evidence])]);
    assert_eq!(stand(), [false, true]);
}

fn a_release_on_a_basis_rests_on_the_grants_subject<S: Stand>() {
    let bench = Bench::<S>::up();
    let kind = "adresse".parse().unwrap();
    let (evidence, values) = (Class::Evidence, Class::Values(kind));
    let key = |byte| WrappedKey { epoch: 1, wrapped: vec![byte; 60] };
    let record = |subject| RecordRow {
        subject,
        kind: "adresse".parse().unwrap(),
        version: 1,
        holder: "ministere".parse().unwrap(),
        purpose: "aide-etudes".parse().unwrap(),
        origin: Origin::Subject,
        via: None,
        at: NOW,
        issued: None,
        valid_until: None,
        concerns: None,
        sealed: vec![3],
    };
    let of = |subject, byte: u8| {
        vec![
            Write::PutSubject(subject),
            Write::PutKey(subject, evidence.clone(), key(byte)),
            Write::PutKey(subject, values.clone(), key(byte + 1)),
            Write::PutRecord(record(subject)),
            Write::PutPseudonym(subject, "agence".parse().unwrap(), Pseudonym::new([byte; 16])),
        ]
    };
    bench.write([of(SUBJECT, 1), of(OTHER, 5), vec![Write::PutConsent(consent_row(CONSENT, 1, None))]].concat());
    bench.write_with(Event::Status, vec![Write::PutStatus(OTHER, vec![8]), Write::MoveSubject(OTHER)]);
    let grant = grant_row(GRANT, on_basis(OTHER));
    let by_consent = bench.standing("k");
    assert_eq!((by_consent.subject_version, by_consent.status.clone()), (1, None));
    assert_eq!(by_consent.pseudonym, Some(Pseudonym::new([1; 16])), "without a grant, the consent's subject");
    bench.write(vec![Write::PutGrant(grant.clone())]);
    let by_basis = Standing {
        key_use: None,
        grant: Some(grant),
        consent: None,
        subject_version: 2,
        status: Some(vec![8]),
        evidence: Some(key(5)),
        pseudonym: Some(Pseudonym::new([5; 16])),
        records: vec![(record(OTHER), key(6))],
    };
    assert_eq!(bench.standing("k"), by_basis, "and nothing of the consent that is named");
}

fn entente() -> crate::domain::AgreementId {
    "entente".parse().unwrap()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A release that takes one of `most` uses of the agreement.
fn using(from: &str, most: u32) -> Proposal {
    let (agreement, subject, from) = (entente(), SUBJECT, day(from));
    Proposal {
        preconditions: vec![Precondition::BasisUseLeft { agreement: agreement.clone(), subject, from, most }],
        writes: vec![Write::TakeBasisUse { agreement, subject, from }],
        ..entry_of(Event::Release, 3)
    }
}

fn passed(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| outcome.is_ok()).count()
}

fn an_agreement_has_a_use_left_below_the_most<S: Stand>() {
    let bench = Bench::<S>::up();
    let left = |agreement: &str, subject, from, most| {
        let (agreement, from) = (agreement.parse().unwrap(), day(from));
        bench.holds(Precondition::BasisUseLeft { agreement, subject, from, most })
    };
    let november = |most| left("entente", SUBJECT, "2026-11-01", most);
    assert!(november(1) && !november(0));
    assert_eq!(passed(&bench.outcomes(&[using("2026-11-01", 2)])), 1);
    assert!(!november(1) && november(2));
    assert_eq!(passed(&bench.outcomes(&[using("2026-11-01", 2), using("2026-11-01", 2)])), 1);
    assert!(!november(2) && november(3), "what is refused takes none");
    assert!(left("entente", SUBJECT, "2026-12-01", 1), "in another period");
    assert!(left("entente", OTHER, "2026-11-01", 1), "for another subject");
    assert!(left("autre", SUBJECT, "2026-11-01", 1), "under another agreement");
    let bench = bench.crashed();
    let (agreement, from) = (entente(), day("2026-11-01"));
    let most = Precondition::BasisUseLeft { agreement, subject: SUBJECT, from, most: 2 };
    assert!(!bench.holds(most), "durable on return");
}

fn one_of_100_equal_uses_of_an_agreement_passes<S: Stand>() {
    let bench = Bench::<S>::up();
    let asks = vec![using("2026-11-01", 1); 100];
    assert_eq!([passed(&bench.outcomes(&asks)), passed(&bench.outcomes(&asks))], [1, 0]);
    assert_eq!(passed(&bench.outcomes(&[using("2026-12-01", 1)])), 1);
}

fn uses_of_an_agreement_go_with_the_pseudonyms<S: Stand>() {
    let bench = Bench::<S>::up();
    bench.outcomes(&[using("2026-10-01", 1), using("2026-11-01", 1)]);
    let asks = [using("2026-10-01", 1), using("2026-11-01", 1)];
    bench.write_with(Event::Erasure, vec![Write::DropPseudonyms(OTHER)]);
    assert_eq!(passed(&bench.outcomes(&asks)), 0, "another's stay");
    bench.write_with(Event::Erasure, vec![Write::DropPseudonyms(SUBJECT)]);
    assert_eq!(passed(&bench.outcomes(&asks)), 2);
}
