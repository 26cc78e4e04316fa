//! Releases without consent: from a catalogue's instruments and their dates to decisions.

use super::*;

fn mess() -> AuthenticatedBody {
    client("mess-aide", "mess")
}

/// The demo bundle, with a key to encrypt to its `mess`.
fn law_with(path: &str, from: &str, to: &str) -> InForce {
    let key = r#"encryption_key = { kty = "EC", crv = "P-256", x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", use = "enc", alg = "ECDH-ES" }"#;
    let mut files = files_with(path, from, to);
    let bodies = files.get_mut("catalogue/bodies.toml").unwrap();
    *bodies = bodies.replacen("[bodies.mess]\n", &format!("[bodies.mess]\n{key}\n"), 1);
    in_force(files)
}

fn law() -> InForce {
    law_with("catalogue/agreements.toml", "under", "under")
}

const AGREEMENTS: &str = "catalogue/agreements.toml";

fn basis_ask(names: &[&str]) -> Ask {
    Ask { on: Relied::Basis, purpose: "aide-sociale".parse().unwrap(), ..ask(names) }
}

fn known(on: Known) -> Facts {
    Facts { on, ..facts(consent(terms())) }
}

fn of_subject() -> Facts {
    known(Known::Basis(SubjectId::new([2; 16])))
}

fn decided(law: &InForce, ask: Ask, at: Moment) -> Vec<String> {
    ids(&law.decide(&mess(), ask, &of_subject(), at)).into_iter().map(str::to_owned).collect()
}

#[test]
fn a_release_under_an_agreement_says_so_and_takes_one_of_the_periods_uses() {
    let permit = law().decide(&mess(), basis_ask(&["revenu.annee"]), &of_subject(), now()).unwrap();
    let cited: Vec<_> = permit.grounds().citations().iter().map(|it| (it.cite.as_str(), it.to_confirm)).collect();
    assert_eq!(cited, [("A-2.1, art. 68", false), ("A-2.1, art. 59", false)]);
    assert_eq!(permit.kept().on().word(), "agreement");
    let agreement = "entente-revenu-mess".parse().unwrap();
    let (subject, from) = (SubjectId::new([2; 16]), "2026-11-01".parse().unwrap());
    let left = Precondition::BasisUseLeft { agreement, subject, from, most: 1 };
    assert!(permit.grounds().preconditions().contains(&left));
    assert!(permit.grounds().preconditions().contains(&Precondition::Subject(subject, 4)));
}

#[test]
fn an_agreement_is_in_force_thirty_local_days_after_its_receipt() {
    let received = |day: &str| {
        let law = law_with(AGREEMENTS, r#"received = "2026-02-20""#, &format!(r#"received = "{day}""#));
        decided(&law, basis_ask(&["revenu.annee"]), now())
    };
    assert_eq!(received("2026-10-23"), ["agreement-too-early"]);
    assert_eq!(received("2026-10-22"), [""; 0]);
    // 23:59:59 of the 29th day, then midnight in America/Toronto.
    let law = law_with(AGREEMENTS, r#"received = "2026-02-20""#, r#"received = "2026-10-23""#);
    let begins: Moment = "2026-11-22T05:00:00Z".parse().unwrap();
    assert_eq!(decided(&law, basis_ask(&["revenu.annee"]), begins.plus(-1)), ["agreement-too-early"]);
    assert_eq!(decided(&law, basis_ask(&["revenu.annee"]), begins), [""; 0]);
}

#[test]
fn each_thing_that_an_agreement_lacks_refuses_with_its_reason() {
    for (from, to, reason) in [
        (r#", received = "2026-02-20""#, "", "agreement-not-received"),
        (r#"until = "2029-02-16""#, r#"until = "2026-11-21""#, "agreement-ended"),
        (r#"until = "2029-02-16""#, "", "agreement-items"),
        (r#"releasing = "bqtu""#, r#"releasing = "saaq""#, "agreement-parties"),
        (r#"purposes = ["aide-sociale"]"#, r#"purposes = ["aide-etudes"]"#, "agreement-purpose"),
        (r#""revenu.annuel", "revenu.annee""#, r#""revenu.annuel""#, "attribute-outside-agreement"),
        ("findings.confidential]\nholds = true", "findings.confidential]\nholds = false", "agreement-findings"),
        (r#"under = "68(1)""#, r#"under = "64""#, "no-basis"),
    ] {
        let law = law_with(AGREEMENTS, from, to);
        assert_eq!(decided(&law, basis_ask(&["revenu.annee"]), now()), [reason], "{to}");
    }
}

#[test]
fn a_refusal_names_what_is_missing_or_too_much() {
    let which = |law: &InForce, names: &[&str]| {
        let denial = law.decide(&mess(), basis_ask(names), &of_subject(), now()).unwrap_err();
        denial.told_to_body().into_iter().flat_map(|reason| reason.which).collect::<Vec<_>>()
    };
    let unending = law_with(AGREEMENTS, r#"until = "2029-02-16""#, "");
    assert_eq!(which(&unending, &["revenu.annee"]), ["duration"]);
    let unfound = law_with(AGREEMENTS, "findings.confidential]\nholds = true", "findings.confidential]\nholds = false");
    assert_eq!(which(&unfound, &["revenu.annee"]), ["confidential"]);
    let narrow = law_with(AGREEMENTS, r#""revenu.annuel", "revenu.annee""#, r#""revenu.annuel""#);
    assert_eq!(which(&narrow, &["revenu.annee", "revenu.annuel"]), ["revenu.annee"]);
}

#[test]
fn a_ministry_gets_at_most_what_purpose_and_agreement_both_list() {
    let law = law_with(AGREEMENTS, r#""revenu.annuel", "revenu.annee""#, r#""revenu.annee", "identite.nom""#);
    let left = minimise(law.decide(&mess(), basis_ask(&["revenu.annee"]), &of_subject(), now()).unwrap());
    assert_eq!(left.attributes().cloned().collect::<BTreeSet<_>>(), attributes(&["revenu.annee"]));
    assert_eq!(decided(&law, basis_ask(&["identite.nom"]), now()), ["attribute-outside-purpose"]);
}

const EDGE: &str = r#"
[[substitutions]]
predecessor = "mess"
successor = "afe"
function = "FUNCTION"
from = "2026-11-21"
instrument = { cite = "2026, c. 1" }
nature = "substitution"
"#;

/// The demo bundle, in which `mess` is gone since yesterday and `afe` has its functions.
fn succeeded(functions: &str, given: &[&str]) -> InForce {
    let mut files =
        files_with("catalogue/purposes.toml", r#"recipients = ["mess"]"#, r#"recipients = ["mess", "afe"]"#);
    let change = |files: &mut BTreeMap<String, String>, path: &str, from: &str, to: &str| {
        let text = files.get_mut(path).unwrap();
        assert!(text.contains(from), "{path} has no {from}");
        *text = text.replacen(from, to, 1);
    };
    change(
        &mut files,
        "catalogue/purposes.toml",
        r#"bases = [{ recipients = ["mess"]"#,
        r#"bases = [{ recipients = ["mess", "afe"]"#,
    );
    change(
        &mut files,
        "catalogue/clients.toml",
        r#"purposes = ["aide-etudes"]"#,
        r#"purposes = ["aide-etudes", "aide-sociale"]"#,
    );
    change(&mut files, AGREEMENTS, "attributes =", &format!("functions = [{functions}]\nattributes ="));
    let bodies = files.get_mut("catalogue/bodies.toml").unwrap();
    let start = bodies.find("[bodies.mess]").unwrap();
    let mess =
        bodies.split_off(start).replacen("from = \"2020-01-01\"", "from = \"2020-01-01\"\nuntil = \"2026-11-21\"", 1);
    bodies.push_str(&mess);
    let named = ["revision", "recouvrement"].map(|it| format!("{it} = {{ fr = \"x\", en = \"x\" }}\n")).concat();
    let edges = given.iter().map(|function| EDGE.replace("FUNCTION", function)).collect::<String>();
    let reform = format!("[functions]\n{named}\n{edges}");
    files.insert("catalogue/another-reform.toml".to_owned(), reform);
    in_force(files)
}

#[test]
fn an_agreement_follows_its_functions_to_the_body_that_takes_all_of_them() {
    let ask = || basis_ask(&["revenu.annee"]);
    let both = r#""revision", "recouvrement""#;
    let law = succeeded(both, &["revision", "recouvrement"]);
    let permit = law.decide(&afe(), ask(), &of_subject(), now()).unwrap();
    let hops: Vec<_> =
        permit.kept().hops().iter().map(|hop| (hop.from.as_str(), hop.to.as_str(), hop.function.as_str())).collect();
    assert_eq!(hops, [("mess", "afe", "recouvrement"), ("mess", "afe", "revision")]);
    assert!(permit.grounds().citations().iter().any(|it| it.cite == "2026, c. 1" && it.to_confirm));
    assert!(decided(&law, ask(), now()).contains(&"body-gone".to_owned()));
    // A second before midnight, the ministry is still there, and nobody is in its place.
    let before = "2026-11-21T04:59:59Z".parse().unwrap();
    assert_eq!(decided(&law, ask(), before), [""; 0]);
    assert_eq!(ids(&law.decide(&afe(), ask(), &of_subject(), before)), ["agreement-parties"]);
    // One function of two, or none named: the agreement does not follow.
    for (functions, given) in [(both, &["revision"][..]), ("", &["revision"])] {
        let law = succeeded(functions, given);
        assert_eq!(ids(&law.decide(&afe(), ask(), &of_subject(), now())), ["agreement-parties"]);
    }
}

#[test]
fn without_its_own_basis_or_subject_nothing_moves() {
    let nobody = law().decide(&mess(), basis_ask(&["revenu.annee"]), &known(Known::Nothing), now());
    assert!(nobody.is_err());
    // Another body may not lean on the ministry's agreement: for it the purpose rests on consent, and there is none.
    let elsewhere = law().decide(&afe(), basis_ask(&["revenu.annee"]), &of_subject(), now());
    assert!(ids(&elsewhere).contains(&"no-consent"));
    // A consent's grant does not carry an ask on another basis, nor the reverse.
    let by_will = Ask { on: Relied::Basis, ..ask(&["revenu.annee"]) };
    assert_eq!(ids(&law().decide(&afe(), by_will, &facts(consent(terms())), now())), ["no-consent"]);
}

#[test]
fn what_a_body_relies_on_is_decided_before_anyone_comes_as_its_release_will_be() {
    let relies = |law: &InForce, names: &[&str]| {
        let act = Reliance { purpose: "aide-sociale".parse().unwrap(), attributes: attributes(names) };
        let decided = law.decide(&mess(), act, &client_facts(), now());
        decided.map(|permit| permit.grounds().facts_text().to_owned()).map_err(|denial| told(&denial))
    };
    let release = law().decide(&mess(), basis_ask(&["revenu.annee"]), &of_subject(), now()).unwrap();
    assert_eq!(relies(&law(), &["revenu.annee"]).unwrap(), release.grounds().facts_text());
    let pending = law_with(AGREEMENTS, r#"received = "2026-02-20""#, r#"received = "2026-12-31""#);
    assert_eq!(relies(&pending, &["revenu.annee"]).unwrap_err(), ["agreement-not-received"]);
    // Where the person's will is the basis, nobody relies on anything else.
    let will = law_with("catalogue/purposes.toml", "bases = [{ recipients", "bases = [] #");
    assert!(relies(&will, &["revenu.annee"]).is_err());
}

#[test]
fn an_act_is_cited_with_its_section_and_permits_nothing_alone_outside_a_demonstration() {
    let bases = r#"basis = { on = "agreement", agreement = "entente-revenu-mess" }"#;
    let act = r#"basis = { on = "act", provision = "disposition" }"#;
    let mut files = files_with("catalogue/purposes.toml", bases, act);
    let agreements = files.get_mut(AGREEMENTS).unwrap();
    agreements.push_str("\n[provisions.disposition]\ncite = \"X-1, art. 1\"\n");
    let law = in_force(files);
    let permit = law.decide(&mess(), basis_ask(&["revenu.annee"]), &of_subject(), now()).unwrap();
    let cited: Vec<_> = permit.grounds().citations().iter().map(|it| (it.cite.as_str(), it.to_confirm)).collect();
    assert_eq!(cited, [("A-2.1, art. 67", true), ("A-2.1, art. 59", true), ("X-1, art. 1", true)]);
}

#[test]
fn a_basis_that_is_none_is_refused_at_load_with_what_takes_its_place() {
    let agreement = r#"on = "agreement", agreement = "entente-revenu-mess""#;
    for (word, fix) in [
        ("68.1", "repealed"),
        ("59(5)", "repealed"),
        ("59(6)", "repealed"),
        ("59(7)", "repealed"),
        ("70", "repealed"),
        ("65.0.2", "no basis of a release"),
        ("59(4)", "an officer releases"),
        ("68(2)", "an officer releases"),
    ] {
        let files = files_with("catalogue/purposes.toml", agreement, &format!(r#"on = "{word}""#));
        let findings = Bundle::from_files(files).load().unwrap_err();
        assert!(findings.iter().any(|it| it.fix.contains(fix) && it.file == "catalogue/purposes.toml"), "{findings:?}");
    }
}
