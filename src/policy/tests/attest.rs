//! What sources attest, and what it is worth for a call for tenders: from typed acts and facts to decisions.

use super::*;

fn source() -> AuthenticatedBody {
    client("rq-attestations", "revenu-quebec")
}

fn attestation(kind: &str) -> Attestation {
    Attestation {
        kind: kind.parse().unwrap(),
        of: Identifier::new(IdentifierType::Neq, "1171234567").unwrap(),
        issued: "2026-11-03".parse().unwrap(),
        reference: "RQ-1".parse().unwrap(),
    }
}

#[test]
fn a_source_attests_what_it_is_registered_for_and_its_body_holds() {
    let law = demo();
    let permit = law.decide(&source(), attestation("attestation-fiscale"), &client_facts(), now()).unwrap();
    assert!(permit.grounds().preconditions().contains(&Precondition::ClientRuns("rq-attestations".parse().unwrap())));
    assert!(!permit.grounds().facts_text().contains("117"), "no fact singles out an enterprise");
    let refused = |who: AuthenticatedBody, kind: &str| {
        let decided = law.decide(&who, attestation(kind), &client_facts(), now());
        ids(&decided).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(refused(source(), "revenu"), ["source-not-holder", "source-not-registered"]);
    assert_eq!(refused(source(), "inconnu"), ["source-not-holder", "source-not-registered"]);
    let agency = client("cag-appels-offres", "cag");
    let none = ["identifier-not-allowed", "source-not-holder", "source-not-registered"];
    assert_eq!(refused(agency, "attestation-fiscale"), none);
    let elsewhere = refused(client("rq-attestations", "cag"), "attestation-fiscale");
    assert!(elsewhere.contains(&"client-stopped".to_owned()), "{elsewhere:?}");
}

#[test]
fn a_source_that_may_name_nobody_by_its_neq_attests_nothing() {
    let law = demo();
    let mut catalogue = law.catalogue().clone();
    let role = &mut catalogue.clients.get_mut(source().client()).unwrap().role;
    let crate::domain::Role::Source { identifiers, .. } = role else { panic!("it is a source") };
    identifiers.clear();
    let view = View { catalogue: &catalogue, stopped: &BTreeSet::new(), epoch: 7, now: now(), day: now().day() };
    let act = attestation("attestation-fiscale");
    let (actor, facts) = (source(), client_facts());
    let stated = act.case(&view, &actor, &facts).stated;
    assert!(canonical(crate::policy::Action::Attest, &stated).contains("\"identifier\":false"));
}

const NAMES: [&str; 2] = ["attestation-fiscale.numero", "attestation-fiscale.delivree-le"];

fn authorised() -> Consent {
    consent(Terms {
        purpose: "admissibilite-appel-offres".parse().unwrap(),
        receiving: "cag".parse().unwrap(),
        client: "cag-appels-offres".parse().unwrap(),
        attributes: attributes(&NAMES),
        express: BTreeSet::new(),
        max_uses: None,
        who: enterprise(),
        giver: representative(MandateKind::SigningOfficer, None),
        ..terms()
    })
}

fn for_tender(at: &str, amount: Option<u64>) -> Ask {
    let occasion = Occasion { reference: "AO-2026-17".parse().unwrap(), at: at.parse().unwrap(), amount };
    Ask { purpose: "admissibilite-appel-offres".parse().unwrap(), occasion: Some(occasion), ..ask(&NAMES) }
}

/// A draw on an attestation of 3 November, which is valid to the end of February.
fn drawn(law: &InForce, who: Consent, ask: Ask) -> Vec<String> {
    let day = |text: &str| Some(text.parse().unwrap());
    let kind = "attestation-fiscale".parse().unwrap();
    let at = "2026-11-03T15:00:00Z".parse().unwrap();
    let row = Filed { kind, at, issued: day("2026-11-03"), valid_until: day("2027-02-28") };
    let facts = Facts { on_file: vec![row], ..facts(who) };
    let decided = law.decide(&client("cag-appels-offres", "cag"), ask, &facts, now());
    if let Ok(permit) = &decided {
        let moves = Precondition::Subject(SubjectId::new([2; 16]), 4);
        assert!(permit.grounds().preconditions().contains(&moves), "an attestation meanwhile sends it back");
    }
    ids(&decided).into_iter().map(str::to_owned).collect()
}

#[test]
fn an_attestation_serves_the_calls_that_close_while_it_is_valid_and_not_before_it_was_issued() {
    let law = demo();
    let closing = |at: &str| drawn(&law, authorised(), for_tender(at, Some(25_000)));
    assert_eq!(closing("2026-12-01T20:00:00Z"), [""; 0]);
    assert_eq!(closing("2027-03-01T04:59:59Z"), [""; 0]);
    assert_eq!(closing("2027-03-01T05:00:00Z"), ["attestation-run-out"]);
    assert_eq!(closing("2026-11-03T15:00:00Z"), [""; 0]);
    assert_eq!(closing("2026-11-03T14:59:59Z"), ["attestation-too-late"]);
    assert_eq!(closing("2026-11-02T20:00:00Z"), ["attestation-too-late"]);
}

#[test]
fn it_is_needed_from_the_threshold_on_for_a_call_that_is_named() {
    let law = demo();
    let amount = |amount| drawn(&law, authorised(), for_tender("2026-12-01T20:00:00Z", amount));
    assert_eq!(amount(Some(25_000)), [""; 0]);
    assert_eq!(amount(Some(24_999)), ["below-threshold"]);
    assert_eq!(amount(None), ["below-threshold"]);
    let unnamed = Ask { occasion: None, ..for_tender("2026-12-01T20:00:00Z", None) };
    assert_eq!(drawn(&law, authorised(), unnamed), ["occasion-missing"]);
}

#[test]
fn a_sole_proprietor_consents_and_the_same_holds() {
    let law = demo();
    let terms = Terms { who: adult(), giver: Giver::Subject, ..authorised().terms };
    let person = consent(terms);
    assert_eq!(drawn(&law, person.clone(), for_tender("2026-12-01T20:00:00Z", Some(25_000))), [""; 0]);
    assert_eq!(
        drawn(&law, person, for_tender("2027-03-01T05:00:00Z", Some(24_999))),
        ["attestation-run-out", "below-threshold"]
    );
}

#[test]
fn what_the_attestation_is_worth_is_not_told_to_the_body() {
    let law = demo();
    let kind = "attestation-fiscale".parse().unwrap();
    let row = Filed { kind, at: now(), issued: None, valid_until: Some("2026-11-30".parse().unwrap()) };
    let facts = Facts { on_file: vec![row], ..facts(authorised()) };
    let ask = for_tender("2026-12-01T20:00:00Z", Some(24_999));
    let denial = law.decide(&client("cag-appels-offres", "cag"), ask, &facts, now()).unwrap_err();
    assert_eq!(told(&denial), ["below-threshold", "no-authorisation"]);
}

#[test]
fn outside_a_trial_nothing_is_attested_or_drawn_before_counsel_confirms() {
    let law = in_force(real_files());
    let decided = law.decide(&self::source(), attestation("attestation-fiscale"), &client_facts(), now());
    assert_eq!(ids(&decided), ["basis-to-confirm"]);
}
