//! What persons, portals and officers do: from typed acts and facts to decisions.

use super::*;

#[test]
fn a_person_decides_alone_from_fourteen() {
    let law = demo();
    let decide = |who: Identified, giver: Giver, express: bool, change: &dyn Fn(&mut Terms)| {
        let facts = person_facts(who.clone(), giver.clone());
        let mut terms = Terms { who, giver, ..terms() };
        terms.assurance.strong = express;
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
    let reading = |reason: &str| Reading {
        reason: reason.to_owned(),
        purpose: Some(ReadingPurpose::Complaint),
        query: Query::default(),
    };
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
fn the_log_is_read_for_a_known_end_and_rehearsed_for_a_reason() {
    let law = demo();
    let facts = OfficerFacts { epoch: 7, custodian: custodian() };
    let odile = AuthenticatedOfficer::for_tests("", "odile-brossard");
    let reading = Reading { reason: "Plainte 12".to_owned(), purpose: None, query: Query::default() };
    assert_eq!(ids(&law.decide(&odile, reading, &facts, now())), ["reading-for-profiling"]);
    let rehearsing = |reason: &str| {
        let act = Rehearsing { operator: "ana".to_owned(), reason: reason.to_owned(), entries: 9 };
        law.decide(&(), act, &facts, now())
    };
    assert_eq!(ids(&rehearsing(" ")), ["reading-without-reason"]);
    let permit = rehearsing("Avis 7").unwrap();
    assert_eq!(permit.grounds().citations()[0].cite, "A-2.1, art. 63.5");
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

#[test]
fn an_officer_records_a_death_on_evidence_and_for_a_reason() {
    let law = demo();
    let odile = AuthenticatedOfficer::for_tests("", "odile-brossard");
    let facts = OfficerFacts { epoch: 7, custodian: custodian() };
    let record = |day: &str, evidence: &str, reason: &str| StatusRecord {
        subject: SubjectId::new([2; 16]),
        change: StatusChange::Died { on: day.parse().unwrap() },
        evidence: evidence.to_owned(),
        reason: reason.to_owned(),
    };
    let decide = |officer: &AuthenticatedOfficer, record| {
        let decided = law.decide(officer, record, &facts, now());
        ids(&decided).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(decide(&odile, record("2026-11-21", "acte 26-1", "Avis reçu")), [""; 0]);
    assert_eq!(decide(&odile, record("2026-11-22", "acte 26-1", "Avis reçu")), ["status-to-come"]);
    assert_eq!(decide(&odile, record("2026-11-21", " ", "Avis reçu")), ["status-without-evidence"]);
    assert_eq!(decide(&odile, record("2026-11-21", "acte 26-1", " ")), ["status-without-evidence"]);
    let stranger = AuthenticatedOfficer::for_tests("", "sans-delegation");
    assert_eq!(decide(&stranger, record("2026-11-21", "acte 26-1", "Avis reçu")), ["no-basis"]);
}

#[test]
fn nobody_consents_or_submits_for_the_dead_and_the_liquidator_sees() {
    let law = demo();
    let died = SubjectStatus { died: Some("2026-11-20".parse().unwrap()), ..SubjectStatus::default() };
    let give = |giver: Giver, status: &SubjectStatus| {
        let facts = PersonFacts { status: status.clone(), ..person_facts(adult(), giver.clone()) };
        let decision = Decision { consent: ConsentId::new([1; 16]), terms: Terms { giver, ..terms() }, text: words() };
        let decided = law.decide(&signed_in(&facts, true), decision, &facts, now());
        ids(&decided).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let protection = || representative(MandateKind::ProtectionMandate, None);
    assert_eq!(give(protection(), &SubjectStatus::default()), [""; 0]);
    assert_eq!(give(protection(), &died), ["subject-died"]);
    let liquidator = representative(MandateKind::Liquidator, None);
    assert_eq!(give(liquidator.clone(), &died), ["mandate-to-consent", "subject-died"]);
    let facts = PersonFacts { status: died.clone(), ..person_facts(adult(), liquidator) };
    let view = OwnView { attributes: attributes(&["adresse.ligne"]) };
    assert!(law.decide(&signed_in(&facts, false), view, &facts, now()).is_ok());
    let submission = Submission {
        draft: DraftId::new([5; 16]),
        kind: "adresse".parse().unwrap(),
        via: "universite-du-fleuve".parse().unwrap(),
        client: "portail-fleuve".parse().unwrap(),
        language: Language::Fr,
    };
    let decided = law.decide(&signed_in(&facts, false), submission, &facts, now());
    assert_eq!(ids(&decided), ["mandate-to-act", "subject-died"]);

    let ended = SubjectStatus { ended: BTreeSet::from(["acte-1".to_owned()]), ..SubjectStatus::default() };
    assert_eq!(give(protection(), &ended), ["mandate-to-consent"], "recorded as ended");
    let Giver::Representative { representative, mandate } = protection() else { unreachable!() };
    let scope =
        MandateScope { purposes: Some(["changement-adresse".parse().unwrap()].into()), ..MandateScope::whole() };
    let narrow = Giver::Representative { representative, mandate: Mandate { scope, ..mandate } };
    assert_eq!(give(narrow, &SubjectStatus::default()), ["mandate-to-consent"], "for another purpose");
}

#[test]
fn a_yes_is_to_one_source_by_an_act_after_the_notice() {
    let law = demo();
    let decide = |change: &dyn Fn(&mut Terms)| {
        let facts = person_facts(adult(), Giver::Subject);
        let mut terms = terms();
        change(&mut terms);
        let decision = Decision { consent: ConsentId::new([1; 16]), terms, text: words() };
        let decided = law.decide(&signed_in(&facts, true), decision, &facts, now());
        ids(&decided).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(decide(&|_| {}), [""; 0]);
    assert_eq!(decide(&|it| it.act.control.clear()), ["consent-not-manifest"]);
    assert_eq!(decide(&|it| it.act.at = it.notice.shown.plus(-1)), ["consent-not-manifest"]);
    assert_eq!(decide(&|it| it.act.at = now().plus(1)), ["consent-not-manifest"]);
    assert_eq!(decide(&|it| it.sources = BTreeSet::from(["mess".parse().unwrap()])), ["one-source"]);
    assert_eq!(decide(&|it| it.assurance.strong = false), ["not-own-act"], "not as they signed in");
}
