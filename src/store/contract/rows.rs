//! Rows: each write comes back as it went in, and log rows stay.

use super::stand::Stand;
use super::{Bench, CONSENT, GRANT, NOW, SUBJECT, client, consent_row, entry, grant_row, note, taking};
use crate::crypto::sha256;
use crate::domain::{BodyId, ConsentId, KindId, Occasion, Origin, Pseudonym, PurposeId, SubjectId};
use crate::store::{
    Class, ConsentRow, DraftRow, GrantedOn, Hash, KeyUse, Proposal, RecordRow, Standing, Store as _, WrappedKey, Write,
};

on_each_engine! {
    a_subject_comes_back
    sign_outs_are_kept_and_counted
    keys_come_back_until_they_are_destroyed
    the_newest_version_of_a_record_comes_back
    consents_come_back_newest_change_first
    consents_to_a_body_come_in_pages
    pseudonyms_come_back_until_they_are_dropped
    grants_and_drafts_come_back
    uses_of_keys_come_back
    what_a_release_rests_on_comes_back_at_once
    bundles_and_stops_come_back
    log_keys_come_back
    entries_and_checkpoints_come_in_pages
    every_eighth_level_of_the_tree_is_kept
    links_are_cut
    log_rows_are_neither_changed_nor_deleted
}

const OTHER: SubjectId = SubjectId::new([21; 16]);

fn kind(name: &str) -> KindId {
    name.parse().unwrap()
}

fn wrapped(byte: u8) -> WrappedKey {
    WrappedKey { epoch: u32::from(byte), wrapped: vec![byte; 60] }
}

fn record(name: &str, version: u64) -> RecordRow {
    RecordRow {
        subject: SUBJECT,
        kind: kind(name),
        version,
        holder: "ministere".parse().unwrap(),
        purpose: "aide-etudes".parse().unwrap(),
        origin: if version == 1 { Origin::Subject } else { Origin::IdentityService },
        via: (version == 1).then(|| "ville".parse().unwrap()),
        at: NOW.plus(-3),
        issued: None,
        valid_until: None,
        concerns: None,
        sealed: vec![3, 2, 1],
    }
}

fn draft(id: u8, subject: SubjectId) -> DraftRow {
    let id = crate::domain::DraftId::new([id; 16]);
    DraftRow { id, subject, kind: kind("adresse"), client: client("portail"), until: NOW.plus(9), sealed: vec![5] }
}

fn a_subject_comes_back<S: Stand>() {
    let bench = Bench::<S>::up();
    bench.write(vec![
        Write::PutSubject(SUBJECT),
        Write::PutSubject(OTHER),
        Write::PutIdentity([6; 32], SUBJECT),
        Write::PutIdentity([7; 32], SUBJECT),
    ]);
    assert_eq!([SUBJECT, OTHER].map(|id| bench.store.subject_version(&id).unwrap()), [1, 1]);
    assert_eq!(bench.store.identity(&[6; 32]).unwrap(), Some(SUBJECT));
    assert_eq!(bench.store.identity(&[7; 32]).unwrap(), Some(SUBJECT));
    assert_eq!(bench.store.identity(&[8; 32]).unwrap(), None);
}

fn sign_outs_are_kept_and_counted<S: Stand>() {
    let bench = Bench::<S>::up();
    let out = |lookup| Proposal { writes: vec![Write::SignOut(lookup)], ..Proposal::default() };
    assert_eq!(bench.store.sign_outs(&[6; 32]).unwrap(), 0);
    assert!(bench.outcomes(&[out([6; 32]), out([6; 32]), out([7; 32])]).iter().all(Result::is_ok));
    let counts = |bench: &Bench<S>| [[6; 32], [7; 32], [8; 32]].map(|lookup| bench.store.sign_outs(&lookup).unwrap());
    assert_eq!(counts(&bench), [2, 1, 0]);
    let bench = bench.crashed();
    assert_eq!(counts(&bench), [2, 1, 0], "durable on return");
    let bench = bench.reopened();
    bench.outcomes(&[out([7; 32])]);
    assert_eq!(counts(&bench), [2, 2, 0]);
}

fn keys_come_back_until_they_are_destroyed<S: Stand>() {
    let bench = Bench::<S>::up();
    let (income, address) = (Class::Values(kind("revenu")), Class::Values(kind("adresse")));
    bench.write(vec![
        Write::PutKey(SUBJECT, Class::Evidence, wrapped(1)),
        Write::PutKey(SUBJECT, income.clone(), wrapped(2)),
        Write::PutKey(SUBJECT, address.clone(), wrapped(3)),
        Write::PutKey(OTHER, income.clone(), wrapped(4)),
        Write::PutRecord(record("revenu", 1)),
        Write::PutRecord(record("adresse", 1)),
        Write::PutDraft(draft(1, SUBJECT)),
        Write::PutDraft(draft(2, OTHER)),
    ]);
    let key = |subject, class| bench.store.key(&subject, class).unwrap();
    assert_eq!(key(SUBJECT, &Class::Evidence), Some(wrapped(1)));
    assert_eq!(key(SUBJECT, &income), Some(wrapped(2)));
    assert_eq!(bench.store.classes(&SUBJECT).unwrap(), [Class::Evidence, address.clone(), income.clone()]);
    bench.write(vec![Write::DestroyKeys(SUBJECT, vec![income.clone()])]);
    assert_eq!(key(SUBJECT, &income), None);
    assert_eq!(key(SUBJECT, &address), Some(wrapped(3)));
    assert_eq!(key(OTHER, &income), Some(wrapped(4)), "another's stays");
    assert_eq!(bench.store.record(&SUBJECT, &kind("revenu")).unwrap(), None);
    assert!(bench.store.record(&SUBJECT, &kind("adresse")).unwrap().is_some());
    assert_eq!(bench.store.draft(&draft(1, SUBJECT).id).unwrap(), None);
    assert!(bench.store.draft(&draft(2, OTHER).id).unwrap().is_some());
    bench.write(vec![Write::PutKey(SUBJECT, income.clone(), wrapped(5))]);
    assert_eq!(key(SUBJECT, &income), Some(wrapped(5)), "a new key may follow");
}

fn the_newest_version_of_a_record_comes_back<S: Stand>() {
    let bench = Bench::<S>::up();
    bench.write(vec![Write::PutRecord(record("revenu", 1)), Write::PutRecord(record("revenu", 2))]);
    assert_eq!(bench.store.record(&SUBJECT, &kind("revenu")).unwrap(), Some(record("revenu", 2)));
    assert_eq!(bench.store.record(&OTHER, &kind("revenu")).unwrap(), None);
    let attested = RecordRow {
        origin: Origin::Attested,
        issued: Some("2026-10-31".parse().unwrap()),
        valid_until: Some("2027-01-31".parse().unwrap()),
        concerns: Some(vec![4, 5]),
        ..record("revenu", 3)
    };
    bench.write(vec![Write::PutRecord(attested.clone())]);
    assert_eq!(bench.store.record(&SUBJECT, &kind("revenu")).unwrap(), Some(attested));
}

fn consents_come_back_newest_change_first<S: Stand>() {
    let bench = Bench::<S>::up();
    let other = ConsentId::new([23; 16]);
    bench.write(vec![Write::PutConsent(consent_row(CONSENT, 1, Some(4)))]);
    bench.write(vec![Write::PutConsent(consent_row(other, 1, None))]);
    bench.write(vec![Write::PutConsent(ConsentRow { sealed: vec![8], ..consent_row(CONSENT, 2, Some(4)) })]);
    let first = ConsentRow { entry: 2, sealed: vec![8], ..consent_row(CONSENT, 2, Some(4)) };
    let second = ConsentRow { entry: 1, ..consent_row(other, 1, None) };
    assert_eq!(bench.store.consent(&CONSENT).unwrap(), Some(first.clone()));
    assert_eq!(bench.store.consents_of(&SUBJECT).unwrap(), [first, second]);
    assert_eq!(bench.store.consents_of(&OTHER).unwrap(), []);
}

fn consents_to_a_body_come_in_pages<S: Stand>() {
    let bench = Bench::<S>::up();
    let purposes = ["bail", "aide-etudes"].map(|name| name.parse::<PurposeId>().unwrap());
    // Of two purposes by turns, so that the order of identifiers is not that of purposes.
    let row = |number: u8| ConsentRow {
        purpose: purposes[usize::from(number % 2)].clone(),
        ..consent_row(ConsentId::new([number; 16]), 1, None)
    };
    let elsewhere = ConsentRow { receiving: "ville".parse().unwrap(), ..row(77) };
    bench.write((0..9).map(row).chain([elsewhere.clone()]).map(Write::PutConsent).collect());
    let (agency, town): (BodyId, BodyId) = ("agence".parse().unwrap(), "ville".parse().unwrap());
    let page = |body: &BodyId, purpose: Option<&PurposeId>, after: Option<ConsentId>| -> Vec<u8> {
        let rows = bench.store.consents_for(body, purpose, after, 4).unwrap();
        rows.iter().map(|row| row.id.bytes()[0]).collect()
    };
    let after = |number| Some(ConsentId::new([number; 16]));
    assert_eq!(page(&agency, None, None), [1, 3, 5, 7], "by purpose, then by identifier");
    assert_eq!(page(&agency, None, after(7)), [0, 2, 4, 6]);
    assert_eq!(page(&agency, None, after(6)), [8]);
    assert!(page(&agency, None, after(8)).is_empty());
    assert_eq!(page(&agency, Some(&purposes[0]), None), [0, 2, 4, 6]);
    assert_eq!(page(&agency, Some(&purposes[0]), after(6)), [8]);
    assert_eq!(page(&agency, Some(&purposes[1]), after(3)), [5, 7]);
    assert_eq!(bench.store.consents_for(&town, None, None, 4).unwrap(), [elsewhere]);
    // Carried to another body, it goes with that one, and is still a place to go on from.
    bench.write(vec![Write::PutConsent(ConsentRow { receiving: town.clone(), version: 2, ..row(5) })]);
    assert_eq!(page(&agency, None, None), [1, 3, 7, 0]);
    assert_eq!(page(&agency, None, after(5)), [7, 0, 2, 4]);
    assert_eq!(page(&town, Some(&purposes[1]), None), [5, 77]);
}

fn pseudonyms_come_back_until_they_are_dropped<S: Stand>() {
    let bench = Bench::<S>::up();
    let (town, ministry): (BodyId, BodyId) = ("ville".parse().unwrap(), "ministere".parse().unwrap());
    let name = |byte| Pseudonym::new([byte; 16]);
    bench.write(vec![
        Write::PutPseudonym(SUBJECT, town.clone(), name(1)),
        Write::PutPseudonym(SUBJECT, ministry.clone(), name(2)),
        Write::PutPseudonym(OTHER, town.clone(), name(3)),
    ]);
    assert_eq!(bench.store.pseudonym(&SUBJECT, &town).unwrap(), Some(name(1)));
    assert_eq!(bench.store.pseudonym(&SUBJECT, &ministry).unwrap(), Some(name(2)));
    bench.write(vec![Write::DropPseudonyms(SUBJECT)]);
    assert_eq!(bench.store.pseudonym(&SUBJECT, &town).unwrap(), None);
    assert_eq!(bench.store.pseudonym(&SUBJECT, &ministry).unwrap(), None);
    assert_eq!(bench.store.pseudonym(&OTHER, &town).unwrap(), Some(name(3)));
}

fn grants_and_drafts_come_back<S: Stand>() {
    let bench = Bench::<S>::up();
    let grant = grant_row(GRANT, GrantedOn::Consent(CONSENT));
    bench.write(vec![Write::PutGrant(grant.clone()), Write::PutDraft(draft(1, SUBJECT))]);
    assert_eq!(bench.standing("k").grant, Some(grant));
    assert_eq!(bench.store.draft(&draft(1, SUBJECT).id).unwrap(), Some(draft(1, SUBJECT)));
    bench.write(vec![Write::DropDraft(draft(1, SUBJECT).id)]);
    assert_eq!(bench.store.draft(&draft(1, SUBJECT).id).unwrap(), None);
}

fn uses_of_keys_come_back<S: Stand>() {
    let bench = Bench::<S>::up();
    bench.outcomes(&[entry(1)]);
    bench.write(vec![Write::PutKeyUse(client("agence"), "clé 1".into(), [4; 32])]);
    let used = |key| bench.standing(key).key_use;
    assert_eq!(used("clé 1"), Some(KeyUse { entry: 1, body: [4; 32] }));
    assert_eq!(used("clé 2"), None);
    let alone = |name, key| bench.store.key_use(&client(name), key).unwrap();
    assert_eq!(alone("agence", "clé 1"), used("clé 1"));
    assert_eq!((alone("agence", "clé 2"), alone("source", "clé 1")), (None, None));
}

fn what_a_release_rests_on_comes_back_at_once<S: Stand>() {
    let bench = Bench::<S>::up();
    assert_eq!(bench.standing("k"), Standing::default());
    let (address, income) = (Class::Values(kind("adresse")), Class::Values(kind("revenu")));
    bench.write(vec![
        Write::PutSubject(SUBJECT),
        Write::MoveSubject(SUBJECT),
        Write::PutKey(SUBJECT, Class::Evidence, wrapped(1)),
        Write::PutKey(SUBJECT, address, wrapped(2)),
        Write::PutRecord(record("adresse", 1)),
        Write::PutRecord(record("adresse", 2)),
        Write::PutRecord(RecordRow { subject: OTHER, ..record("adresse", 3) }),
        Write::PutKey(SUBJECT, income, wrapped(3)),
        Write::PutRecord(record("revenu", 1)),
        // Of a kind that was asked for, but its key is destroyed.
        Write::PutRecord(record("emploi", 1)),
        Write::PutPseudonym(SUBJECT, "agence".parse().unwrap(), Pseudonym::new([5; 16])),
        Write::PutPseudonym(SUBJECT, "ville".parse().unwrap(), Pseudonym::new([6; 16])),
        Write::PutConsent(consent_row(CONSENT, 1, Some(2))),
    ]);
    let standing = bench.standing("k");
    assert_eq!(standing.consent, bench.store.consent(&CONSENT).unwrap());
    assert!(standing.consent.is_some());
    assert_eq!((standing.subject_version, standing.evidence), (2, Some(wrapped(1))));
    assert_eq!(standing.pseudonym, Some(Pseudonym::new([5; 16])), "the asking body's, and no other's");
    assert_eq!(standing.records, [(record("adresse", 2), wrapped(2))], "the newest, and only what was asked for");
    let occasion = Occasion { reference: "AO-1".parse().unwrap(), at: NOW, amount: None };
    let versions = [2, 1].map(|version| (record("adresse", version), wrapped(2)));
    assert_eq!(bench.standing_for("k", Some(occasion)).records, versions, "and those before it, for an occasion");
}

fn bundles_and_stops_come_back<S: Stand>() {
    let bench = Bench::<S>::up();
    let digest = sha256(&[b"rules"]);
    bench.write(vec![
        Write::Activate(digest, b"rules".as_slice().into()),
        Write::Activate([8; 32], b"others".as_slice().into()),
        Write::Activate(digest, b"rules".as_slice().into()),
        Write::StopClient(client("portail")),
        Write::StopClient(client("agence")),
    ]);
    assert_eq!(bench.store.head().unwrap().bundle, digest, "a bundle may come back into force");
    assert_eq!(bench.store.bundle(&digest).unwrap().as_deref(), Some(b"rules".as_slice()));
    assert_eq!(bench.store.bundle(&[9; 32]).unwrap(), None);
    assert_eq!(bench.store.stopped().unwrap(), [client("agence"), client("portail")]);
}

fn log_keys_come_back<S: Stand>() {
    let bench = Bench::<S>::up();
    bench.write(vec![Write::PutLogKey(2026, wrapped(1)), Write::PutLogKey(-1, wrapped(2))]);
    assert_eq!(bench.store.log_key(2026).unwrap(), Some(wrapped(1)));
    assert_eq!(bench.store.log_key(-1).unwrap(), Some(wrapped(2)));
    assert_eq!(bench.store.log_key(2027).unwrap(), None);
}

fn entries_and_checkpoints_come_in_pages<S: Stand>() {
    let bench = Bench::<S>::up();
    for batch in [1, 2, 3] {
        bench.outcomes(&vec![entry(batch); usize::from(batch)]);
    }
    let acts = |from, limit| -> Vec<(u64, u8)> {
        bench.store.entries(from, limit).unwrap().iter().map(|row| (row.index, row.act[0])).collect()
    };
    assert_eq!(acts(0, 4), [(0, 1), (1, 2), (2, 2), (3, 3)]);
    assert_eq!(acts(4, 4), [(4, 3), (5, 3)]);
    assert_eq!(acts(6, 4), []);
    let leaves: Vec<_> = bench.store.entries(0, 9).unwrap().iter().map(|row| row.leaf).collect();
    assert_eq!(bench.store.leaves(0, 9).unwrap(), leaves);
    assert_eq!(bench.store.leaves(2, 1).unwrap(), leaves[2..3]);
    assert_eq!(bench.store.checkpoints(0, 2).unwrap(), [(1, note(1)), (3, note(3))]);
    assert_eq!(bench.store.checkpoints(3, 2).unwrap(), [(6, note(6))]);
}

fn every_eighth_level_of_the_tree_is_kept<S: Stand>() {
    let bench = Bench::<S>::up();
    bench.outcomes(&[entry(1), entry(2)]);
    let second: Hash = sha256(&[&bench.store.leaves(1, 1).unwrap()[0]]);
    for level in 0..=16 {
        let kept = matches!(level, 8 | 16).then_some(second);
        assert_eq!(bench.store.node(level, 1).unwrap(), kept, "level {level}");
    }
    assert_eq!(bench.store.node(8, 2).unwrap(), None);
}

fn links_are_cut<S: Stand>() {
    let bench = Bench::<S>::up();
    bench.write(vec![Write::PutConsent(consent_row(CONSENT, 1, None))]);
    bench.outcomes(&[taking(CONSENT), taking(CONSENT)]);
    let subjects = || bench.store.entries(0, 9).unwrap().iter().map(|row| row.subject).collect::<Vec<_>>();
    assert_eq!(subjects(), [None, Some(SUBJECT), Some(SUBJECT)]);
    bench.outcomes(&[Proposal { writes: vec![Write::CutLinks(vec![1, 77])], ..Proposal::default() }]);
    assert_eq!(subjects(), [None, None, Some(SUBJECT)]);
}

fn log_rows_are_neither_changed_nor_deleted<S: Stand>() {
    let bench = Bench::<S>::up();
    bench.outcomes(&[entry(1)]);
    let before = (bench.store.entries(0, 9).unwrap(), bench.store.checkpoints(0, 9).unwrap());
    for statement in [
        "UPDATE entries SET act = person",
        "UPDATE entries SET idx = 7",
        "DELETE FROM entries",
        "UPDATE checkpoints SET note = 'another'",
        "DELETE FROM checkpoints",
        "INSERT INTO checkpoints VALUES (1, 'another')",
        "INSERT INTO checkpoints VALUES (0, 'another')",
        "INSERT OR REPLACE INTO checkpoints VALUES (1, 'another')",
        "INSERT OR REPLACE INTO entries SELECT idx, leaf, person, act FROM entries",
    ] {
        assert!(bench.stand.behind(statement).is_err(), "{statement}");
    }
    assert_eq!((bench.store.entries(0, 9).unwrap(), bench.store.checkpoints(0, 9).unwrap()), before);
    assert_eq!(bench.stand.behind("INSERT INTO checkpoints VALUES (9, 'a later one')"), Ok(()), "the control");
}
