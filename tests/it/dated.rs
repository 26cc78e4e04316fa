//! Dated work, by a clock that the test moves: what has run out is recorded once, agreements enter their register.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use unefois::app;
use unefois::dev::world::{Founded, Setting};
use unefois::store::Sqlite;

use super::harness::{Later, Log, PORTAL, Person, RESIDENCE, TOWN, client};

const DAY: i64 = 86_400;

/// The log, once it holds an entry of this event; dated work is looked for every five seconds.
async fn log_with(world: &Founded, event: &str) -> Log {
    for _ in 0..60 {
        let log = Log::export(world).await;
        if !log.of(&[event]).is_empty() {
            return log;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("no {event} in thirty seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_has_run_out_is_recorded_once() {
    let world = Founded::found(Setting::default()).await.unwrap();
    let clock = Arc::new(Later::default());
    let store = Arc::new(Sqlite::open(&world.config.data).unwrap());
    let running = app::serve_on(&world.config, store, Arc::clone(&clock) as _, true).await.unwrap();
    let (portal, agency) = (client(&world, PORTAL).await, client(&world, TOWN).await);
    let mut person = Person::new(&world, "alice");
    person.give_address(&world, &portal).await;
    let held = person.consent(&world, &agency, &RESIDENCE).await;
    assert_eq!(agency.release(&held.token, "avant", &held.ask).await.unwrap().status, 200);

    clock.0.store(366 * DAY, Ordering::SeqCst);
    let log = log_with(&world, "consent-expired").await;
    let expired = log.one("consent-expired");
    assert_eq!(expired.person["consent"], held.consent.as_str());
    assert_eq!((&expired.act["outcome"], &expired.act["receiving"]), (&json!("expired"), &json!(RESIDENCE.recipient)));
    tokio::time::sleep(Duration::from_secs(6)).await;
    let log = Log::export(&world).await;
    log.one("consent-expired");
    log.audited(&world, Vec::new());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agreement_on_collection_enters_part_b_of_the_register_once() {
    let world = Founded::found(Setting::default()).await.unwrap();
    for _ in 0..2 {
        let running = app::serve(&world.config, true).await.unwrap();
        let log = log_with(&world, "register").await;
        let row = &log.one("register").act;
        assert_eq!((&row["instrument"], &row["begins"]), (&json!("entente-collecte-fleuve"), &json!("2024-08-25")));
        let columns: Vec<_> = row["register"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(columns, ["access", "beneficiary", "nature", "powers", "purposes", "service"]);
        log.audited(&world, Vec::new());
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_destroyed_when_their_days_have_run_and_nobody_may_draw_on_them() {
    let world = Founded::found(Setting::default()).await.unwrap();
    let clock = Arc::new(Later::default());
    let store = Arc::new(Sqlite::open(&world.config.data).unwrap());
    let running = app::serve_on(&world.config, store, Arc::clone(&clock) as _, true).await.unwrap();
    let portal = client(&world, PORTAL).await;
    let mut person = Person::new(&world, "alice");
    person.give_address(&world, &portal).await;
    clock.0.store(1_094 * DAY, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(Log::export(&world).await.of(&["erasure"]).is_empty(), "destroyed before its day");

    clock.0.store(1_096 * DAY, Ordering::SeqCst);
    let log = log_with(&world, "erasure").await;
    let destroyed = &log.one("erasure").act;
    assert_eq!((&destroyed["classes"], &destroyed["outcome"]), (&json!(["values:adresse"]), &json!("destroyed")));
    assert_eq!(destroyed["citations"][0]["cite"], "A-2.1, art. 73");
    log.audited(&world, Vec::new());
    running.stop().await;
}
