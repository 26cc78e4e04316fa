//! Consents that follow a function: from a catalogue's substitutions and their days to decisions.

use super::*;

const REFORM: &str = "catalogue/reform.toml";

/// The demo bundle, in which the centre ends today and the agency takes its services to residents.
fn files() -> BTreeMap<String, String> {
    let mut files = files_with(REFORM, "from = \"2018-04-01\"", "from = \"2018-04-01\"\nuntil = \"2026-11-21\"");
    files.get_mut(REFORM).unwrap().push_str(
        r#"
[[substitutions]]
predecessor = "centre-du-nord"
successor = "agence-du-nord"
function = "services-aux-residents"
from = "2026-11-21"
instrument = { cite = "2026, c. 1" }
nature = "substitution"
"#,
    );
    files
}

fn law_with(path: &str, from: &str, to: &str) -> InForce {
    let mut files = files();
    let text = files.get_mut(path).unwrap();
    assert!(text.contains(from), "{from}");
    *text = text.replacen(from, to, 1);
    in_force(files)
}

fn facts_of(purpose: &str, names: &[&str]) -> CarryFacts {
    let terms = Terms {
        purpose: purpose.parse().unwrap(),
        receiving: "centre-du-nord".parse().unwrap(),
        client: "centre-nord".parse().unwrap(),
        attributes: attributes(names),
        express: BTreeSet::new(),
        ..terms()
    };
    CarryFacts { consent: consent(terms), subject_version: 4, epoch: 7 }
}

fn shuttle() -> CarryFacts {
    facts_of("navette-du-nord", &["adresse.municipalite"])
}

fn carried(law: &InForce, facts: &CarryFacts, at: Moment) -> Result<Permit<Carry>, Denial> {
    law.decide(&Operator("essai".to_owned()), Carry { consent: facts.consent.id }, facts, at)
}

#[test]
fn a_consent_follows_its_function_by_the_instrument_from_the_first_hour() {
    let law = in_force(files());
    let permit = carried(&law, &shuttle(), now()).unwrap();
    assert_eq!(permit.kept().client().as_str(), "agence-nord");
    assert_eq!(permit.kept().hops()[0].to.as_str(), "agence-du-nord");
    let cited: Vec<_> = permit.grounds().citations().iter().map(|it| it.cite.as_str()).collect();
    assert_eq!(cited, ["A-2.1, art. 53.1", "2026, c. 1"]);
    let grounds = permit.grounds();
    for moves in [
        Precondition::Consent(ConsentId::new([1; 16]), 1),
        Precondition::Subject(SubjectId::new([2; 16]), 4),
        Precondition::ClientRuns("agence-nord".parse().unwrap()),
        Precondition::Epoch(7),
        Precondition::Before(grounds.good_until()),
    ] {
        assert!(grounds.preconditions().contains(&moves), "{moves:?}");
    }
    let midnight: Moment = "2026-11-21T05:00:00Z".parse().unwrap();
    assert!(carried(&law, &shuttle(), midnight).is_ok());
    assert_eq!(ids(&carried(&law, &shuttle(), midnight.plus(-1))), ["no-basis"]);
}

#[test]
fn what_the_instrument_does_not_give_follows_nowhere() {
    let law = in_force(files());
    assert_eq!(ids(&carried(&law, &facts_of("paie-du-nord", &["adresse.code-postal"]), now())), ["successor-unknown"]);
    let of_today = "from = \"2026-11-21\"\ninstrument = { cite = \"2026, c. 1\" }\nnature = ";
    let assets = law_with(REFORM, &format!("{of_today}\"substitution\""), &format!("{of_today}\"asset-transfer\""));
    assert_eq!(ids(&carried(&assets, &shuttle(), now())), ["asset-transfer-only"]);
    let ended = law_with(REFORM, "successor = \"agence-du-nord\"\n", "");
    assert_eq!(ids(&carried(&ended, &shuttle(), now())), ["successor-gone"]);
    let nameless = law_with(REFORM, "function = \"services-aux-residents\"\nrecipients", "recipients");
    assert_eq!(ids(&carried(&nameless, &shuttle(), now())), ["successor-unknown"]);
}

#[test]
fn a_body_that_asks_more_or_cannot_ask_gets_no_consent() {
    let version = law_with(REFORM, "version = 1", "version = 2");
    assert_eq!(ids(&carried(&version, &shuttle(), now())), ["successor-asks-more"]);
    let more = "[purposes.navette-du-nord.necessary]\n\"adresse.ligne\" = { fr = \"X\", en = \"X\" }";
    let more = law_with(REFORM, "[purposes.navette-du-nord.necessary]", more);
    assert_eq!(ids(&carried(&more, &shuttle(), now())), ["successor-asks-more"]);
    let clients = "catalogue/clients.toml";
    let none = law_with(
        clients,
        "[clients.agence-nord]\nbody = \"agence-du-nord\"",
        "[clients.agence-nord]\nbody = \"centre-du-nord\"",
    );
    assert_eq!(ids(&carried(&none, &shuttle(), now())), ["successor-without-client"]);
    let another = "[clients.agence-nord-2]\nbody = \"agence-du-nord\"\nname = { fr = \"X\", en = \"X\" }\nrole = { kind = \"AGENCY\", purposes = [\"navette-du-nord\"] }\n\n[clients.agence-nord]";
    let two = law_with(clients, "[clients.agence-nord]", another);
    assert_eq!(ids(&carried(&two, &shuttle(), now())), ["successor-without-client"]);
    let stopped = Bundle::from_files(files()).load().unwrap();
    let stopped = InForce::new(Arc::new(stopped), ["agence-nord".parse().unwrap()], 7);
    assert_eq!(ids(&carried(&stopped, &shuttle(), now())), ["successor-without-client"]);
    // Neither a recipient nor, then, a client of the purpose: told as the first alone.
    let mut files = files();
    let reform = files.get_mut(REFORM).unwrap();
    *reform = reform.replacen(", \"agence-du-nord\"]", "]", 1);
    let clients = files.get_mut(clients).unwrap();
    *clients = clients.replacen("purposes = [\"navette-du-nord\"]", "purposes = []", 1);
    assert_eq!(ids(&carried(&in_force(files), &shuttle(), now())), ["purpose-of-another-body"]);
}

#[test]
fn an_authorisation_follows_under_its_own_sections() {
    let law = in_force(files());
    let mut facts = shuttle();
    facts.consent.terms.who = enterprise();
    let permit = carried(&law, &facts, now()).unwrap();
    assert_eq!(permit.grounds().citations()[0].cite, "A-2.1, art. 23");
    let version = law_with(REFORM, "version = 1", "version = 2");
    assert_eq!(ids(&carried(&version, &facts, now())), ["authorisation-asks-more"]);
}
