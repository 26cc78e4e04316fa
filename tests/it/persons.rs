//! What happens to persons and their mandates, and what follows from it at once.

use serde_json::json;
use unefois::dev::browser::{Browser, Page};
use unefois::dev::world::{Founded, World};

use super::harness::{Log, OLD_TOWN, PORTAL, Person, RESIDENCE, TOWN, address, client, push, reasons};

const OFFICER: &str = "odile-brossard";
const REASON: &str = "Avis du directeur de l’état civil";

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_takes_what_was_granted_with_it() {
    let world = World::make(false, None).await.unwrap();
    let (portal, agency) = (client(&world, PORTAL).await, client(&world, TOWN).await);
    let mut person = Person::new(&world, "alice");
    person.give_address(&world, &portal).await;
    let held = person.consent(&world, &agency, &RESIDENCE).await;
    person.withdraw(&world, &held.consent).await;
    let answer = agency.release(&held.token, "cle-1", &held.ask).await.unwrap();
    assert_eq!(reasons(&answer), ["no-authorisation"]);
    let log = Log::export(&world).await;
    assert_eq!(log.one("refusal").act["rules"], json!(["consent-withdrawn", "grant-ended"]));
    log.audited(&world, Vec::new());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_that_an_officer_records_stops_the_next_release() {
    let world = World::make(false, None).await.unwrap();
    let (portal, agency) = (client(&world, PORTAL).await, client(&world, TOWN).await);
    let mut person = Person::new(&world, "alice");
    person.give_address(&world, &portal).await;
    let held = person.consent(&world, &agency, &RESIDENCE).await;
    assert_eq!(agency.release(&held.token, "cle-1", &held.ask).await.unwrap().status, 200);

    let consent = Log::export(&world).await.one("consent").index.to_string();
    let mut officer = Browser::new(world.wire().unwrap(), &world.site);
    let entry = open(&world, &mut officer, &consent).await;
    assert!(entry.html.contains("action=\"/fr/registre/etat\""));
    let mut record = async |fields: &[(&str, &str)]| {
        let fields = [&[("entry", consent.as_str()), ("reason", REASON), ("change", "death")], fields].concat();
        officer.submit_to(&entry, "/fr/registre/etat", &fields).await.unwrap().page().unwrap()
    };
    assert_eq!(record(&[("day", "hier"), ("evidence", "acte 26-1")]).await.status, 422, "no day");
    assert_eq!(record(&[("day", "2026-11-01")]).await.status, 403, "no evidence");
    assert_eq!(agency.release(&held.token, "cle-2", &held.ask).await.unwrap().status, 200, "nothing was recorded");
    let recorded = record(&[("day", "2026-11-01"), ("evidence", "acte de décès 26-1")]).await;
    assert_eq!(recorded.status, 200, "{}", recorded.heading());
    assert!(recorded.html.contains("2026-11-01") && recorded.html.contains("acte de décès 26-1"));

    // Neither a new release nor the retry of the old one; and the body is not told of the death.
    for key in ["cle-3", "cle-1"] {
        let answer = agency.release(&held.token, key, &held.ask).await.unwrap();
        assert_eq!(reasons(&answer), ["no-authorisation"], "{key}");
    }
    let log = Log::export(&world).await;
    let status = log.one("status");
    assert_eq!((&status.person["change"]["on"], &status.act["outcome"]), (&json!("2026-11-01"), &json!("recorded")));
    assert!(!status.act.to_string().contains("2026-11-01"), "the act part says nothing of what it is");
    let rules: Vec<_> = log.of(&["refusal"]).iter().map(|entry| entry.act["rules"].clone()).collect();
    assert_eq!(rules, [json!(["status-without-evidence"]), json!(["subject-died"]), json!(["subject-died"])]);
    log.audited(&world, Vec::new());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_that_has_ended_opens_no_file_and_carries_no_consent() {
    let world = World::make(false, None).await.unwrap();
    let (portal, agency) = (client(&world, PORTAL).await, client(&world, TOWN).await);
    let mut person = Person::new(&world, "mandataire");
    let details = json!([{"type": format!("{}/types/portal-session/v1", world.issuer), "drafts": ["adresse"]}]);
    let pushed = push(&portal, &details).await;
    let whom = person.arrive(&pushed.url).await;
    let page = person.browser.submit(&whom, &[("subject", "mere-protegee")]).await.unwrap().page().unwrap();
    let back = person.agree(&page, &[]).await;
    let token = portal.redeem(&pushed, &back["code"]).await.unwrap();
    person.submit(&portal, &token, "adresse", &address(OLD_TOWN)).await;
    let held = person.consent(&world, &agency, &RESIDENCE).await;
    assert_eq!(agency.release(&held.token, "cle-1", &held.ask).await.unwrap().status, 200);
    let log = Log::export(&world).await;
    let entry = log.one("consent");
    let mandate = entry.person["giver"]["mandate"]["evidence"].as_str().unwrap().to_owned();
    let consent = entry.index.to_string();
    let mut officer = Browser::new(world.wire().unwrap(), &world.site);
    let page = open(&world, &mut officer, &consent).await;
    let fields = [
        ("entry", consent.as_str()),
        ("reason", "Jugement qui met fin au mandat"),
        ("change", "mandate"),
        ("mandate", &mandate),
        ("evidence", "jugement 26-2"),
    ];
    let recorded = officer.submit_to(&page, "/fr/registre/etat", &fields).await.unwrap().page().unwrap();
    assert_eq!(recorded.status, 200, "{}", recorded.heading());
    let answer = agency.release(&held.token, "cle-2", &held.ask).await.unwrap();
    assert_eq!(reasons(&answer), ["no-authorisation"]);
    let withdraw = format!("{}/fr/decisions/{}", world.issuer, held.consent);
    let page = person.browser.open(&withdraw).await.unwrap().page().unwrap();
    assert_ne!(page.status, 200, "what was begun under it is over too");
    let log = Log::export(&world).await;
    assert_eq!(log.one("refusal").act["rules"], json!(["mandate-to-consent"]));
    world.end().await;
}

/// The officer signs in and opens an entry.
async fn open(world: &Founded, officer: &mut Browser, entry: &str) -> Page {
    let personas = officer.open(&format!("{}/fr/registre", world.issuer)).await.unwrap().page().unwrap();
    let search = officer.submit(&personas, &[("persona", OFFICER)]).await.unwrap().page().unwrap();
    let fields = [("reason", REASON), ("entry", entry)];
    officer.submit_to(&search, "/fr/registre/entree", &fields).await.unwrap().page().unwrap()
}
