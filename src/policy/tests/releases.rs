//! What agencies ask: from typed acts and facts to decisions.

use super::*;

#[test]
fn a_release_by_consent_is_permitted_and_says_on_what() {
    // The demo body has no key until `dev` gives it one, so this asks for what is not sensitive.
    let law = demo();
    let permit = law.decide(&afe(), ask(&["revenu.annee"]), &facts(consent(terms())), now()).unwrap();
    let grounds = permit.grounds();
    let cited: Vec<_> = grounds.citations().iter().map(|it| (it.cite.as_str(), it.to_confirm)).collect();
    assert_eq!(cited, [("A-2.1, art. 53.1", true), ("A-2.1, art. 59", false)]);
    assert_eq!(grounds.bundle(), law.loaded().digest());
    let midnight: Moment = "2026-11-22T05:00:00Z".parse().unwrap();
    assert_eq!(grounds.good_until(), midnight);
    assert_eq!(
        grounds.preconditions(),
        [
            Precondition::Epoch(7),
            Precondition::Before(midnight),
            Precondition::ClientRuns("afe-demandes".parse().unwrap()),
            Precondition::GrantStands(GrantId::new([3; 16])),
            Precondition::Subject(SubjectId::new([2; 16]), 4),
            Precondition::Consent(ConsentId::new([1; 16]), 1),
            Precondition::UseLeft(ConsentId::new([1; 16])),
        ]
    );
}

#[test]
fn rules_and_facts_of_two_epochs_are_sent_back_by_the_older() {
    for (of_facts, of_rules) in [(6, 7), (7, 6)] {
        let law = InForce::new(Arc::clone(demo().loaded()), [], of_rules);
        let facts = Facts { epoch: of_facts, ..facts(consent(terms())) };
        let permit = law.decide(&afe(), ask(&["revenu.annee"]), &facts, now()).unwrap();
        assert!(permit.grounds().preconditions().contains(&Precondition::Epoch(6)));
    }
}

#[test]
fn good_until_is_the_first_end_among_consent_mandate_and_day() {
    let law = demo();
    let soon = now().plus(600);
    let sooner = now().plus(300);
    let until = |terms: Terms| {
        let permit = law.decide(&afe(), ask(&["revenu.annee"]), &facts(consent(terms)), now()).unwrap();
        permit.grounds().good_until()
    };
    assert_eq!(until(Terms { until: soon, ..terms() }), soon);
    let parent = representative(MandateKind::Parent, Some(sooner));
    assert_eq!(until(Terms { until: soon, who: born("2012-01-01"), giver: parent, ..terms() }), sooner);
    let last_second = now().day().plus_days(1).start().plus(-1);
    assert_eq!(
        law.decide(&afe(), ask(&["revenu.annee"]), &facts(consent(terms())), last_second)
            .unwrap()
            .grounds()
            .good_until(),
        last_second.plus(1)
    );
}

#[test]
fn the_body_is_told_its_own_faults_and_one_reason_for_the_person() {
    let law = demo();
    let withdrawn =
        consent(Terms { express: BTreeSet::new(), ..terms() }).withdrawn(now().plus(-5), Giver::Subject).unwrap();
    let facts = Facts { grant_stands: false, ..facts(withdrawn) };
    let denial = law.decide(&afe(), ask(&["revenu.annuel", "identite.nom"]), &facts, now()).unwrap_err();
    let full: Vec<_> = denial.reasons().iter().map(|reason| reason.id.as_str()).collect();
    assert_eq!(
        full,
        [
            "attribute-outside-purpose",
            "consent-withdrawn",
            "grant-ended",
            "sensitive-not-express",
            "sensitive-unencrypted"
        ]
    );
    assert_eq!(told(&denial), ["attribute-outside-purpose", "sensitive-unencrypted", "no-authorisation"]);
}

#[test]
fn withdrawn_refused_expired_and_unknown_look_the_same_to_the_body() {
    let law = demo();
    let given = consent(terms());
    let withdrawn = given.clone().withdrawn(now().plus(-5), Giver::Subject).unwrap();
    let refused = Consent { stage: Stage::Refused { at: now().plus(-30) }, ..given.clone() };
    let expired = consent(Terms { until: now(), ..terms() });
    let others = consent(Terms { receiving: "saaq".parse().unwrap(), ..terms() });
    let unknown = Facts { on: Known::Nothing, ..facts(given.clone()) };
    let suspended = given.clone().suspended(now(), Suspension::LossDeclared).unwrap();
    let lapsed = given.clone().lapsed(now(), Lapse::Majority).unwrap();
    let all = [withdrawn, refused, expired, others, suspended, lapsed].into_iter().map(facts).chain([unknown]);
    let denials: Vec<_> =
        all.map(|facts| law.decide(&afe(), ask(&["revenu.annee"]), &facts, now()).unwrap_err()).collect();
    for denial in &denials {
        assert_eq!(denial.told_to_body(), denials[0].told_to_body());
        assert_eq!(told(denial), ["no-authorisation"]);
    }
    let id = Consent { id: ConsentId::new([8; 16]), ..given };
    assert_eq!(ids(&law.decide(&afe(), ask(&["revenu.annee"]), &facts(id), now())), ["no-consent"]);
}

#[test]
fn sensitive_goes_out_encrypted_only() {
    let facts = facts(consent(terms()));
    assert_eq!(ids(&demo().decide(&afe(), income(), &facts, now())), ["sensitive-unencrypted"]);
    let law = encrypting();
    assert!(law.decide(&afe(), income(), &facts, now()).is_ok());
}

#[test]
fn overreach_is_refused_at_both_doors() {
    let law = demo();
    let saaq = client("saaq-adresses", "saaq");
    let ask_consent = consent_ask("changement-adresse", &["identite.nom", "revenu.annuel"], "saaq");
    let denial = law.decide(&saaq, ask_consent, &client_facts(), now()).unwrap_err();
    assert_eq!(told(&denial), ["attribute-outside-purpose"]);
    assert_eq!(denial.reasons()[0].citations[0].cite, "A-2.1, art. 64");
    let terms = Terms {
        purpose: "changement-adresse".parse().unwrap(),
        receiving: "saaq".parse().unwrap(),
        client: "saaq-adresses".parse().unwrap(),
        attributes: attributes(&["identite.nom"]),
        ..terms()
    };
    let ask = Ask { purpose: "changement-adresse".parse().unwrap(), ..ask(&["identite.nom", "revenu.annuel"]) };
    let denial = law.decide(&saaq, ask, &facts(consent(terms)), now()).unwrap_err();
    assert_eq!(told(&denial), ["attribute-outside-purpose"]);
}

#[test]
fn another_purpose_another_version_a_stopped_client_a_dissolved_body() {
    let law = demo();
    let granted = facts(consent(terms()));
    let elsewhere = Ask { purpose: "changement-adresse".parse().unwrap(), ..ask(&["adresse.ligne"]) };
    let reasons = law.decide(&afe(), elsewhere, &granted, now());
    assert_eq!(ids(&reasons), ["one-purpose", "purpose-of-another-body", "purpose-of-another-client"]);
    let older = facts(consent(Terms { purpose_version: 2, ..terms() }));
    assert_eq!(ids(&law.decide(&afe(), ask(&["revenu.annee"]), &older, now())), ["purpose-version"]);

    let stopped = InForce::new(Arc::clone(law.loaded()), ["afe-demandes".parse().unwrap()], 7);
    let reasons = stopped.decide(&afe(), ask(&["revenu.annee"]), &granted, now());
    assert!(ids(&reasons).contains(&"client-stopped"));
    let stranger = client("inconnu", "afe");
    assert!(ids(&law.decide(&stranger, ask(&["revenu.annee"]), &granted, now())).contains(&"client-stopped"));

    let dissolved = "[bodies.afe]\nuntil = \"2026-11-21\"\n";
    let law = in_force(files_with("catalogue/bodies.toml", "[bodies.afe]\n", dissolved));
    assert_eq!(ids(&law.decide(&afe(), ask(&["revenu.annee"]), &granted, now())), ["body-gone"]);
    let eve = now().plus(-86_400);
    let dated = facts(consent(Terms { notice: Notice { shown: eve, ..terms().notice }, ..terms() }));
    assert!(law.decide(&afe(), ask(&["revenu.annee"]), &dated, eve).is_ok());
}

#[test]
fn a_consent_void_when_given_stays_void_and_a_parents_ends_with_minority() {
    let law = demo();
    let decide = |who: Identified, giver: Giver| {
        ids(&law.decide(&afe(), ask(&["revenu.annee"]), &facts(consent(Terms { who, giver, ..terms() })), now()))
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(decide(born("2012-11-22"), Giver::Subject), ["minor-under-14"]);
    assert_eq!(decide(born("2012-11-21"), Giver::Subject), [""; 0]);
    assert_eq!(decide(born("2012-11-22"), representative(MandateKind::Parent, None)), [""; 0]);
    assert_eq!(decide(born("2008-11-21"), representative(MandateKind::Parent, None)), ["mandate-to-consent"]);
    assert_eq!(decide(born("2012-11-22"), representative(MandateKind::Parent, Some(now()))), ["mandate-to-consent"]);
    let seventeen = Consent {
        stage: Stage::Given { at: now().plus(-7 * 86_400) },
        ..consent(Terms {
            who: born("2008-11-21"),
            giver: representative(MandateKind::Parent, None),
            notice: Notice { shown: now().plus(-8 * 86_400), ..terms().notice },
            act: ManifestAct { at: now().plus(-7 * 86_400), ..terms().act },
            ..terms()
        })
    };
    let denial = law.decide(&afe(), ask(&["revenu.annee"]), &facts(seventeen), now());
    assert_eq!(ids(&denial), ["consent-lapsed"], "given when the person was 17");
    let blank = Terms { notice: Notice { sha256: String::new(), ..terms().notice }, ..terms() };
    assert_eq!(ids(&law.decide(&afe(), ask(&["revenu.annee"]), &facts(consent(blank)), now())), ["not-informed"]);
}

#[test]
fn a_consent_that_was_carried_serves_the_body_that_took_the_place_and_no_other() {
    let law = demo();
    let hop = Hop {
        from: "ancien".parse().unwrap(),
        to: "afe".parse().unwrap(),
        function: "inscriptions".parse().unwrap(),
        since: "2026-11-01".parse().unwrap(),
        instrument: "2020, c. 2".to_owned(),
    };
    let by = |hop: &Hop| vec![Carried { hop: hop.clone(), client: "afe-demandes".parse().unwrap(), at: now() }];
    let elsewhere =
        || consent(Terms { receiving: "ancien".parse().unwrap(), client: "ancien".parse().unwrap(), ..terms() });
    let decide = |consent| law.decide(&afe(), ask(&["revenu.annee"]), &facts(consent), now());
    assert_eq!(ids(&decide(elsewhere())), ["no-consent"]);
    let permit = decide(elsewhere().carried(by(&hop)).unwrap()).unwrap();
    assert_eq!(permit.kept().hops(), std::slice::from_ref(&hop));
    let cited = permit.grounds().citations().last().unwrap();
    assert_eq!((cited.cite.as_str(), cited.to_confirm), ("2020, c. 2", true));
    let on = Hop { from: hop.to.clone(), to: "saaq".parse().unwrap(), ..hop.clone() };
    assert_eq!(ids(&decide(elsewhere().carried([by(&hop), by(&on)].concat()).unwrap())), ["no-consent"]);
}

#[test]
fn what_is_unticked_is_left_out_and_nothing_left_is_refused() {
    let law = demo();
    let ticked = |names: &[&str]| facts(consent(Terms { attributes: attributes(names), ..terms() }));
    let permit = law.decide(&afe(), ask(&["revenu.annee"]), &ticked(&["revenu.annee"]), now()).unwrap();
    let left = minimise(permit);
    assert_eq!(left.attributes().cloned().collect::<BTreeSet<_>>(), attributes(&["revenu.annee"]));
    let none = law.decide(&afe(), ask(&["revenu.annee"]), &ticked(&["revenu.annuel"]), now());
    assert_eq!(ids(&none), ["nothing-left"]);
}

#[test]
fn what_a_consent_rests_on_is_looked_at_anew_at_each_release() {
    let law = demo();
    let decide_on = |law: &InForce, change: &dyn Fn(&mut Facts)| {
        let mut facts = facts(consent(terms()));
        change(&mut facts);
        let decided = law.decide(&afe(), ask(&["revenu.annee"]), &facts, now());
        ids(&decided).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let of = |change: &'static dyn Fn(&mut Terms)| {
        move |facts: &mut Facts| {
            let Known::Consent(consent) = &mut facts.on else { unreachable!() };
            change(&mut consent.terms);
        }
    };
    assert_eq!(decide_on(&law, &|_| {}), [""; 0]);
    assert_eq!(decide_on(&law, &of(&|it| it.act.control.clear())), ["consent-not-manifest"]);
    assert_eq!(decide_on(&law, &of(&|it| it.sources.clear())), ["source-not-consented"]);
    assert_eq!(decide_on(&law, &|it| it.status.died = Some(now().day())), ["subject-died"]);
    let by_parent = of(&|it| (it.who, it.giver) = (born("2013-01-01"), representative(MandateKind::Parent, None)));
    assert_eq!(decide_on(&law, &by_parent), [""; 0]);
    let ended = |facts: &mut Facts| {
        by_parent(facts);
        facts.status.ended.insert("acte-1".to_owned());
    };
    assert_eq!(decide_on(&law, &ended), ["mandate-to-consent"]);

    let weak = || facts(consent(Terms { assurance: Assurance { strong: false, ..terms().assurance }, ..terms() }));
    assert!(law.decide(&afe(), ask(&["revenu.annee"]), &weak(), now()).is_ok(), "nothing sensitive");
    assert_eq!(ids(&encrypting().decide(&afe(), income(), &weak(), now())), ["sensitive-step-up"]);
    let in_context = "[purposes.aide-etudes]\nsensitive = [\"revenu.annee\"]\n";
    let law = in_force(files_with("catalogue/purposes.toml", "[purposes.aide-etudes]\n", in_context));
    assert_eq!(decide_on(&law, &|_| {}), ["sensitive-not-express", "sensitive-unencrypted"], "for this purpose");
}

#[test]
fn a_purpose_is_served_until_its_last_day() {
    let until = |day: &str| {
        let dated = format!("[purposes.aide-etudes]\nuntil = \"{day}\"\n");
        in_force(files_with("catalogue/purposes.toml", "[purposes.aide-etudes]\n", &dated))
    };
    let granted = facts(consent(terms()));
    let last = until("2026-11-22");
    let permit = last.decide(&afe(), ask(&["revenu.annee"]), &granted, now()).unwrap();
    assert_eq!(permit.grounds().good_until(), now().day().plus_days(1).start());
    let closed = until("2026-11-21");
    assert_eq!(ids(&closed.decide(&afe(), ask(&["revenu.annee"]), &granted, now())), ["purpose-closed"]);
    let asked = consent_ask("aide-etudes", &["revenu.annuel", "revenu.annee"], "afe");
    assert!(ids(&closed.decide(&afe(), asked.clone(), &client_facts(), now())).contains(&"purpose-closed"));
    let longer = ConsentAsk { until: Some(now().plus(2 * 86_400)), ..asked };
    assert!(ids(&last.decide(&afe(), longer, &client_facts(), now())).contains(&"longer-than-needed"));
}

#[test]
fn what_several_bodies_hold_is_refused_at_each_door() {
    let (from, to) = ("en = \"Address\" }\nholder = \"bqtu\"", "en = \"Address\" }\nholder = \"mess\"");
    let law = in_force(files_with("catalogue/kinds.toml", from, to));
    let saaq = client("saaq-adresses", "saaq");
    let both = ["identite.nom", "adresse.ligne"];
    let asked = consent_ask("changement-adresse", &both, "saaq");
    assert_eq!(ids(&law.decide(&saaq, asked, &client_facts(), now())), ["one-source"]);
    let of_address = || Terms {
        purpose: "changement-adresse".parse().unwrap(),
        receiving: "saaq".parse().unwrap(),
        client: "saaq-adresses".parse().unwrap(),
        attributes: attributes(&both),
        express: BTreeSet::new(),
        until: now().plus(86_400),
        max_uses: Some(1),
        sources: ["bqtu", "mess"].map(|body| body.parse().unwrap()).into(),
        ..terms()
    };
    let person = person_facts(adult(), Giver::Subject);
    let decision = Decision { consent: ConsentId::new([1; 16]), terms: of_address(), text: words() };
    assert_eq!(ids(&law.decide(&signed_in(&person, true), decision, &person, now())), ["one-source"]);
    let ask = Ask { purpose: "changement-adresse".parse().unwrap(), ..ask(&both) };
    assert_eq!(ids(&law.decide(&saaq, ask, &facts(consent(of_address())), now())), ["one-source"]);
}

#[test]
fn what_speaks_of_another_person_is_not_asked_for_and_not_released() {
    let spoken = "speaks_of_others = [\"annee\"]\n";
    let law = in_force(files_with("catalogue/kinds.toml", "[kinds.revenu]\n", &format!("[kinds.revenu]\n{spoken}")));
    let asked = consent_ask("aide-etudes", &["revenu.annuel", "revenu.annee"], "afe");
    assert!(ids(&law.decide(&afe(), asked, &client_facts(), now())).contains(&"another-person"));
    let granted = facts(consent(terms()));
    assert_eq!(ids(&law.decide(&afe(), ask(&["revenu.annee"]), &granted, now())), ["another-person"]);
    let alone = law.decide(&afe(), ask(&["revenu.annuel"]), &granted, now());
    assert_eq!(ids(&alone), ["sensitive-unencrypted"], "the control");
}
