//! An operator rehearses a change of the rules on what was decided, over the running broker.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use unefois::dev::world::World;
use unefois::policy::product_rules;

use super::harness::{
    ADDRESSES, CHANGE_OF_ADDRESS, Log, PORTAL, Person, RESIDENCE, TOWN, client, log_size, program, reasons,
};

/// What was decided before the rules are rehearsed: three releases to the town, one to another body, two asks of the town
/// for more than its purpose needs, and one after the consent was withdrawn.
async fn decided() -> World {
    let world = World::make(false, None).await.unwrap();
    let (portal, town, saaq) =
        (client(&world, PORTAL).await, client(&world, TOWN).await, client(&world, ADDRESSES).await);
    let mut person = Person::new(&world, "alice");
    person.give_address(&world, &portal).await;
    let residence = person.consent(&world, &town, &RESIDENCE).await;
    let address = person.consent(&world, &saaq, &CHANGE_OF_ADDRESS).await;
    for key in ["cle-1", "cle-2", "cle-3"] {
        assert_eq!(town.release(&residence.token, key, &residence.ask).await.unwrap().status, 200);
    }
    assert_eq!(saaq.release(&address.token, "cle-1", &address.ask).await.unwrap().status, 200);
    // Its one use is taken: no rule says so, and none can say otherwise.
    assert_eq!(saaq.release(&address.token, "cle-2", &address.ask).await.unwrap().status, 403);
    let mut more = residence.ask.clone();
    more["attributes"] = json!(["adresse.municipalite", "adresse.ligne"]);
    for key in ["cle-4", "cle-5"] {
        let refused = town.release(&residence.token, key, &more).await.unwrap();
        assert_eq!(reasons(&refused), ["attribute-outside-purpose"], "{}", refused.text());
    }
    // Refused by two rules, for the grant went with the consent: to change one of them changes nothing.
    person.withdraw(&world, &residence.consent).await;
    assert_eq!(town.release(&residence.token, "cle-6", &residence.ask).await.unwrap().status, 403);
    world
}

/// The product's rules in a folder of the world, with one text in one file replaced.
fn draft(world: &World, name: &str, file: &str, from: &str, to: &str) -> PathBuf {
    let mut files: BTreeMap<String, String> = product_rules();
    let text = files.get_mut(file).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    *text = text.replacen(from, to, 1);
    let folder = world.folder.join(name);
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

async fn unefois(world: &World, options: &[&str]) -> std::process::Output {
    let mut program = tokio::process::Command::new(program());
    let program = program.arg("policy").args(options).env("UNEFOIS_CONFIG", world.folder.join("unefois.toml"));
    program.output().await.unwrap()
}

async fn rehearse(world: &World, draft: &Path, options: &[&str]) -> std::process::Output {
    let draft = draft.to_str().unwrap();
    unefois(world, &[&["rehearse", "--draft", draft, "--days", "1", "--operator", "Ana"], options].concat()).await
}

async fn said(world: &World, draft: &Path) -> Value {
    let output = rehearse(world, draft, &["--reason", "Avis 7", "--json"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_slice(&output.stdout).unwrap()
}

const OUTSIDE: &str = "rules/attribute-outside-purpose.cedar";
const WITHDRAWN: &str = "rules/consent-withdrawn.cedar";

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_counts_what_one_rule_turns_round_and_is_itself_an_entry() {
    let world = decided().await;
    let size = log_size(&world).await;

    // Without a reason, nothing is counted.
    let forgiving = draft(&world, "forgiving", OUTSIDE, "containsAll", "containsAny");
    let silent = rehearse(&world, &forgiving, &[]).await;
    assert_eq!(silent.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&silent.stderr).contains("--reason"));
    assert_eq!(log_size(&world).await, size);
    let blank = rehearse(&world, &forgiving, &["--reason", "  "]).await;
    assert_eq!(blank.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&blank.stderr).contains("reading-without-reason"));

    let rehearsed = said(&world, &forgiving).await;
    let counted = |what: &str| {
        let of = &rehearsed[what];
        (of["count"].clone(), of["by_body"].clone(), of["by_purpose"].clone(), of["by_rule"].clone())
    };
    let none = (json!(0), json!({}), json!({}), json!({}));
    let two = (
        json!(2),
        json!({"ville-de-val-cendre": 2}),
        json!({"residence-municipale": 2}),
        json!({"attribute-outside-purpose": 2}),
    );
    assert_eq!((counted("denials"), counted("permits")), (none, two), "{rehearsed:#}");
    assert_eq!((&rehearsed["persons"], &rehearsed["entry"]), (&json!(1), &json!(size + 1)));
    assert_eq!(rehearsed["replayed"], rehearsed["decisions"]);

    let strict = draft(&world, "strict", WITHDRAWN, "\"withdrawn\"", "\"given\"");
    let rehearsed = said(&world, &strict).await;
    assert_eq!((&rehearsed["denials"]["count"], &rehearsed["permits"]["count"]), (&json!(4), &json!(0)));
    assert_eq!(rehearsed["denials"]["by_body"], json!({"saaq": 1, "ville-de-val-cendre": 3}));

    let csv = rehearse(&world, &strict, &["--reason", "Avis 7", "--csv"]).await;
    let csv = String::from_utf8(csv.stdout).unwrap();
    assert!(csv.contains("\npermit to deny,body,ville-de-val-cendre,3\n"), "{csv}");
    let table = rehearse(&world, &strict, &["--reason", "Avis 7"]).await;
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("permit to deny: 4\n") && table.contains("persons and enterprises concerned: 1"), "{table}");

    // What was decided before a fact was stated is not decided again, and no fact is made up.
    let novel = "consent: String,\n        novel: Bool,";
    let moved = draft(&world, "moved", "schema/release.cedarschema", "consent: String,", novel);
    let rehearsed = said(&world, &moved).await;
    assert_eq!(rehearsed["not_replayed"], json!({"release-by-consent: it had no fact `novel`": 8}), "{rehearsed:#}");

    let log = Log::export(&world).await;
    log.audited(&world, Vec::new());
    let entries = log.of(&["rehearsal"]);
    assert_eq!(entries.len(), 5);
    let (act, person) = (&entries[0].act, &entries[0].person);
    assert_eq!(
        (&act["operator"], &act["reason"], &act["reading_for"]),
        (&json!("Ana"), &json!("Avis 7"), &json!("rehearsal"))
    );
    assert_eq!((act["draft"].as_str().unwrap().len(), &act["entries"]), (43, &json!(size + 1)));
    assert_eq!((act["citations"][0]["cite"].as_str(), person), (Some("A-2.1, art. 63.5"), &json!({})));
    assert_eq!(log.of(&["refusal"]).last().unwrap().act["rules"], json!(["reading-without-reason"]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_draft_would_ask_again_is_counted() {
    let world = World::make(false, None).await.unwrap();
    let (portal, town) = (client(&world, PORTAL).await, client(&world, TOWN).await);
    for (persona, withdraws) in [("alice", false), ("noe", false), ("luc-14", true)] {
        let mut person = Person::new(&world, persona);
        person.give_address(&world, &portal).await;
        let held = person.consent(&world, &town, &RESIDENCE).await;
        if withdraws {
            person.withdraw(&world, &held.consent).await;
        }
    }
    let folder = world.folder.join("wider");
    for (path, text) in &world.files {
        let text = if path.ends_with("purposes.toml") {
            let mut table: toml::Table = text.parse().unwrap();
            let purpose = table["purposes"]["residence-municipale"].as_table_mut().unwrap();
            let days = purpose["longest_days"].as_integer().unwrap();
            purpose.insert("longest_days".into(), (days + 1).into());
            table.to_string()
        } else {
            text.clone()
        };
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let diff = unefois(&world, &["diff", "--in-force", folder.to_str().unwrap(), "--json"]).await;
    let diff: Value = serde_json::from_slice(&diff.stdout).unwrap();
    assert_eq!(diff["widened"].as_array().unwrap().len(), 1, "{diff:#}");
    let widened = &diff["widened"][0];
    assert_eq!((&widened["consents"], &widened["differences"][0]["what"]), (&json!(2), &json!("longer")));
    assert_eq!(diff["catalogue"][0]["at"], "purposes/residence-municipale/longest_days");
    assert!(diff["rules"].as_array().unwrap().is_empty());
    assert_eq!(said(&world, &folder).await["asked_again"], diff["widened"]);
    world.end().await;
}
