//! From typed acts and facts to decisions, on the demo catalogue and on departures from it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::bundle::{Bundle, tests::demo_files};
use super::decide::{Denial, InForce, Permit, canonical};
use super::model::{Act, View};
use crate::clock::{Day, Moment};
use crate::domain::{
    Ask, AttributeId, BodyId, CheckAsk, ClientFacts, Consent, ConsentAsk, ConsentId, Custodian, Decision, DraftId,
    Facts, Giver, GrantId, Identified, KindId, Language, Mandate, MandateKind, Notice, OfficerFacts, OwnView,
    PersonFacts, Query, Reading, SessionAsk, Stage, SubjectId, SubjectKind, Submission, Terms,
};
use crate::identity::{AuthenticatedBody, AuthenticatedOfficer, AuthenticatedPerson};
use crate::store::Precondition;

pub(super) fn now() -> Moment {
    "2026-11-21T17:00:00Z".parse().unwrap()
}

fn files_with(path: &str, from: &str, to: &str) -> BTreeMap<String, String> {
    let mut files = demo_files();
    let text = files.get_mut(path).unwrap();
    assert!(text.contains(from), "{path} has no {from}");
    *text = text.replacen(from, to, 1);
    files
}

fn in_force(files: BTreeMap<String, String>) -> InForce {
    let loaded = Bundle::from_files(files).load().unwrap_or_else(|findings| panic!("{findings:?}"));
    InForce::new(Arc::new(loaded), [], 7)
}

pub(super) fn demo() -> InForce {
    in_force(demo_files())
}

pub(super) fn attributes(names: &[&str]) -> BTreeSet<AttributeId> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn kinds(names: &[&str]) -> BTreeSet<KindId> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn custodian() -> Custodian {
    Custodian { body: "bqtu".parse().unwrap(), instrument: "mandat-bqtu".parse().unwrap() }
}

pub(super) fn client(name: &str, body: &str) -> AuthenticatedBody {
    AuthenticatedBody::for_tests(name.parse().unwrap(), body.parse().unwrap(), Some("empreinte".to_owned()))
}

pub(super) fn afe() -> AuthenticatedBody {
    client("afe-demandes", "afe")
}

fn born(day: &str) -> Identified {
    Identified { kind: SubjectKind::Person, name: "Zoé L’Écuyer".to_owned(), born: Some(day.parse().unwrap()) }
}

fn adult() -> Identified {
    born("2004-03-09")
}

fn enterprise() -> Identified {
    Identified { kind: SubjectKind::Enterprise, name: "Sirops du Fleuve inc.".to_owned(), born: None }
}

fn representative(kind: MandateKind, until: Option<Moment>) -> Giver {
    let mandate = Mandate { kind, evidence: "acte-1".to_owned(), verifier: "service".to_owned(), until };
    Giver::Representative { representative: SubjectId::new([9; 16]), mandate }
}

pub(super) fn terms() -> Terms {
    let digest = "A".repeat(43);
    Terms {
        purpose: "aide-etudes".parse().unwrap(),
        purpose_version: 1,
        receiving: "afe".parse().unwrap(),
        client: "afe-demandes".parse().unwrap(),
        attributes: attributes(&["revenu.annuel", "revenu.annee"]),
        express: attributes(&["revenu.annuel"]),
        until: now().plus(90 * 86_400),
        max_uses: Some(3),
        case: None,
        notice: Notice {
            template: "consent".to_owned(),
            language: Language::Fr,
            sha256_fr: digest.clone(),
            sha256: digest,
            shown: now().plus(-60),
        },
        who: adult(),
        giver: Giver::Subject,
    }
}

pub(super) fn consent(terms: Terms) -> Consent {
    Consent::decided(ConsentId::new([1; 16]), SubjectId::new([2; 16]), terms, true, now().plus(-30))
}

pub(super) fn facts(consent: Consent) -> Facts {
    Facts { consent: Some(consent), grant_stands: true, subject_version: 4, epoch: 7, custodian: custodian() }
}

pub(super) fn ask(names: &[&str]) -> Ask {
    Ask {
        consent: ConsentId::new([1; 16]),
        grant: GrantId::new([3; 16]),
        purpose: "aide-etudes".parse().unwrap(),
        attributes: attributes(names),
        recipient_key: "empreinte".to_owned(),
        idempotency_key: "une-fois".to_owned(),
    }
}

pub(super) fn income() -> Ask {
    ask(&["revenu.annuel", "revenu.annee"])
}

fn client_facts() -> ClientFacts {
    ClientFacts { epoch: 7, custodian: custodian() }
}

fn person_facts(who: Identified, giver: Giver) -> PersonFacts {
    let subject = SubjectId::new([2; 16]);
    PersonFacts { subject, who, giver, same_session: true, subject_version: 4, epoch: 7, custodian: custodian() }
}

fn signed_in(facts: &PersonFacts, express: bool) -> AuthenticatedPerson {
    AuthenticatedPerson::for_tests(facts.subject, facts.who.clone(), facts.giver.clone(), now(), express)
}

fn ids<A: Act>(decided: &Result<Permit<A>, Denial>) -> Vec<&str> {
    match decided {
        Ok(_) => Vec::new(),
        Err(denial) => denial.reasons().iter().map(|reason| reason.id.as_str()).collect(),
    }
}

fn told(denial: &Denial) -> Vec<String> {
    denial.told_to_body().into_iter().map(|reason| reason.id).collect()
}

fn consent_ask(purpose: &str, names: &[&str], body: &str) -> ConsentAsk {
    ConsentAsk {
        purpose: purpose.parse().unwrap(),
        purpose_version: None,
        attributes: attributes(names),
        optional: BTreeSet::new(),
        recipient: body.parse().unwrap(),
        until: None,
        max_uses: None,
        case: None,
    }
}

#[test]
fn a_release_by_consent_is_permitted_and_says_on_what() {
    // The demo body has no key until `dev` gives it one, so this asks for what is not sensitive.
    let law = demo();
    let permit = law.decide(&afe(), ask(&["revenu.annee"]), &facts(consent(terms())), now()).unwrap();
    let grounds = permit.grounds();
    let cited: Vec<_> = grounds.citations().iter().map(|it| (it.cite.as_str(), it.to_confirm)).collect();
    assert_eq!(cited, [("A-2.1, art. 59", false)]);
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
    let withdrawn = consent(Terms { express: BTreeSet::new(), ..terms() }).withdrawn(now().plus(-5)).unwrap();
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
    let withdrawn = given.clone().withdrawn(now().plus(-5)).unwrap();
    let refused = Consent { stage: Stage::Refused { at: now().plus(-30) }, ..given.clone() };
    let expired = consent(Terms { until: now(), ..terms() });
    let others = consent(Terms { receiving: "saaq".parse().unwrap(), ..terms() });
    let unknown = Facts { consent: None, ..facts(given.clone()) };
    let all = [withdrawn, refused, expired, others].into_iter().map(facts).chain([unknown]);
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
    let key = r#"{ kty = "EC", crv = "P-256", x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", use = "enc", alg = "ECDH-ES" }"#;
    let facts = facts(consent(terms()));
    assert_eq!(ids(&demo().decide(&afe(), income(), &facts, now())), ["sensitive-unencrypted"]);
    let law = in_force(files_with(
        "catalogue/bodies.toml",
        "[bodies.afe]\n",
        &format!("[bodies.afe]\nencryption_key = {key}\n"),
    ));
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
    let blank = Terms { notice: Notice { sha256: String::new(), ..terms().notice }, ..terms() };
    assert_eq!(ids(&law.decide(&afe(), ask(&["revenu.annee"]), &facts(consent(blank)), now())), ["not-informed"]);
}

#[test]
fn what_is_unticked_is_left_out_and_nothing_left_is_refused() {
    let law = demo();
    let ticked = |names: &[&str]| facts(consent(Terms { attributes: attributes(names), ..terms() }));
    let permit = law.decide(&afe(), ask(&["revenu.annee"]), &ticked(&["revenu.annee"]), now()).unwrap();
    let left = super::minimise(permit);
    assert_eq!(left.attributes().cloned().collect::<BTreeSet<_>>(), attributes(&["revenu.annee"]));
    let none = law.decide(&afe(), ask(&["revenu.annee"]), &ticked(&["revenu.annuel"]), now());
    assert_eq!(ids(&none), ["nothing-left"]);
}

#[test]
fn a_person_decides_alone_from_fourteen() {
    let law = demo();
    let decide = |who: Identified, giver: Giver, express: bool, change: &dyn Fn(&mut Terms)| {
        let facts = person_facts(who.clone(), giver.clone());
        let mut terms = Terms { who, giver, ..terms() };
        change(&mut terms);
        let decision = Decision { consent: ConsentId::new([1; 16]), terms };
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
    let decision = Decision { consent: ConsentId::new([1; 16]), terms: terms.clone() };
    let permit = law.decide(&signed_in(&facts_of, true), decision, &facts_of, now()).unwrap();
    assert_eq!(permit.grounds().citations()[0].cite, "A-2.1, art. 23");
    let permit = law.decide(&afe(), ask(&["revenu.annee"]), &facts(consent(terms.clone())), now()).unwrap();
    assert!(permit.grounds().citations().iter().all(|it| it.cite == "A-2.1, art. 23" && it.to_confirm));
    let withdrawn = consent(terms).withdrawn(now().plus(-5)).unwrap();
    let denial = law.decide(&afe(), ask(&["revenu.annee"]), &facts(withdrawn), now()).unwrap_err();
    assert!(denial.reasons().iter().all(|reason| reason.citations.iter().all(|it| it.cite != "A-2.1, art. 53.1")));
    assert_eq!(told(&denial), ["no-authorisation"]);
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
fn one_sees_ones_own_values_and_nobody_elses() {
    let law = demo();
    let facts = person_facts(born("2013-01-01"), Giver::Subject);
    let view = OwnView { attributes: attributes(&["adresse.ligne"]) };
    let permit = law.decide(&signed_in(&facts, false), view.clone(), &facts, now()).unwrap();
    assert_eq!(super::minimise(permit).attributes().count(), 1);
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
fn outside_the_demo_a_ground_to_confirm_permits_nothing() {
    let mut files = files_with("catalogue/bodies.toml", "demo = true", "demo = false");
    let key = r#"[{ kty = "EC", crv = "P-256", x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" }]"#;
    let clients = files.get_mut("catalogue/clients.toml").unwrap();
    *clients = clients
        .replace("\nrole = ", &format!("\nkeys = {key}\nredirect_uris = [\"https://client.example/retour\"]\nrole = "));
    *clients = clients.replace("[[delegations]]\n", "[[delegations]]\nissuer = \"https://identite.example\"\n");
    let law = in_force(files);
    let officer = representative(MandateKind::SigningOfficer, None);
    let terms = Terms { who: enterprise(), giver: officer, ..terms() };
    let decided = law.decide(&afe(), ask(&["revenu.annee"]), &facts(consent(terms)), now());
    assert_eq!(ids(&decided), ["basis-to-confirm"]);
    assert!(law.decide(&afe(), ask(&["revenu.annee"]), &facts(consent(super::scenarios::terms())), now()).is_ok());
}

#[test]
fn facts_single_out_nobody_conform_to_the_schema_and_are_canonical() {
    let law = demo();
    let schema = demo_files().remove("schema.cedarschema").unwrap();
    let stopped = BTreeSet::new();
    let view = View { catalogue: law.catalogue(), stopped: &stopped, epoch: 7, now: now(), day: now().day() };
    let check = |action, stated: &super::model::Stated<'_>| {
        assert!(law.loaded().rules().conforms(&schema, action, stated), "{action}");
        let text = canonical(action, stated);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(crate::jose::canonical(&value).unwrap(), text.as_bytes());
        for secret in ["Zoé", "2004", "acte-1", "c_", "s_", "Plainte"] {
            assert!(!text.contains(secret), "{text}");
        }
    };
    let (body, asked, granted) = (afe(), income(), facts(consent(terms())));
    let case = asked.case(&view, &body, &granted);
    check(case.action, &case.stated);
    let unknown = Facts { consent: None, ..granted.clone() };
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
        let decision = Decision { consent: ConsentId::new([1; 16]), terms: Terms { who, giver, ..terms() } };
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
    let reading = Reading { reason: "Plainte 12".to_owned(), query: Query::default() };
    let (officer, of_officer) =
        (AuthenticatedOfficer::for_tests("", "x"), OfficerFacts { epoch: 7, custodian: custodian() });
    let case = reading.case(&view, &officer, &of_officer);
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
