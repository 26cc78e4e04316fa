//! What races what: uses, withdrawals, submissions, erasure, stops and activations, each against releases under load.
//! What is asserted is read off the log's own order, as an auditor does.

use std::collections::BTreeSet;
use std::sync::Arc;

use unefois::app::{self, Command, sign_stop};
use unefois::dev::browser::Landed;
use unefois::dev::client::Client;
use unefois::dev::world::{Founded, World};

use super::harness::{
    ADDRESSES, Answers, CHANGE_OF_ADDRESS, Consented, Load, Log, NEW_TOWN, OLD_TOWN, PORTAL, PURPOSES, Person,
    RESIDENCE, TOWN, Wanted, activate, address, client, push, reasons,
};

/// Asks side by side.
const WORKERS: usize = 24;

/// A world with a person whose address is on file, and an agency with a consent.
struct Scene {
    world: World,
    person: Person,
    portal: Client,
    portal_token: unefois::dev::client::Token,
    agency: Arc<Client>,
    held: Consented,
}

impl Scene {
    async fn set(agency: &str, what: &Wanted) -> Self {
        let world = World::make(false, None).await.unwrap();
        let portal = client(&world, PORTAL).await;
        let agency = Arc::new(client(&world, agency).await);
        let mut person = Person::new(&world, "alice");
        let portal_token = person.give_address(&world, &portal).await;
        let held = person.consent(&world, &agency, what).await;
        Self { world, person, portal, portal_token, agency, held }
    }

    /// A hundred asks at once, with the keys that `key` gives.
    async fn hundred(&self, key: impl Fn(usize) -> String) -> Answers {
        let asks = (0..100).map(|number| {
            let (agency, held, key) = (Arc::clone(&self.agency), self.held.clone(), key(number));
            tokio::spawn(async move { (key.clone(), agency.release(&held.token, &key, &held.ask).await.unwrap()) })
        });
        let mut answers = Answers { handed: Vec::new(), refused: Vec::new() };
        for ask in asks.collect::<Vec<_>>() {
            let (key, answer) = ask.await.unwrap();
            match super::harness::Handed::of(&key, &answer) {
                Some(handed) => answers.handed.push(handed),
                None => answers.refused.push(answer),
            }
        }
        answers
    }

    fn load(&self, asks: usize) -> Load {
        Load::start(&self.agency, &self.held, WORKERS, asks)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_asks_of_a_one_use_consent_give_one_token() {
    let scene = Scene::set(ADDRESSES, &CHANGE_OF_ADDRESS).await;
    let answers = scene.hundred(|number| format!("cle-{number}")).await;

    assert_eq!(answers.handed.len(), 1);
    assert_eq!(answers.statuses(), [(403, 99)].into());
    assert!(answers.refused.iter().all(|answer| reasons(answer) == ["no-authorisation"]));
    let log = Log::export(&scene.world).await;
    assert_eq!(log.deliveries().len(), 1);
    assert_eq!(log.of(&["refusal"]).len(), 99);
    log.holds(&scene.world, &answers.handed);
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_once() {
    let mut scene = Scene::set(TOWN, &RESIDENCE).await;
    let before = Log::export(&scene.world).await.of(&["consent", "consent-refused"]).len();
    let (mut requests, mut late) = (0, 0);
    // Until a second answer was under way before the first one ended.
    while late == 0 {
        assert!(requests < 10, "the race was not one");
        requests += 1;
        let pushed = push(&scene.agency, &RESIDENCE.details(&scene.world)).await;
        let question = scene.person.arrive(&pushed.url).await;
        let answers = (0..16).map(|number| {
            let (mut window, question) = (scene.person.browser.clone(), question.clone());
            let choice = if number % 2 == 0 { "yes" } else { "no" };
            tokio::spawn(async move { window.submit(&question, &[("choice", choice)]).await.unwrap() })
        });
        let mut back = 0;
        for answer in answers.collect::<Vec<_>>() {
            match answer.await.unwrap() {
                Landed::Back(_) => back += 1,
                Landed::Page(page) if page.status == 409 => {
                    assert_eq!(page.heading(), "La réponse est déjà donnée");
                    late += 1;
                }
                Landed::Page(page) => assert!([403, 404].contains(&page.status), "{} {}", page.status, page.heading()),
            }
        }
        assert_eq!(back, 1);
    }
    let log = Log::export(&scene.world).await;
    assert_eq!(log.of(&["consent", "consent-refused"]).len(), before + requests);
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_asks_with_one_key_are_one_release() {
    let scene = Scene::set(ADDRESSES, &CHANGE_OF_ADDRESS).await;
    let answers = scene.hundred(|_| "cle".to_owned()).await;

    assert_eq!(answers.statuses(), [].into());
    let releases: BTreeSet<_> = answers.handed.iter().map(|handed| handed.release.clone()).collect();
    assert_eq!((answers.handed.len(), releases.len()), (100, 1));
    let log = Log::export(&scene.world).await;
    assert_eq!((log.of(&["release"]).len(), log.of(&["redelivery"]).len()), (1, 99));
    log.holds(&scene.world, &answers.handed);
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_released_after_a_withdrawal() {
    let mut scene = Scene::set(TOWN, &RESIDENCE).await;
    let load = scene.load(1_000 / WORKERS + 1);
    load.until(300).await;
    scene.person.withdraw(&scene.world, &scene.held.consent).await;
    let answers = load.end().await;

    assert!(answers.handed.len() + answers.refused.len() >= 1_000);
    assert!(answers.handed.len() >= 300 && answers.refused.len() >= 100, "the race was not one");
    assert_eq!(answers.statuses().keys().collect::<Vec<_>>(), [&403]);
    for handed in answers.handed.iter().take(20) {
        let retry = scene.agency.release(&scene.held.token, &handed.key, &scene.held.ask).await.unwrap();
        assert_eq!((retry.status.as_u16(), reasons(&retry)), (403, vec!["no-authorisation".to_owned()]));
    }
    let log = Log::export(&scene.world).await;
    let withdrawal = log.one("withdrawal");
    assert_eq!(withdrawal.person["consent"], scene.held.consent.as_str());
    let delivered = log.deliveries();
    assert!(delivered.iter().all(|entry| entry.person["consent"] == scene.held.consent.as_str()));
    let after: Vec<_> = delivered.iter().filter(|entry| entry.index > withdrawal.index).map(|it| it.index).collect();
    assert!(after.is_empty(), "released after the withdrawal at {}: {after:?}", withdrawal.index);
    assert_eq!(delivered.len(), answers.handed.len());
    log.holds(&scene.world, &answers.handed);
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_carries_an_older_version_after_a_submission() {
    let mut scene = Scene::set(TOWN, &RESIDENCE).await;
    let Scene { person, portal, portal_token, .. } = &mut scene;
    let page = person.draft(portal, portal_token, "adresse", &address(NEW_TOWN)).await;
    let load = scene.load(usize::MAX);
    load.until(150).await;
    scene.person.agree(&page, &[]).await;
    let answers = load.stop_after(150).await;

    let log = Log::export(&scene.world).await;
    let submissions = log.of(&["submission"]);
    let [given, anew] = submissions.as_slice() else { panic!("{} submissions", submissions.len()) };
    let submission = anew.index;
    assert_ne!(given.person["records"], anew.person["records"]);
    for entry in log.deliveries() {
        let newest = if entry.index < submission { given } else { anew };
        assert_eq!(entry.person["records"], newest.person["records"], "entry {}", entry.index);
    }
    for handed in &answers.handed {
        let town = if handed.index < submission { OLD_TOWN } else { NEW_TOWN };
        assert_eq!(handed.value("adresse.municipalite"), town, "entry {}", handed.index);
    }
    assert!(answers.handed.iter().any(|handed| handed.index > submission), "the race was not one");
    // What was released with the older version is not delivered again.
    let older = answers.handed.iter().find(|handed| handed.index < submission).unwrap();
    let retry = scene.agency.release(&scene.held.token, &older.key, &scene.held.ask).await.unwrap();
    assert_eq!(retry.status, 409);
    assert_eq!(retry.json()["release_id"], older.release.as_str());
    assert!(retry.json().get("data_token").is_none());
    assert!(answers.statuses().keys().all(|status| *status == 409), "{:?}", answers.statuses());
    log.holds(&scene.world, &answers.handed);
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_released_after_an_erasure() {
    let scene = Scene::set(TOWN, &RESIDENCE).await;
    let load = scene.load(usize::MAX);
    load.until(150).await;
    let erase = Command::Erase {
        operator: "essai".to_owned(),
        issuer: scene.world.persons.clone(),
        sub: "alice".to_owned(),
        classes: Vec::new(),
    };
    app::command(&scene.world.config, erase).await.unwrap();
    let answers = load.stop_after(150).await;
    ends_at(&scene.world, "erasure", &answers).await;
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_released_to_a_client_after_its_stop() {
    let scene = Scene::set(TOWN, &RESIDENCE).await;
    let load = scene.load(usize::MAX);
    load.until(150).await;
    let head = app::command(&scene.world.config, Command::Head).await.unwrap();
    let stopped = TOWN.parse().unwrap();
    let signature = sign_stop(&scene.world.administrator, head["origin"].as_str().unwrap(), &stopped).unwrap();
    app::command(&scene.world.config, Command::StopClient { client: stopped, signature }).await.unwrap();
    let answers = load.stop_after(150).await;
    ends_at(&scene.world, "client-stop", &answers).await;
    scene.world.end().await;
}

/// Nothing was delivered after the entry of `event`, and what was asked after it was refused.
async fn ends_at(world: &Founded, event: &str, answers: &Answers) {
    let log = Log::export(world).await;
    let end = log.one(event).index;
    assert!(log.deliveries().iter().all(|entry| entry.index < end), "released after the {event} at {end}");
    assert!(answers.refused.len() >= 100, "the race was not one");
    assert!(answers.statuses().keys().all(|status| [401, 403].contains(status)), "{:?}", answers.statuses());
    log.holds(world, &answers.handed);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_released_after_an_activation_is_released_under_it() {
    let scene = Scene::set(TOWN, &RESIDENCE).await;
    let load = scene.load(usize::MAX);
    load.until(100).await;
    // Another purpose moves: releases go on, under the new bundle.
    let first = activate(
        &scene.world,
        PURPOSES,
        "kept = { fr = \"L’organisme garde l’adresse",
        "kept = { fr = \"Il garde l’adresse",
    )
    .await;
    load.until(250).await;
    // Their own purpose moves: what was consented to is no longer what is asked.
    let second = activate(
        &scene.world,
        PURPOSES,
        "[purposes.residence-municipale]\nversion = 1",
        "[purposes.residence-municipale]\nversion = 2",
    )
    .await;
    let answers = load.stop_after(150).await;

    let log = Log::export(&scene.world).await;
    let activations: Vec<_> = log.of(&["activation"]).iter().map(|entry| entry.index).collect();
    let [_, kept, moved] = activations.as_slice() else { panic!("{activations:?}") };
    let mut under_first = 0;
    for entry in log.deliveries() {
        assert!(entry.index < *moved, "released at {} after the purpose moved at {moved}", entry.index);
        assert_eq!(entry.rules == first, entry.index > *kept, "entry {}", entry.index);
        under_first += usize::from(entry.rules == first);
    }
    assert!(under_first >= 50, "the race was not one");
    assert!(log.of(&["refusal"]).iter().all(|entry| entry.rules == second));
    assert_eq!(answers.statuses().keys().collect::<Vec<_>>(), [&403], "{:?}", answers.statuses());
    log.holds(&scene.world, &answers.handed);
    scene.world.end().await;
}
