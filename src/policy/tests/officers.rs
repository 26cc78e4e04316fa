//! What officers approve, on a catalogue that is no demonstration.

use super::*;
use crate::crypto::Ed25519Key;
use crate::domain::{
    Approval, ApprovalFacts, Catalogue, Change, Delegation, MayDo, NamedOfficer, PurposeId, Score, Section,
};
use crate::jose::{Jwk, PublicKey, b64};
use crate::policy::{digest_of, read_change, unapproved};

const ISSUER: &str = "https://identite.example";

/// Odile Brossard, delegated to approve, with this key.
fn odile(key: &Ed25519Key) -> String {
    let x = b64::encode(key.public());
    format!(
        "cai_notified = \"2024-04-02\"\nmay = [\"approve\"]\n\
         key = {{ kty = \"OKP\", crv = \"Ed25519\", x = \"{x}\" }}\nname = \"Odile Brossard\""
    )
}

/// The real catalogue, with Odile's delegation changed once more.
fn law(key: &Ed25519Key, from: &str, to: &str) -> InForce {
    let mut files = real_files();
    let clients = files.get_mut("catalogue/clients.toml").unwrap();
    *clients = clients.replacen("name = \"Odile Brossard\"", &odile(key), 1);
    assert!(clients.contains(from), "{from}");
    *clients = clients.replacen(from, to, 1);
    in_force(files)
}

fn purpose_of(law: &InForce, change: impl FnOnce(&mut crate::domain::Purpose)) -> Change {
    let id: PurposeId = "aide-etudes".parse().unwrap();
    let mut purpose = law.catalogue().purposes[&id].clone();
    change(&mut purpose);
    Change::Purpose(id, Box::new(purpose))
}

fn decided(law: &InForce, change: Change, proposer: (&str, &str), at: Moment) -> Vec<String> {
    let proposer = NamedOfficer { name: proposer.0.to_owned(), key: proposer.1.to_owned() };
    let facts = ApprovalFacts { proposer, epoch: 7, custodian: custodian() };
    let officer = AuthenticatedOfficer::for_tests(ISSUER, "odile-brossard");
    let decided = law.decide(&officer, Approval { change, proposal: 9 }, &facts, at);
    if let Ok(permit) = &decided {
        assert_eq!(permit.grounds().preconditions(), [Precondition::Epoch(7), Precondition::Before(midnight())]);
    }
    ids(&decided).into_iter().map(str::to_owned).collect()
}

fn midnight() -> Moment {
    now().day().plus_days(1).start()
}

const OTHER: (&str, &str) = ("Marc-Étienne Lachance", "une autre clé");

#[test]
fn another_officer_approves_by_a_delegation_that_holds() {
    let key = Ed25519Key::generate().unwrap().0;
    let with = |from: &str, to: &str| {
        let law = law(&key, from, to);
        decided(&law, purpose_of(&law, |_| ()), OTHER, now())
    };
    assert_eq!(with("", ""), Vec::<String>::new());
    assert_eq!(with("may = [\"approve\"]\n", ""), ["no-basis"]);
    let of_bqtu = "office = \"privacy\"\nbody = \"bqtu\"";
    assert_eq!(with(of_bqtu, &of_bqtu.replace("bqtu", "saaq")), ["no-basis"]);
    let today = now().day();
    let until = |day: Day| with("cai_notified", &format!("until = \"{day}\"\ncai_notified"));
    assert_eq!(until(today), ["delegation-ended"]);
    assert_eq!(until(today.plus_days(1)), Vec::<String>::new());
    assert_eq!(with("cai_notified = \"2024-04-02\"\n", ""), ["cai-not-told"]);
    let notified = |day: Day| with("\"2024-04-02\"", &format!("\"{day}\""));
    assert_eq!(notified(today.plus_days(1)), ["cai-not-told"]);
    assert_eq!(notified(today), Vec::<String>::new());
}

#[test]
fn nobody_approves_what_they_propose_under_any_name_or_key() {
    let key = Ed25519Key::generate().unwrap().0;
    let law = law(&key, "", "");
    let own = Jwk::bare(PublicKey::Ed25519(key.public())).thumbprint();
    for proposer in [("Odile Brossard", "une autre clé"), ("O. Brossard", own.as_str())] {
        assert_eq!(decided(&law, purpose_of(&law, |_| ()), proposer, now()), ["approver-is-proposer"]);
    }
}

#[test]
fn a_purpose_is_approved_with_its_assessment() {
    let key = Ed25519Key::generate().unwrap().0;
    let law = law(&key, "", "");
    let with = |change: fn(&mut crate::domain::Assessment)| {
        let purpose = purpose_of(&law, |it| change(it.assessment.as_mut().unwrap()));
        decided(&law, purpose, OTHER, now())
    };
    assert_eq!(with(|_| ()), Vec::<String>::new());
    assert_eq!(with(|it| it.approved = None), ["not-assessed"]);
    assert_eq!(with(|it| it.approved = Some(now().day().plus_days(1))), ["not-assessed"]);
    assert_eq!(with(|it| it.committee = it.started.plus_days(1)), ["committee-late"]);
    assert_eq!(with(|it| it.scores.retain(|score, _| *score != Score::Distribution)), ["assessment-not-scored"]);
    assert_eq!(decided(&law, purpose_of(&law, |it| it.assessment = None), OTHER, now()), ["not-assessed"]);
    let id = "afe".parse().unwrap();
    let body = law.catalogue().bodies[&id].clone();
    assert_eq!(decided(&law, Change::Body(id, Box::new(body)), OTHER, now()), Vec::<String>::new());
}

#[test]
fn what_changes_is_found_and_what_is_approved_is_left_out() {
    let before = in_force(real_files());
    let before = before.catalogue();
    assert!(before.changes_since(before).is_empty());
    let all = before.bodies.len() + before.purposes.len() + before.clients.len();
    assert_eq!(before.changes_since(&Catalogue::default()).len(), all);
    let mut after = before.clone();
    after.purposes.get_mut(&"aide-etudes".parse().unwrap()).unwrap().longest_days += 1;
    after.bodies.remove(&"saaq".parse().unwrap());
    let body = after.bodies[&"afe".parse().unwrap()].clone();
    after.bodies.insert("nouveau".parse().unwrap(), body);
    let changes = after.changes_since(before);
    assert_eq!(changes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["body nouveau", "purpose aide-etudes"]);
    let approved = changes.iter().take(1).map(|change| digest_of(change).unwrap()).collect();
    let left = unapproved(changes, &approved).unwrap();
    assert_eq!(left.iter().map(ToString::to_string).collect::<Vec<_>>(), ["purpose aide-etudes"]);
    // The same entry under another name is another change.
    let renamed =
        |name: &str| Change::Body(name.parse().unwrap(), Box::new(after.bodies.values().next().unwrap().clone()));
    assert_ne!(digest_of(&renamed("un")).unwrap(), digest_of(&renamed("deux")).unwrap());
}

#[test]
fn a_file_proposes_one_entry_and_nothing_else() {
    let body = "[bodies.nouveau]\nname = { fr = \"Nouveau\", en = \"New\" }\npublic_under = [\"A-2.1, art. 3\"]\n\
                from = \"2026-01-01\"\ncontact = { title = { fr = \"R\", en = \"R\" }, email = \"r@n.example\", phone = \"1\" }\n";
    let change = read_change(Section::Body, body).unwrap();
    assert_eq!((change.section(), change.name()), (Section::Body, "nouveau"));
    let fault = |section, text: &str| read_change(section, text).unwrap_err().to_string();
    let one = "the file holds one body of the catalogue, and nothing else";
    assert_eq!(fault(Section::Body, ""), one);
    assert_eq!(fault(Section::Body, &format!("demo = true\n{body}")), one);
    assert_eq!(fault(Section::Body, &format!("{body}{}", body.replace("nouveau", "autre"))), one);
    assert!(fault(Section::Purpose, body).starts_with("the file holds one purpose"));
    assert!(fault(Section::Body, &body.replace("from", "form")).starts_with("line 4: unknown field `form`"));
}

#[test]
fn an_officer_is_known_by_their_key() {
    let (key, other) = (Ed25519Key::generate().unwrap().0, Ed25519Key::generate().unwrap().0);
    let law = law(&key, "", "");
    let delegations: &[Delegation] = &law.catalogue().delegations;
    assert!(delegations.iter().any(|it| it.may.contains(&MayDo::Approve)));
    let signed = |key: &Ed25519Key, text: &[u8]| {
        let found = crate::identity::signed_by(delegations, b"acte", &key.sign(text).unwrap());
        found.map(|(officer, _)| officer.sub().to_owned())
    };
    assert_eq!(signed(&key, b"acte").as_deref(), Some("odile-brossard"));
    assert_eq!(signed(&key, b"un autre acte"), None);
    assert_eq!(signed(&other, b"acte"), None);
}
