//! Strict loading: what is wrong is found, where it stands, with what to do.

use std::collections::BTreeMap;
use std::path::Path;

use super::{demo_files, real_files};
use crate::policy::bundle::{CATALOGUE, RULES, SCHEMA};
use crate::policy::{Bundle, keys_moved};

#[test]
fn the_demo_bundle_loads_without_a_finding() {
    let loaded = Bundle::from_files(demo_files()).load().unwrap_or_else(|findings| panic!("{findings:#?}"));
    assert!(loaded.notes().is_empty() && loaded.catalogue().demo);
}

fn findings(change: impl FnOnce(&mut BTreeMap<String, String>)) -> Vec<String> {
    let mut files = demo_files();
    change(&mut files);
    let findings = Bundle::from_files(files).load().err();
    findings.iter().flatten().map(ToString::to_string).collect()
}

fn replaced(path: &str, from: &str, to: &str) -> Vec<String> {
    findings(|files| {
        let text = files.get_mut(path).unwrap();
        assert!(text.contains(from), "{from}");
        *text = text.replacen(from, to, 1);
    })
}

#[test]
fn everything_wrong_is_told_at_once_with_place_and_suggestion() {
    let found = findings(|files| {
        let purposes = files.get_mut("catalogue/purposes.toml").unwrap();
        *purposes = purposes.replacen("longest_days", "longest_day", 1).replacen("refusal =", "refusl =", 1);
        let clients = files.get_mut("catalogue/clients.toml").unwrap();
        *clients = clients.replacen("body = \"afe\"", "body = \"affe\"", 1);
        let rule = files.get_mut("rules/one-purpose.cedar").unwrap();
        *rule = rule.replacen("context.same_purpose", "context.same_purposes", 1);
        files.insert("notes.txt".to_owned(), String::new());
    });
    let has = |parts: &[&str]| {
        assert!(found.iter().any(|it| parts.iter().all(|p| it.contains(p))), "{parts:?} in {found:#?}");
    };
    has(&["catalogue/purposes.toml:8:", "`longest_day`", "did you mean `longest_days`?"]);
    has(&["catalogue/purposes.toml:10:", "`refusl`", "did you mean `refusal`?"]);
    has(&["catalogue/clients.toml:14:", "no body `affe`", "did you mean `afe`?"]);
    has(&["rules/one-purpose.cedar:16:", "same_purposes"]);
    has(&["notes.txt:1:", "no part of a bundle"]);
}

#[test]
fn faults_of_the_catalogue_are_found() {
    let table = [
        ("bodies", "demo = true", "demmo = true", "did you mean `demo`?"),
        ("bodies", "[bodies.bqtu]", "[bodies.BQTU]", "not a valid body name"),
        ("bodies", "from = \"2024-04-01\"", "from = \"2024-04-01\"\nuntil = \"2024-04-01\"", "ends before it begins"),
        ("bodies", "from = \"2024-04-01\"", "from = \"2024-4-1\"", "YYYY-MM-DD"),
        (
            "bodies",
            "[bodies.afe]\n",
            "[bodies.afe]\nencryption_key = { kty = \"EC\", crv = \"P-256\", x = \"AA\" }\n",
            "expected: a P-256 key",
        ),
        ("bodies", "demo = true", "demo = true\ndemo = false", "duplicate key"),
        ("bodies", "public_under = [\"A-2.1, art. 3\"]", "public_under = []", "no provision makes it a public body"),
        ("bodies", "[\"A-2.1, art. 3\"]", "[\" \"]", "for example `A-2.1, art. 3`"),
        ("kinds", "holder = \"bqtu\"", "holder = \"bqtv\"", "did you mean `bqtu`?"),
        ("kinds", "collected_for = \"aide-etudes\"", "collected_for = \"aide\"", "no purpose `aide`"),
        ("kinds", "\"maxLength\": 120", "\"maxLength\": -1", "does not compile"),
        ("kinds", "\"additionalProperties\": false,", "", "lets other members in"),
        ("kinds", "\"ligne\": {", "\"lignes\": {", "`lignes` is not in the attributes"),
        ("kinds", "code-postal = {", "codepostal = {", "did you mean `code-postal`?"),
        ("kinds", ", claim = \"birthdate\"", "", "origin and its claim disagree"),
        ("kinds", "claim = \"birthdate\"", "claim = \"fingerprint\"", "unknown variant"),
        ("kinds", "{ fr = \"Revenu\", en = \"Income\" }", "{ fr = \"Revenu\" }", "missing field `en`"),
        ("purposes", "\"revenu.annee\" =", "\"revenu.anne\" =", "did you mean `revenu.annee`?"),
        ("purposes", "en = \"Student financial assistance\"", "en = \" \"", "the text is empty"),
        ("marches", "origin = \"attested\"", "origin = \"subject\"", "only what a body attests is valid for a time"),
        ("marches", "issued = \"delivree-le\"", "issued = \"delivree\"", "did you mean `delivree-le`?"),
        ("marches", "until = \"third-month-end\"", "until = \"third-month\"", "did you mean `third-month-end`?"),
        ("marches", "subject = \"enterprise\"\n", "", "subject = \"enterprise\""),
        ("marches", "holder = \"revenu-quebec\"", "holder = \"cag\"", "is held by `cag`"),
        (
            "marches",
            "longest_days = 365",
            "longest_days = 365\nbases = [{ recipients = [\"cag\"], basis = { on = \"act\", provision = \"x\" } }]",
            "an occasion needs the will of the subject",
        ),
        ("clients", "kinds = [\"attestation-fiscale\"]", "kinds = [\"revenu\"]", "`revenu` is not attested by anyone"),
        ("clients", "kinds = [\"attestation-fiscale\"]", "kinds = [\"attestation\"]", "no kind `attestation`"),
        ("clients", "identifiers = [\"neq\"]", "identifiers = []", "it can name nobody"),
        ("clients", "identifiers = [\"neq\"]", "identifiers = [\"nas\"]", "unknown variant"),
        (
            "clients",
            "drafts = [\"adresse\", \"revenu\"]",
            "drafts = [\"attestation-fiscale\"]",
            "is not declared by the person",
        ),
        ("purposes", "[\"afe\"]", "[]", "no body may ask for it"),
        ("purposes", "max_uses = 3", "max_uses = 0", "would serve nothing"),
        (
            "purposes",
            "\"adresse.depuis\" = { fr = \"Certains",
            "\"adresse.municipalite\" = { fr = \"Certains",
            "both necessary and optional",
        ),
        ("instruments", "\"saaq\",", "\"sacq\",", "did you mean `saaq`?"),
        ("instruments", "under = \"64\"", "under = \"68.1\"", "unknown variant"),
        ("instruments", "under = \"64\"", "under = \"12.14\"", "needs an instrument under s. 64 or 67.2"),
        ("instruments", "\"universite-du-fleuve\"", "\"saaq\"", "does not bind `universite-du-fleuve`"),
        ("clients", "[\"aide-etudes\"]", "[\"changement-adresse\"]", "`afe` is no recipient of"),
        ("clients", "drafts = [\"adresse\"", "drafts = [\"identite\"", "not declared by the person"),
        (
            "clients",
            "kind = \"COLLECTOR\", instrument",
            "kind = \"COLLECTOR\", purposes = [], instrument",
            "unknown field `purposes`",
        ),
        (
            "clients",
            "kind = \"AGENCY\", purposes = [\"aide-etudes\"]",
            "kind = \"RELAY\", purposes = []",
            "unknown field `purposes`",
        ),
        (
            "clients",
            "body = \"afe\"\n",
            "body = \"afe\"\nredirect_uris = [\"http://afe.example/retour\"]\n",
            "cannot be returned to",
        ),
        (
            "clients",
            "body = \"afe\"\n",
            "body = \"afe\"\njwks_uri = \"https://afe.example\"\n",
            "unknown field `jwks_uri`",
        ),
        ("clients", "office = \"access\"\n", "office = \"access\"\nmay = [\"approve\"]\n", "can approve nothing"),
        ("clients", "office = \"privacy\"\n", "office = \"privacy\"\nmay = [\"approve\"]\n", "can approve nothing"),
        ("clients", "office = \"privacy\"\n", "office = \"privacy\"\nmay = [\"approuve\"]\n", "unknown variant"),
        (
            "clients",
            "office = \"privacy\"\n",
            "office = \"privacy\"\nkey = { kty = \"EC\", crv = \"P-256\", x = \"AA\" }\n",
            "expected: an Ed25519 key",
        ),
        ("clients", "office = \"access\"", "office = \"acces\"", "did you mean `access`?"),
    ];
    for (file, from, to, expected) in table {
        let found = replaced(&format!("catalogue/{file}.toml"), from, to);
        assert!(found.iter().any(|it| it.contains(expected)), "{to}: {found:#?}");
    }
}

#[test]
fn faults_of_the_rules_are_found() {
    let path = "rules/minor-under-14.cedar";
    let table = [
        ("@id(\"minor-under-14\")", "@id(\"minor\")", "1: @id is missing or not well formed"),
        ("@cite(\"A-2.1, art. 53.1\")", "@cite(\"art. 53.1\")", "2: @cite"),
        ("@cite(\"A-2.1, art. 53.1\")", "@cite(\"A-2.1, art. 53.1; 2020\")", "2: @cite"),
        (
            "@cite(\"A-2.1, art. 53.1\")",
            "@cite(\"A-2.1, art. 53.1; 2020, c. 2\")",
            "as many days as there are provisions",
        ),
        ("@read(\"none\")", "@read(\"in force\")", "3: @read"),
        ("@rows(\"4 8\")", "", "@rows is missing"),
        ("@rows(\"4 8\")", "@rows(\"4, 8\")", "@rows is missing or not well formed"),
        ("@rows(\"4 8\")", "@rows(\"43\")", "rows of the table"),
        ("@status(\"to-confirm\")", "@status(\"read\")", "nothing dated was read"),
        ("@about(\"person\")", "@abuot(\"person\")", "did you mean @about?"),
        ("@about(\"person\")", "", "@about is missing"),
        ("@fr(\"", "@fr(\" ", "@fr is missing or not well formed"),
        ("action in [Action::\"give-consent\", Action::\"release-by-consent\"]", "action", "does not name its actions"),
        ("Action::\"give-consent\"", "Action::\"give-consents\"", "known actions"),
        ("context.minor_alone", "context.minor_alone == \"yes\"", "minor-under-14.cedar:16:"),
        ("context.minor_alone", "context.minor_alone || context.born", "born"),
        ("forbid (", "forbid (principal, action, resource); forbid (", "minor-under-14.cedar:"),
    ];
    for (from, to, expected) in table {
        let found = replaced(path, from, to);
        assert!(found.iter().any(|it| it.contains(expected)), "{to}: {found:#?}");
    }
    assert!(!findings(|files| files.retain(|path, _| !path.starts_with(RULES))).is_empty());
}

#[test]
fn faults_of_the_schema_are_found_in_their_file() {
    let table = [
        ("action \"read-log\"", "action \"read-logs\"", "read-log.cedarschema:1: unknown action read-logs"),
        ("action \"read-log\"", "action \"check\"", "read-log.cedarschema:1:"),
        ("reaches: Bool", "reaches: Boole", "read-log.cedarschema:7:"),
        ("reaches: Bool", "reaches Bool", "read-log.cedarschema:7:"),
        ("principal: Officer", "principal: Clerk", "read-log.cedarschema:2:"),
    ];
    for (from, to, expected) in table {
        let found = replaced("schema/read-log.cedarschema", from, to);
        assert!(found.iter().any(|it| it.contains(expected)), "{to}: {found:#?}");
    }
    let gone = findings(|files| files.retain(|path, _| !path.starts_with(SCHEMA)));
    assert!(gone.contains(&"schema/:1: there is no schema (it says what rules may look at)".to_owned()), "{gone:#?}");
}

#[test]
fn a_key_is_one_officers() {
    let key = r#"key = { kty = "OKP", crv = "Ed25519", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }"#;
    let twice = |files: &mut BTreeMap<String, String>| {
        let text = files.get_mut("catalogue/clients.toml").unwrap();
        *text = text.replace("[[delegations]]", &format!("[[delegations]]\n{key}"));
    };
    let found = findings(twice);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("the key is also that of another officer"));
    // One officer may hold two delegations with it.
    let found = findings(|files| {
        twice(files);
        let text = files.get_mut("catalogue/clients.toml").unwrap();
        *text = text.replace("marc-etienne-lachance", "odile-brossard");
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_real_purpose_is_assessed() {
    let mut files = real_files();
    assert!(Bundle::from_files(files.clone()).load().is_ok());
    let purposes = files.get_mut("catalogue/purposes.toml").unwrap();
    *purposes = purposes.replacen("approved = \"2026-08-30\"", "approved = \"2026-03-01\"", 1);
    let end = purposes.find("[purposes.residence-municipale.assessment]").unwrap();
    purposes.truncate(end);
    let found = Bundle::from_files(files).load().unwrap_err();
    let messages: Vec<_> = found.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(
        messages,
        ["its effect on privacy was not assessed (s. 63.5)", "it was approved before the project began"]
    );
}

#[test]
fn a_key_is_one_bodys() {
    let key = r#"{ kty = "OKP", crv = "Ed25519", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }"#;
    let of = |clients: &[&str], files: &mut BTreeMap<String, String>| {
        let text = files.get_mut("catalogue/clients.toml").unwrap();
        for client in clients {
            *text = text.replace(&format!("[clients.{client}]"), &format!("[clients.{client}]\nkeys = [{key}]"));
        }
    };
    let found = findings(|files| of(&["saaq-adresses", "afe-demandes"], files));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("catalogue/clients.toml:") && found[0].contains("the key is also that of `afe`"));
    // One body may use one key twice.
    let of_saaq = |files: &mut BTreeMap<String, String>| {
        of(&["saaq-adresses", "afe-demandes"], files);
        let text = files.get_mut("catalogue/clients.toml").unwrap();
        *text = text.replace("body = \"afe\"", "body = \"saaq\"").replace("[\"aide-etudes\"]", "[]");
    };
    assert_eq!(findings(of_saaq), Vec::<String>::new());
    // Nor does it go to another body from one bundle to the next.
    let loaded = |clients: &[&str]| {
        let mut files = demo_files();
        of(clients, &mut files);
        Bundle::from_files(files).load().unwrap()
    };
    let (before, after) = (loaded(&["saaq-adresses"]), loaded(&["afe-demandes"]));
    let saaq = "saaq".parse().unwrap();
    assert_eq!(keys_moved(before.catalogue(), after.catalogue()), [("clients.afe-demandes.keys".to_owned(), &saaq)]);
    assert!(keys_moved(before.catalogue(), before.catalogue()).is_empty());
}

#[test]
fn a_name_stands_once_across_files() {
    let again = "[bodies.afe]\nname = { fr = \"a\", en = \"a\" }\n";
    let found = findings(|files| drop(files.insert("catalogue/more.toml".to_owned(), again.to_owned())));
    assert_eq!(found, ["catalogue/more.toml:1: `afe` is already at catalogue/bodies.toml:24"]);
}

#[test]
fn a_purpose_outside_the_act_is_noted() {
    let mut files = demo_files();
    let kinds = files.get_mut("catalogue/kinds.toml").unwrap();
    let tail = kinds.split_off(kinds.find("[kinds.revenu]").unwrap());
    kinds.push_str(&tail.replacen("regime = \"A-2.1\"", "regime = \"A-6.002\"", 1));
    let loaded = Bundle::from_files(files).load().unwrap();
    let notes: Vec<_> = loaded.notes().iter().map(|note| note.message.as_str()).collect();
    assert_eq!(notes.len(), 4);
    assert!(notes.iter().all(|note| note.contains("not under A-2.1")));
}

#[test]
fn what_dev_makes_can_be_written_into_the_demo_catalogue() {
    let mut files = demo_files();
    let text = files.get_mut("catalogue/clients.toml").unwrap();
    let mut clients: toml::Table = text.parse().unwrap();
    let uris = toml::Value::from(vec!["http://127.0.0.1:9000/retour"]);
    clients["clients"]["afe-demandes"].as_table_mut().unwrap().insert("redirect_uris".to_owned(), uris);
    clients["delegations"][0].as_table_mut().unwrap().insert("issuer".to_owned(), "http://127.0.0.1:9001".into());
    *text = toml::to_string(&clients).unwrap();
    let loaded = Bundle::from_files(files).load().unwrap();
    assert_eq!(loaded.catalogue().clients[&"afe-demandes".parse().unwrap()].redirect_uris.len(), 1);
    assert_eq!(loaded.catalogue().delegations[0].issuer, "http://127.0.0.1:9001");
}

#[test]
fn a_folder_is_read_as_a_bundle() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let found = Bundle::read(&folder).unwrap_err();
    assert_eq!(found.iter().map(|finding| finding.file.as_str()).collect::<Vec<_>>(), [CATALOGUE]);
}
