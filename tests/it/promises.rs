//! The promises (DESIGN 2), each by its name, as far as no other file keeps them: P2 and P5 in `races`, P9 in `redis`
//! and `start`.

use serde_json::{Value, json};
use unefois::app::{self, Command};
use unefois::clock::{Clock as _, SystemClock};
use unefois::crypto::sha256;
use unefois::dev::browser::Page;
use unefois::dev::play;
use unefois::dev::world::{Founded, Setting, World};
use unefois::jose::b64;
use unefois::verify;

use super::harness::{
    ADDRESSES, Broker, CHANGE_OF_ADDRESS, Handed, INCOME, Log, OLD_TOWN, PORTAL, PURPOSES, Person, RESIDENCE,
    STUDENT_AID, TOWN, Wanted, activate, address, client, log_size, push, reasons,
};

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_token_comes_with_its_evidence() {
    let world = World::make(false, None).await.unwrap();
    let (portal, agency) = (client(&world, PORTAL).await, client(&world, TOWN).await);
    let mut person = Person::new(&world, "alice");
    person.give_address(&world, &portal).await;
    let held = person.consent(&world, &agency, &RESIDENCE).await;
    let mut handed = Vec::new();
    for key in ["cle-1", "cle-2"] {
        let answer = agency.release(&held.token, key, &held.ask).await.unwrap();
        handed.push(Handed::of(key, &answer).unwrap());
    }
    let jwks = world.wire().unwrap().get(&format!("{}/jwks", world.issuer)).await.unwrap().text();
    let keys = verify::Jwks::parse(&jwks).unwrap();
    let vkey = verify::Vkey::parse(&world.vkey).unwrap();
    let expected =
        verify::Expected { issuer: &world.issuer, audience: "ville-de-val-cendre", now: SystemClock.now().unix() };
    let [first, second] = [&handed[0], &handed[1]].map(|one| {
        let proof = verify::EntryProof::verify(&one.proof, &vkey).unwrap();
        (verify::DataToken::verify(&one.token, &keys, &expected).unwrap(), proof)
    });
    first.0.check_entry(&first.1).unwrap();
    second.0.check_entry(&second.1).unwrap();
    // Another release's evidence is none for this one, though nothing but salt and number differ.
    assert!(first.0.check_entry(&second.1).is_err());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_a_token_holds_the_least() {
    let world = World::make(false, None).await.unwrap();
    let portal = client(&world, PORTAL).await;
    let mut person = Person::new(&world, "alice");
    person.give_address(&world, &portal).await;
    let values = |handed: &Handed| {
        let claims = handed.claims();
        let mut values: Vec<_> = claims["values"].as_object().unwrap().keys().cloned().collect();
        values.sort();
        values
    };

    // What the person left unticked is left out, though it is asked for.
    let agency = client(&world, TOWN).await;
    let wanted = Wanted { optional: &["adresse.depuis"], ..RESIDENCE };
    let held = person.consent(&world, &agency, &wanted).await;
    assert_eq!(held.token.details[0]["datatypes"], json!(["adresse.municipalite"]));
    let answer = agency.release(&held.token, "cle-1", &held.ask).await.unwrap();
    assert_eq!(values(&Handed::of("cle-1", &answer).unwrap()), ["adresse.municipalite"]);
    // What is not asked for is left out, though the person agreed.
    let agency = client(&world, ADDRESSES).await;
    let held = person.consent(&world, &agency, &CHANGE_OF_ADDRESS).await;
    let mut ask = held.ask.clone();
    ask["attributes"] = json!(["adresse.code-postal"]);
    let answer = agency.release(&held.token, "cle-1", &ask).await.unwrap();
    assert_eq!(values(&Handed::of("cle-1", &answer).unwrap()), ["adresse.code-postal"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_every_answer_cites_the_law_and_bodies_learn_nothing_of_persons() {
    let world = World::make(false, None).await.unwrap();
    let portal = client(&world, PORTAL).await;
    let (agency, other) = (client(&world, TOWN).await, client(&world, ADDRESSES).await);
    let mut person = Person::new(&world, "alice");
    person.give_address(&world, &portal).await;
    let mut erased = Person::new(&world, "noe");
    erased.give_address(&world, &portal).await;
    let theirs = person.consent(&world, &other, &CHANGE_OF_ADDRESS).await;
    let gone = erased.consent(&world, &agency, &RESIDENCE).await;
    let held = person.consent(&world, &agency, &RESIDENCE).await;

    let answer = agency.release(&held.token, "cle-1", &held.ask).await.unwrap();
    let claims = Handed::of("cle-1", &answer).unwrap().claims();
    let cited = claims["basis"]["citations"].as_array().unwrap();
    assert!(!cited.is_empty() && cited.iter().all(|citation| citation["cite"].as_str().is_some()));

    person.withdraw(&world, &held.consent).await;
    let (issuer, sub) = (world.persons.clone(), "noe".to_owned());
    let erase = Command::Erase { operator: "essai".to_owned(), issuer, sub, classes: Vec::new() };
    app::command(&world.config, erase).await.unwrap();
    let mut never = held.ask.clone();
    never["consent_id"] = json!("c_AAAAAAAAAAAAAAAAAAAAAA");
    let mut foreign = held.ask.clone();
    foreign["consent_id"] = json!(theirs.consent);
    let mut told = Vec::new();
    for (what, key, token, ask) in [
        ("withdrawn", "cle-2", &held.token, &held.ask),
        ("never given", "cle-3", &held.token, &never),
        ("another body's", "cle-4", &held.token, &foreign),
        ("erased", "cle-5", &gone.token, &gone.ask),
    ] {
        let answer = agency.release(token, key, ask).await.unwrap();
        assert_eq!((answer.status.as_u16(), reasons(&answer)), (403, vec!["no-authorisation".to_owned()]), "{what}");
        assert!(!answer.text().contains("en vigueur") && !answer.text().contains("in force"));
        told.push(answer.text());
    }
    assert!(told.iter().all(|text| *text == told[0]), "a body can tell why: {told:#?}");
    // The log holds the rule, and what was read.
    let log = Log::export(&world).await;
    let refusals = log.of(&["refusal"]);
    let rules: Vec<_> = refusals.iter().map(|entry| entry.act["rules"][0].as_str().unwrap()).collect();
    assert_eq!(rules[0], "consent-withdrawn");
    assert_eq!(rules.last(), Some(&"nothing-on-file"));
    let digest = told[0].parse::<Value>().unwrap()["rules"].clone();
    assert!(
        refusals.iter().all(|entry| entry.act["bundle"] == digest && entry.act["citations"][0]["cite"].is_string())
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_a_retry_delivers_the_same_record_versions_or_nothing() {
    let world = World::make(false, None).await.unwrap();
    let (portal, agency) = (client(&world, PORTAL).await, client(&world, TOWN).await);
    let mut person = Person::new(&world, "alice");
    let portal_token = person.give_address(&world, &portal).await;
    let held = person.consent(&world, &agency, &RESIDENCE).await;
    let first = Handed::of("cle-1", &agency.release(&held.token, "cle-1", &held.ask).await.unwrap()).unwrap();
    // Another kind moves the person's records, and none of those released.
    person.submit(&portal, &portal_token, "revenu", &json!({"annuel": 31_415, "annee": 2025})).await;
    let again = Handed::of("cle-1", &agency.release(&held.token, "cle-1", &held.ask).await.unwrap()).unwrap();
    assert_eq!(again.release, first.release);
    // The same values, given anew: another version.
    person.submit(&portal, &portal_token, "adresse", &address(OLD_TOWN)).await;
    let answer = agency.release(&held.token, "cle-1", &held.ask).await.unwrap();
    let told = answer.json();
    assert_eq!((answer.status.as_u16(), &told["release_id"]), (409, &json!(first.release)), "{told}");
    assert!(told.get("data_token").is_none() && !answer.text().contains(OLD_TOWN));
    let log = Log::export(&world).await;
    assert_eq!((log.of(&["release"]).len(), log.of(&["redelivery"]).len()), (1, 1));
    log.holds(&world, &[first, again]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_a_retry_delivers_nothing_that_was_given_anew_after_an_erasure() {
    let world = World::make(false, None).await.unwrap();
    let (portal, agency) = (client(&world, PORTAL).await, client(&world, TOWN).await);
    let mut person = Person::new(&world, "alice");
    let portal_token = person.give_address(&world, &portal).await;
    let held = person.consent(&world, &agency, &RESIDENCE).await;
    let first = Handed::of("cle-1", &agency.release(&held.token, "cle-1", &held.ask).await.unwrap()).unwrap();
    let (issuer, sub) = (world.persons.clone(), "alice".to_owned());
    let erase = Command::Erase { operator: "essai".to_owned(), issuer, sub, classes: Vec::new() };
    app::command(&world.config, erase).await.unwrap();
    // The same values once more: another record, of another version.
    person.submit(&portal, &portal_token, "adresse", &address(OLD_TOWN)).await;
    let answer = agency.release(&held.token, "cle-1", &held.ask).await.unwrap();
    let told = answer.json();
    assert_eq!((answer.status.as_u16(), &told["release_id"]), (409, &json!(first.release)), "{told}");
    let second = Handed::of("cle-2", &agency.release(&held.token, "cle-2", &held.ask).await.unwrap()).unwrap();
    let log = Log::export(&world).await;
    let versions: Vec<_> = log.deliveries().iter().map(|entry| entry.person["records"].clone()).collect();
    assert_eq!(versions.len(), 2);
    assert_ne!(versions[0], versions[1], "two records, one version");
    log.holds(&world, &[first, second]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_an_altered_log_is_told_by_its_first_departure() {
    let world = World::make(false, None).await.unwrap();
    let (portal, agency) = (client(&world, PORTAL).await, client(&world, TOWN).await);
    let mut person = Person::new(&world, "alice");
    person.give_address(&world, &portal).await;
    let held = person.consent(&world, &agency, &RESIDENCE).await;
    let before = Log::export(&world).await;
    let answer = agency.release(&held.token, "cle-1", &held.ask).await.unwrap();
    let handed = Handed::of("cle-1", &answer).unwrap();
    let log = Log::export(&world).await;
    let held = || verify::Trust {
        vkey: Some(world.vkey.clone()),
        checkpoints: Vec::new(),
        proofs: vec![handed.proof.clone()],
    };
    assert!(verify::audit(&log.folder, &held()).unwrap().ok);

    // An export from before, passed off as the whole log.
    assert!(!verify::audit(&before.folder, &held()).unwrap().ok);
    // Two entries in each other's place.
    let path = log.folder.join("leaves");
    let mut leaves = std::fs::read(&path).unwrap();
    let (left, right) = leaves.split_at_mut(3 * verify::LEAF_SIZE);
    left[2 * verify::LEAF_SIZE..].swap_with_slice(&mut right[..verify::LEAF_SIZE]);
    std::fs::write(&path, leaves).unwrap();
    let report = verify::audit(&log.folder, &held()).unwrap();
    let departs = serde_json::to_value(&report).unwrap()["departs"].clone();
    assert!(!report.ok && departs["entry"] == 2, "{departs}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_erasure_leaves_the_proofs() {
    let world = World::make(false, None).await.unwrap();
    let (portal, agency) = (client(&world, PORTAL).await, client(&world, TOWN).await);
    let mut person = Person::new(&world, "alice");
    person.give_address(&world, &portal).await;
    let held = person.consent(&world, &agency, &RESIDENCE).await;
    let answer = agency.release(&held.token, "cle-1", &held.ask).await.unwrap();
    let handed = Handed::of("cle-1", &answer).unwrap();
    for (classes, erased) in [(Vec::new(), 0), (vec!["evidence".to_owned()], 4)] {
        let (issuer, sub) = (world.persons.clone(), "alice".to_owned());
        let erase = Command::Erase { operator: "essai".to_owned(), issuer, sub, classes };
        app::command(&world.config, erase).await.unwrap();
        for key in ["cle-1", "cle-2"] {
            let answer = agency.release(&held.token, key, &held.ask).await.unwrap();
            assert_eq!(answer.status, 403, "{}", answer.text());
        }
        let log = Log::export(&world).await;
        log.audited(&world, vec![handed.proof.clone()]);
        let gone = log.entries.iter().filter(|entry| entry.person.is_null()).count();
        assert!(gone >= erased && (gone > 0) == (erased > 0), "{gone} person parts are erased");
    }
    world.end().await;
}

/// What must be found nowhere.
const CANARIES: &[&str] =
    &["Canari", "Sainte-Serine", "H0H 0H0", "H0H0H0", "987654", "Pelletier", "luc-14", "1961-02-03"];

fn quiet(where_: &str, text: &str) {
    for canary in CANARIES {
        assert!(!text.contains(canary), "{where_} holds {canary}");
    }
}

fn quiet_folder(folder: &std::path::Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            quiet_folder(&path);
        } else if let Ok(bytes) = std::fs::read(&path) {
            quiet(&path.display().to_string(), &String::from_utf8_lossy(&bytes));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_nothing_personal_is_in_logs_addresses_errors_leaves_or_in_clear_on_disk() {
    let world = Founded::found(Setting::default()).await.unwrap();
    let broker = Broker::start(&world, &["--trial"]).await;
    let portal = client(&world, PORTAL).await;
    let mut person = Person::new(&world, "luc-14");
    let portal_token = person.open_portal(&world, &portal).await;
    // A draft out of form is refused without being quoted.
    let wrong = json!({"ligne": 987_654, "municipalite": "Sainte-Serine"});
    let refused = portal.draft(&portal_token, "adresse", &wrong, "etat").await.unwrap();
    assert_eq!(refused.status, 422);
    quiet("a refusal", &refused.text());
    let mut home = address("Sainte-Serine");
    (home["ligne"], home["code-postal"], home["depuis"]) =
        (json!("7, rang du Canari"), json!("H0H 0H0"), json!("1961-02-03"));
    person.submit(&portal, &portal_token, "adresse", &home).await;
    person.submit(&portal, &portal_token, "revenu", &json!({"annuel": 987_654, "annee": 2025})).await;
    quiet("what is on file", &portal.check(&portal_token).await.unwrap().text());
    for (id, wanted) in [(ADDRESSES, &CHANGE_OF_ADDRESS), (STUDENT_AID, &INCOME)] {
        let agency = client(&world, id).await;
        let held = person.consent(&world, &agency, wanted).await;
        let answer = agency.release(&held.token, "canari-1", &held.ask).await.unwrap();
        assert!(Handed::of("canari-1", &answer).is_some(), "{}", answer.text());
        quiet("an access token's details", &held.token.details.to_string());
        person.withdraw(&world, &held.consent).await;
        quiet("a refusal", &agency.release(&held.token, "canari-2", &held.ask).await.unwrap().text());
    }
    for url in person.browser.visited() {
        quiet("an address", url);
    }
    // Everyone else's paths too: officers, refusals, exports.
    let steps = play(&world, |_| {}).await;
    assert!(steps.iter().all(|step| step.ok), "{steps:#?}");

    let log = Log::export(&world).await;
    quiet("the leaves", &String::from_utf8_lossy(&std::fs::read(log.folder.join("leaves")).unwrap()));
    quiet("the acts", &std::fs::read_to_string(log.folder.join("acts.jsonl")).unwrap());
    quiet("the persons' parts", &std::fs::read_to_string(log.folder.join("persons.jsonl")).unwrap());
    broker.terminate().await;
    let said = std::fs::read_to_string(world.folder.join("broker.log")).unwrap();
    assert!(said.contains("/v1/releases") && said.contains("\"DEBUG\""), "nothing was logged that could be quiet");
    quiet("the log of the process", &said);
    quiet_folder(&world.config.data);
    quiet_folder(&world.config.keys.folder);
    world.end();
}

/// Classes of the buttons that decide.
fn choices(page: &Page) -> Vec<String> {
    let buttons = page.html.split("<button").skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag);
    let class = |tag: &str| {
        tag.split_once("class=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(class, _)| class.to_owned())
    };
    buttons.filter(|tag| tag.contains("name=\"choice\"")).map(|tag| class(tag).unwrap_or_default()).collect()
}

fn look_alike(page: &Page) {
    let classes = choices(page);
    assert_eq!(classes.len(), 2, "on « {} »", page.heading());
    assert_eq!(classes[0], classes[1], "on « {} »", page.heading());
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_refusing_and_withdrawing_are_as_easy_as_agreeing() {
    let world = World::make(false, None).await.unwrap();
    let (portal, agency) = (client(&world, PORTAL).await, client(&world, TOWN).await);
    let mut person = Person::new(&world, "alice");
    person.give_address(&world, &portal).await;

    // The same page, the same number of submits, one entry either way.
    let mut ends = Vec::new();
    for choice in ["yes", "no"] {
        let pushed = push(&agency, &RESIDENCE.details(&world)).await;
        let page = person.arrive(&pushed.url).await;
        look_alike(&page);
        let before = log_size(&world).await;
        let back = person.browser.submit(&page, &[("choice", choice)]).await.unwrap().back().unwrap();
        assert_eq!(log_size(&world).await, before + 1);
        ends.push((pushed, back));
    }
    let [(pushed, agreed), (_, refused)] = ends.as_slice() else { panic!("two ends") };
    assert_eq!(refused["error"], "access_denied");
    let token = agency.redeem(pushed, &agreed["code"]).await.unwrap();
    let consent = token.details.pointer("/0/consent_id").and_then(Value::as_str).unwrap().to_owned();

    // Taking it back: one page, one submit, at once.
    let url = format!("{}/fr/decisions/{consent}", world.issuer);
    let page = person.browser.open(&url).await.unwrap().page().unwrap();
    look_alike(&page);
    let before = log_size(&world).await;
    person.withdraw(&world, &consent).await;
    assert_eq!(log_size(&world).await, before + 1);
    let ask = json!({"consent_id": consent, "purpose": RESIDENCE.purpose, "attributes": RESIDENCE.necessary});
    assert_eq!(agency.release(&token, "cle-1", &ask).await.unwrap().status, 403);
    let log = Log::export(&world).await;
    let decided: Vec<_> = log.of(&["consent", "consent-refused", "withdrawal"]).iter().map(|it| it.event).collect();
    assert_eq!(decided, ["consent", "consent-refused", "withdrawal"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_can_be_read_again_whatever_became_of_the_bundle() {
    let world = World::make(false, None).await.unwrap();
    let (portal, agency) = (client(&world, PORTAL).await, client(&world, TOWN).await);
    let mut person = Person::new(&world, "alice");
    person.give_address(&world, &portal).await;
    let _held = person.consent(&world, &agency, &RESIDENCE).await;
    let why = "Vous donner accès aux services que la municipalité réserve à ses résidents.";
    for later in ["Une autre fin.", "Une troisième fin.", "Une quatrième fin."] {
        activate(&world, PURPOSES, why, later).await;
    }

    // What was shown is kept in words; its hash is the one in the act, which every earlier proof covers.
    let log = Log::export(&world).await;
    let consent = log.one("consent");
    let words = consent.person["text"]["fr"].as_str().unwrap();
    assert!(words.contains(why) && !words.contains("Une autre fin"), "{words}");
    assert_eq!(consent.act["notice"], b64::encode(sha256(&[words.as_bytes()])).as_str());
    let notice = &consent.person["notice"];
    assert_eq!((&notice["template"], &notice["template_version"]), (&json!("consent"), &json!(2)));
    assert_eq!((&notice["language"], &notice["attested"]), (&json!("fr"), &Value::Null));
    assert_eq!(notice["records"].as_object().unwrap().keys().collect::<Vec<_>>(), ["adresse"]);
    assert!(notice["keys"].as_array().unwrap().contains(&json!("alternative")));
    log.audited(&world, Vec::new());
    // Who changes a word of it is found out.
    let persons = log.folder.join("persons.jsonl");
    let text = std::fs::read_to_string(&persons).unwrap();
    std::fs::write(&persons, text.replacen("Vous donner accès", "Vous donner tout accès", 1)).unwrap();
    let trust = verify::Trust { vkey: Some(world.vkey.clone()), checkpoints: Vec::new(), proofs: Vec::new() };
    assert!(!verify::audit(&log.folder, &trust).unwrap().ok);
    world.end().await;
}
