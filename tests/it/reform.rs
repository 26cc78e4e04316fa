//! Reforms: consents follow a function to the body that takes it over, or wait; and nothing else moves.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use unefois::app::{self, Command};
use unefois::clock::{Clock as _, Day, SystemClock};
use unefois::dev::client::Client;
use unefois::dev::reformed;
use unefois::dev::world::World;

use super::harness::{Consented, Handed, Log, PORTAL, Person, Wanted, client, log_size, reasons};

const CENTRE: &str = "centre-nord";
const AGENCY: &str = "agence-nord";

/// The shuttle, whose function the agency takes over.
const SHUTTLE: Wanted = Wanted {
    purpose: "navette-du-nord",
    recipient: "centre-du-nord",
    necessary: &["adresse.municipalite"],
    optional: &[],
    express: &[],
};

/// A body between the two, in the place of the one and replaced by the other.
const BUREAU: &str = r#"
[bodies.bureau-du-nord]
{body}

[[substitutions]]
predecessor = "bureau-du-nord"
successor = "agence-du-nord"
function = "services-aux-residents"
from = "{today}"
instrument = { cite = "Loi fictive sur le Nord, art. 2" }
nature = "substitution"
"#;

/// A world with a person whose address is on file, and a centre with a consent.
struct Scene {
    world: World,
    person: Person,
    centre: Client,
    agency: Client,
    held: Consented,
}

impl Scene {
    async fn set() -> Self {
        let world = World::make(false, None).await.unwrap();
        let portal = client(&world, PORTAL).await;
        let (centre, agency) = (client(&world, CENTRE).await, client(&world, AGENCY).await);
        let mut person = Person::new(&world, "alice");
        person.give_address(&world, &portal).await;
        let held = person.consent(&world, &centre, &SHUTTLE).await;
        Self { world, person, centre, agency, held }
    }

    async fn reform(&self) {
        self.world.activate(reformed(&self.world.files, today())).await.unwrap();
    }

    /// The agency asks with its own key; none where it holds nothing.
    async fn ask(&self, key: &str) -> Option<Handed> {
        let token = self.agency.hold(&self.held.consent).await.unwrap().ok()?;
        Handed::of(key, &self.agency.release(&token, key, &self.held.ask).await.unwrap())
    }
}

fn today() -> Day {
    SystemClock.now().day()
}

async fn apply(world: &World, from: &str) -> Result<Value, String> {
    let reform = Command::Reform { operator: "essai".to_owned(), from: from.parse().unwrap(), after: None };
    app::command(&world.config, reform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_carried_keeps_its_terms_and_the_log_says_how_it_went() {
    let mut scene = Scene::set().await;
    let first = scene.centre.release(&scene.held.token, "cle-1", &scene.held.ask).await.unwrap();
    let first = Handed::of("cle-1", &first).unwrap();
    // A body that still exists gives nothing away, and one that nobody knows neither.
    assert!(apply(&scene.world, "centre-du-nord").await.unwrap_err().contains("still exists"));
    assert!(apply(&scene.world, "centre-du-sud").await.unwrap_err().contains("no body"));
    scene.reform().await;
    let done = apply(&scene.world, "centre-du-nord").await.unwrap();
    assert_eq!((&done["carried"], &done["suspended"], &done["next"]), (&json!(1), &json!(0), &Value::Null));
    let size = log_size(&scene.world).await;
    let again = apply(&scene.world, "centre-du-nord").await.unwrap();
    assert_eq!((&again["carried"], &again["left"]), (&json!(0), &json!(0)), "nothing is the centre's any more");
    assert_eq!(log_size(&scene.world).await, size);

    let second = scene.ask("cle-1").await.unwrap();
    let (before, after) = (first.claims(), second.claims());
    assert_eq!((&after["aud"], &after["basis"]["consent"]), (&json!("agence-du-nord"), &before["basis"]["consent"]));
    assert_ne!(after["sub"], before["sub"], "each body has its own name for the person");
    let cited = after["basis"]["citations"].as_array().unwrap();
    assert!(cited.iter().any(|it| it["cite"] == "Loi fictive sur le Nord, art. 1" && it["to_confirm"] == true));
    // The centre's token is still the centre's, and gets it nothing: not even what it had.
    for key in ["cle-1", "cle-2"] {
        let answer = scene.centre.release(&scene.held.token, key, &scene.held.ask).await.unwrap();
        assert_eq!((answer.status.as_u16(), reasons(&answer)[0].as_str()), (403, "body-gone"), "{key}");
    }
    assert!(scene.centre.hold(&scene.held.consent).await.unwrap().is_err());

    scene.person.withdraw(&scene.world, &scene.held.consent).await;
    assert!(scene.ask("cle-3").await.is_none());
    let log = Log::export(&scene.world).await;
    let carried = log.one("consent-carried");
    let act = &carried.act;
    assert_eq!((&act["from"], &act["receiving"]), (&json!("centre-du-nord"), &json!("agence-du-nord")));
    assert_eq!((&act["client"], &act["operator"]), (&json!("agence-nord"), &json!("essai")));
    assert_eq!(carried.person["consent"], scene.held.consent.as_str());
    assert!(!act.to_string().contains(&scene.held.consent), "nothing in an act singles out a person");
    log.holds(&scene.world, &[first, second]);
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_is_passed_in_one_go_and_each_hop_is_shown() {
    let scene = Scene::set().await;
    // The centre ended yesterday, the bureau in its place today, and the agency is in the place of that one.
    let mut files = reformed(&scene.world.files, today().plus_days(-1));
    let reform = files.get_mut("catalogue/reform.toml").unwrap();
    *reform = reform.replace("successor = \"agence-du-nord\"", "successor = \"bureau-du-nord\"");
    let agency = reform.split("\n[bodies.agence-du-nord]\n").nth(1).unwrap();
    let body: String = agency.split("\n\n").next().unwrap().to_owned();
    let ended = body.replace("from = \"2026-01-05\"", &format!("from = \"2026-01-05\"\nuntil = \"{}\"", today()));
    reform.push_str(&BUREAU.replace("{body}", &ended).replace("{today}", &today().to_string()));
    scene.world.activate(files).await.unwrap();
    assert_eq!(apply(&scene.world, "centre-du-nord").await.unwrap()["carried"], 1);
    let handed = scene.ask("cle-1").await.unwrap();
    let log = Log::export(&scene.world).await;
    let hops = |act: &Value| -> Vec<String> {
        let hops = act["hops"].as_array().unwrap().iter();
        hops.map(|hop| format!("{} {} {}", hop["from"], hop["to"], hop["instrument"]).replace('"', "")).collect()
    };
    let shown = [
        "centre-du-nord bureau-du-nord Loi fictive sur le Nord, art. 1",
        "bureau-du-nord agence-du-nord Loi fictive sur le Nord, art. 2",
    ];
    assert_eq!(hops(&log.one("consent-carried").act), shown);
    assert_eq!(hops(&log.one("release").act), shown);
    log.holds(&scene.world, &[handed]);
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_carried_once_an_instrument_says_so_and_uses_go_on_counting() {
    let scene = Scene::set().await;
    let token = |handed: Option<Handed>| handed.map(|it| it.claims()["aud"].clone());
    // No instrument yet: the consent waits, and the person is told once.
    let until = reformed(&scene.world.files, today());
    let without = |files: &BTreeMap<String, String>| {
        let mut files = files.clone();
        let reform = files.get_mut("catalogue/reform.toml").unwrap();
        let (kept, _) = reform.rsplit_once("\n[[substitutions]]").unwrap();
        *reform = kept.to_owned();
        files
    };
    scene.world.activate(without(&until)).await.unwrap();
    assert_eq!(apply(&scene.world, "centre-du-nord").await.unwrap()["suspended"], 1);
    assert_eq!(apply(&scene.world, "centre-du-nord").await.unwrap()["left"], 1);
    assert_eq!(token(scene.ask("cle-1").await), None);
    scene.reform().await;
    assert_eq!(apply(&scene.world, "centre-du-nord").await.unwrap()["carried"], 1);
    assert_eq!(token(scene.ask("cle-1").await), Some(json!("agence-du-nord")));
    let log = Log::export(&scene.world).await;
    let suspended = log.one("consent-suspended");
    assert_eq!(suspended.act["rules"], json!(["successor-unknown"]));
    assert_eq!(suspended.act["citations"][0]["cite"], "2020, c. 2");
    log.audited(&scene.world, Vec::new());
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_that_races_a_reform_stays() {
    let mut scene = Scene::set().await;
    let mut consents = vec![scene.held.clone()];
    for _ in 0..7 {
        consents.push(scene.person.consent(&scene.world, &scene.centre, &SHUTTLE).await);
    }
    scene.reform().await;
    let withdrawals = async {
        for held in &consents {
            scene.person.withdraw(&scene.world, &held.consent).await;
        }
    };
    let (done, ()) = tokio::join!(apply(&scene.world, "centre-du-nord"), withdrawals);
    done.unwrap();
    for (number, held) in consents.iter().enumerate() {
        assert!(scene.agency.hold(&held.consent).await.unwrap().is_err(), "consent {number}");
    }
    // The verifier refuses a consent carried after its withdrawal, and a second one carried to the same body.
    let log = Log::export(&scene.world).await;
    assert_eq!(log.of(&["withdrawal"]).len(), consents.len());
    log.audited(&scene.world, Vec::new());
    scene.world.end().await;
}
