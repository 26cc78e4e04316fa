//! What persons, portals and officers do: from typed acts and facts to decisions.

use super::*;

#[test]
fn a_person_decides_alone_from_fourteen() {
    let law = demo();
    let decide = |who: Identified, giver: Giver, express: bool, change: &dyn Fn(&mut Terms)| {
        let facts = person_facts(who.clone(), giver.clone());
        let mut terms = Terms { who, giver, ..terms() };
        change(&mut terms);
        let decision = Decision { consent: ConsentId::new([1; 16]), terms, text: words() };
        ids(&law.decide(&signed_in(&facts, express), decision, &facts, now()))
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let same = |_: &mut Terms| {};
    assert_eq!(decide(adult(), Giver::Subject, true, &same), [""; 0]);
    assert_eq!(decide(born("2012-11-22"), Giver::Subject, true, &same), ["minor-under-14"]);
    assert_eq!(decide(born("2012-11-21"), Giver::Subject, true, &same), [""; 0]);
    assert_eq!(decide(born("2012-11-22"), representative(MandateKind::Tutor, None), true, &same), [""; 0]);
    assert_eq!(decide(adult(), representative(MandateKind::Parent, None), true, &same), ["mandate-to-consent"]);
    assert_eq!(decide(adult(), Giver::Subject, false, &same), ["sensitive-step-up"]);
    assert_eq!(decide(adult(), Giver::Subject, true, &|it| it.express.clear()), ["sensitive-not-express"]);
    assert_eq!(decide(adult(), Giver::Subject, true, &|it| it.max_uses = Some(4)), ["longer-than-needed"]);
    assert_eq!(decide(adult(), Giver::Subject, true, &|it| it.max_uses = None), ["longer-than-needed"]);
    let days = |count: i64| move |it: &mut Terms| it.until = now().plus(count * 86_400);
    assert_eq!(decide(adult(), Giver::Subject, true, &days(365)), [""; 0]);
    assert_eq!(decide(adult(), Giver::Subject, true, &days(367)), ["longer-than-needed"]);
    let last_moment = |it: &mut Terms| it.until = now().day().plus_days(366).start();
    assert_eq!(decide(adult(), Giver::Subject, true, &last_moment), [""; 0]);
    assert_eq!(decide(adult(), Giver::Subject, true, &|it| it.who = born("1980-01-01")), ["not-own-act"]);
    assert_eq!(
        decide(adult(), Giver::Subject, true, &|it| it.receiving = "saaq".parse().unwrap()),
        ["recipient-other-body"]
    );
}

#[test]
fn an_enterprise_authorises_and_never_consents() {
    let law = demo();
    let officer = representative(MandateKind::SigningOfficer, None);
    let facts_of = person_facts(enterprise(), officer.clone());
    let terms = Terms { who: enterprise(), giver: officer, ..terms() };
    let decision = Decision { consent: ConsentId::new([1; 16]), terms: terms.clone(), text: words() };
    let permit = law.decide(&signed_in(&facts_of, true), decision, &facts_of, now()).unwrap();
    assert_eq!(permit.grounds().citations()[0].cite, "A-2.1, art. 23");
    let permit = law.decide(&afe(), ask(&["revenu.annee"]), &facts(consent(terms.clone())), now()).unwrap();
    assert!(permit.grounds().citations().iter().all(|it| it.cite == "A-2.1, art. 23" && it.to_confirm));
    let withdrawn = consent(terms).withdrawn(now().plus(-5), Giver::Subject).unwrap();
    let denial = law.decide(&afe(), ask(&["revenu.annee"]), &facts(withdrawn), now()).unwrap_err();
    assert!(denial.reasons().iter().all(|reason| reason.citations.iter().all(|it| it.cite != "A-2.1, art. 53.1")));
    assert_eq!(told(&denial), ["no-authorisation"]);
}

#[test]
fn one_sees_ones_own_values_and_nobody_elses() {
    let law = demo();
    let facts = person_facts(born("2013-01-01"), Giver::Subject);
    let view = OwnView { attributes: attributes(&["adresse.ligne"]) };
    let permit = law.decide(&signed_in(&facts, false), view.clone(), &facts, now()).unwrap();
    assert_eq!(minimise(permit).attributes().count(), 1);
    let other = PersonFacts { subject: SubjectId::new([4; 16]), ..facts.clone() };
    assert_eq!(ids(&law.decide(&signed_in(&facts, false), view, &other, now())), ["not-own-act"]);
}

#[test]
fn an_officer_reads_under_a_delegation_and_for_a_reason() {
    let dated = |until: &str| {
        files_with("catalogue/clients.toml", "from = \"2024-04-01\"", &format!("from = \"2024-04-01\"\n{until}"))
    };
    let law = in_force(dated(""));
    let odile = AuthenticatedOfficer::for_tests("", "odile-brossard");
    let facts = OfficerFacts { epoch: 7, custodian: custodian() };
    let reading = |reason: &str| Reading { reason: reason.to_owned(), query: Query::default() };
    assert!(law.decide(&odile, reading("Plainte 12"), &facts, now()).is_ok());
    assert_eq!(ids(&law.decide(&odile, reading("  "), &facts, now())), ["reading-without-reason"]);
    let stranger = AuthenticatedOfficer::for_tests("https://ailleurs.example", "odile-brossard");
    let denial = law.decide(&stranger, reading("Plainte 12"), &facts, now()).unwrap_err();
    let cited: Vec<_> = denial.reasons()[0].citations.iter().map(|it| it.cite.as_str()).collect();
    assert_eq!((denial.reasons()[0].id.as_str(), cited), ("no-basis", vec!["A-2.1, art. 53", "A-2.1, art. 59"]));
    let ended = in_force(dated("until = \"2026-11-21\""));
    assert_eq!(ids(&ended.decide(&odile, reading("Plainte 12"), &facts, now())), ["delegation-ended"]);

    let elsewhere = files_with("catalogue/clients.toml", "body = \"bqtu\"\nfrom", "body = \"afe\"\nfrom");
    let law = in_force(elsewhere);
    assert_eq!(ids(&law.decide(&odile, reading("Plainte 12"), &facts, now())), ["entries-of-another-body"]);
    let body: Option<BodyId> = Some("afe".parse().unwrap());
    let limited = Reading { query: Query { body, ..Query::default() }, ..reading("Plainte 12") };
    assert!(law.decide(&odile, limited, &facts, now()).is_ok());
}

#[test]
fn a_portal_checks_and_drafts_what_it_is_registered_for() {
    let law = demo();
    let portal = client("portail-fleuve", "universite-du-fleuve");
    let session = |checks: &[&str], drafts: &[&str]| SessionAsk { checks: kinds(checks), drafts: kinds(drafts) };
    assert!(law.decide(&portal, session(&["adresse"], &["revenu"]), &client_facts(), now()).is_ok());
    let decided = law.decide(&portal, session(&["identite"], &[]), &client_facts(), now());
    assert_eq!(ids(&decided), ["kind-not-registered"]);
    let decided = law.decide(&afe(), session(&["adresse"], &[]), &client_facts(), now());
    assert_eq!(ids(&decided), ["collector-contract", "kind-not-registered"]);

    let check = |agreed: &[&str]| CheckAsk {
        subject: SubjectId::new([2; 16]),
        kinds: kinds(&["adresse"]),
        agreed: kinds(agreed),
    };
    assert!(law.decide(&portal, check(&["adresse"]), &client_facts(), now()).is_ok());
    let denial = law.decide(&portal, check(&["revenu"]), &client_facts(), now()).unwrap_err();
    assert_eq!(told(&denial), ["no-authorisation"]);

    let facts = person_facts(adult(), Giver::Subject);
    let submission = |kind: &str, via: &str| Submission {
        draft: DraftId::new([5; 16]),
        kind: kind.parse().unwrap(),
        via: via.parse().unwrap(),
        client: "portail-fleuve".parse().unwrap(),
        language: Language::Fr,
    };
    let permit =
        law.decide(&signed_in(&facts, false), submission("adresse", "universite-du-fleuve"), &facts, now()).unwrap();
    assert!(permit.grounds().preconditions().contains(&Precondition::DraftStands(DraftId::new([5; 16]))));
    let decided = law.decide(&signed_in(&facts, false), submission("identite", "universite-du-fleuve"), &facts, now());
    assert_eq!(ids(&decided), ["kind-not-registered"]);
    let decided = law.decide(&signed_in(&facts, false), submission("adresse", "saaq"), &facts, now());
    assert!(ids(&decided).contains(&"client-stopped"));
    let elsewhere = PersonFacts { same_session: false, ..facts.clone() };
    let decided =
        law.decide(&signed_in(&facts, false), submission("adresse", "universite-du-fleuve"), &elsewhere, now());
    assert_eq!(ids(&decided), ["not-own-act"]);
    let child = person_facts(born("2013-01-01"), Giver::Subject);
    let decided = law.decide(&signed_in(&child, false), submission("adresse", "universite-du-fleuve"), &child, now());
    assert_eq!(ids(&decided), ["minor-collection"]);
}
