//! What holds of every decision: its facts, its memory, its grounds.

use super::*;
use crate::domain::{Approval, ApprovalFacts, Change, NamedOfficer};

#[test]
fn outside_the_demo_a_ground_to_confirm_permits_nothing() {
    let law = in_force(real_files());
    let officer = representative(MandateKind::SigningOfficer, None);
    let authorised = Terms { who: enterprise(), giver: officer, ..terms() };
    let decided = law.decide(&afe(), ask(&["revenu.annee"]), &facts(consent(authorised)), now());
    assert_eq!(ids(&decided), ["basis-to-confirm"]);
    assert!(law.decide(&afe(), ask(&["revenu.annee"]), &facts(consent(terms())), now()).is_ok());
}

#[test]
fn facts_single_out_nobody_conform_to_the_schema_and_are_canonical() {
    let law = demo();
    let stopped = BTreeSet::new();
    let view = View { catalogue: law.catalogue(), stopped: &stopped, epoch: 7, now: now(), day: now().day() };
    let check = |action, stated: &crate::policy::model::Stated<'_>| {
        assert_eq!(law.loaded().rules().conforms(action, stated), Ok(()), "{action}");
        let text = canonical(action, stated);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(crate::jose::canonical(&value).unwrap(), text.as_bytes());
        for secret in ["Zoé", "2004", "acte-1", "\"c_", "\"s_", "Plainte"] {
            assert!(!text.contains(secret), "{text}");
        }
    };
    let (body, asked, granted) = (afe(), income(), facts(consent(terms())));
    let case = asked.case(&view, &body, &granted);
    check(case.action, &case.stated);
    let unknown = Facts { on: Known::Nothing, ..granted.clone() };
    let case = asked.case(&view, &body, &unknown);
    check(case.action, &case.stated);
    let (consent_ask, of_client) = (consent_ask("aide-etudes", &["revenu.annuel"], "afe"), client_facts());
    let case = consent_ask.case(&view, &body, &of_client);
    check(case.action, &case.stated);
    let session = SessionAsk { checks: kinds(&["adresse"]), drafts: kinds(&["revenu"]) };
    let case = session.case(&view, &body, &of_client);
    check(case.action, &case.stated);
    let on_file = CheckAsk { subject: SubjectId::new([2; 16]), kinds: kinds(&["adresse"]), agreed: kinds(&[]) };
    let case = on_file.case(&view, &body, &of_client);
    check(case.action, &case.stated);
    for (who, giver) in [(adult(), Giver::Subject), (enterprise(), representative(MandateKind::SigningOfficer, None))] {
        let of_person = person_facts(who.clone(), giver.clone());
        let actor = signed_in(&of_person, true);
        let decision =
            Decision { consent: ConsentId::new([1; 16]), terms: Terms { who, giver, ..terms() }, text: words() };
        let case = decision.case(&view, &actor, &of_person);
        check(case.action, &case.stated);
        let submission = Submission {
            draft: DraftId::new([5; 16]),
            kind: "adresse".parse().unwrap(),
            via: "universite-du-fleuve".parse().unwrap(),
            client: "portail-fleuve".parse().unwrap(),
            language: Language::Fr,
        };
        let case = submission.case(&view, &actor, &of_person);
        check(case.action, &case.stated);
        let own = OwnView { attributes: attributes(&["adresse.ligne"]) };
        let case = own.case(&view, &actor, &of_person);
        check(case.action, &case.stated);
    }
    let purpose = Some(ReadingPurpose::Complaint);
    let reading = Reading { reason: "Plainte 12".to_owned(), purpose, query: Query::default() };
    let (officer, of_officer) =
        (AuthenticatedOfficer::for_tests("", "x"), OfficerFacts { epoch: 7, custodian: custodian() });
    let case = reading.case(&view, &officer, &of_officer);
    check(case.action, &case.stated);
    let (id, purpose) = law.catalogue().purposes.iter().next().unwrap();
    let change = Change::Purpose(id.clone(), Box::new(purpose.clone()));
    let proposer = NamedOfficer { name: "Zoé".to_owned(), key: "acte-1".to_owned() };
    let of_approval = ApprovalFacts { proposer, epoch: 7, custodian: custodian() };
    let approval = Approval { change, proposal: 2004 };
    let case = approval.case(&view, &officer, &of_approval);
    check(case.action, &case.stated);
}

#[test]
fn the_same_facts_are_decided_the_same_when_remembered_and_a_new_day_is_not_the_same() {
    let law = demo();
    let ending = facts(consent(Terms { until: now().plus(10), ..terms() }));
    for _ in 0..3 {
        assert!(law.decide(&afe(), ask(&["revenu.annee"]), &ending, now()).is_ok());
        assert_eq!(ids(&law.decide(&afe(), ask(&["revenu.annee"]), &ending, now().plus(10))), ["consent-expired"]);
    }
    let day: Day = "2026-11-22".parse().unwrap();
    assert!(law.decide(&afe(), ask(&["revenu.annee"]), &facts(consent(terms())), day.start()).is_ok());
}

#[test]
fn values_of_a_kind_are_checked_against_its_schema_without_being_told() {
    let law = demo();
    let kind: KindId = "adresse".parse().unwrap();
    let good = json!({"ligne": "12, rue de l’Église", "municipalite": "Val-Cendre", "code-postal": "J0Z 1A0", "depuis": "2026-07-01"});
    assert_eq!(law.loaded().departures(&kind, &good), Some(Vec::new()));
    let bad = json!({"ligne": "x".repeat(121), "municipalite": "Val-Cendre", "code-postal": "J0Z1A0", "depuis": "2026-07-01"});
    let mut departures = law.loaded().departures(&kind, &bad).unwrap();
    departures.sort();
    assert_eq!(departures, ["/code-postal", "/ligne"]);
    assert_eq!(law.loaded().departures(&"inconnu".parse().unwrap(), &good), None);
}

/// Budgets of a decision (DESIGN 12), in release mode: `cargo test --release budgets -- --ignored --nocapture`.
#[test]
#[ignore = "measures; meaningful in release mode alone"]
fn budgets_of_a_decision() {
    let law = encrypting();
    let (body, granted) = (afe(), facts(consent(terms())));
    let median = |decide: &dyn Fn(Ask)| {
        let asks: Vec<Ask> = (0..2_001).map(|_| income()).collect();
        let timed = asks.into_iter().map(|ask| {
            let start = std::time::Instant::now();
            decide(ask);
            start.elapsed().as_nanos()
        });
        let mut times: Vec<u128> = timed.collect();
        times.sort_unstable();
        times[times.len() / 2]
    };
    let remembered = median(&|ask| drop(law.decide(&body, ask, &granted, now()).unwrap()));
    let stopped = BTreeSet::new();
    let fresh = median(&|ask| {
        let view = View { catalogue: law.catalogue(), stopped: &stopped, epoch: 7, now: now(), day: now().day() };
        let case = ask.case(&view, &body, &granted);
        assert!(law.loaded().rules().weigh(case.action, &case.stated).allowed);
    });
    println!("decision: {fresh} ns; remembered: {remembered} ns");
    assert!(fresh <= 40_000 && remembered <= 5_000, "{fresh} ns, {remembered} ns");
}
