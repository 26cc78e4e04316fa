//! What a broker refuses to start on, how it stops, and what it does when its disk is full.

use std::fs;
use std::path::Path;
use std::time::Duration;

use unefois::app;
use unefois::dev::world::{Founded, Setting};
use unefois::policy::Bundle;

use super::harness::{Broker, Handed, Log, PORTAL, Person, RESIDENCE, TOWN, client, ready};
use super::kill::{Partners, Witness};

async fn founded() -> Founded {
    Founded::found(Setting::default()).await.unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_catalogue_is_refused() {
    let world = founded().await;
    let said = Broker::refuses(&world, &[]).await;
    assert!(said.contains("demonstration"), "{said}");
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_same_folder_is_refused() {
    let world = founded().await;
    let broker = Broker::start(&world, &["--trial"]).await;
    let mut second = std::process::Command::new(super::harness::program());
    second.args(["serve", "--trial", "--config"]).arg(world.folder.join("unefois.toml"));
    let said = second.output().unwrap();
    assert!(!said.status.success());
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("in use by another process"), "{said}");
    assert_eq!(ready(&world).await.0, 200, "the first one serves on");
    broker.terminate().await;
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_founded_once() {
    let world = founded().await;
    let bundle = Bundle::from_files(world.files.clone());
    let digest = *bundle.load().unwrap().digest();
    let signed = [app::sign_activation(&world.administrator, &digest, &[0; 32]).unwrap()];
    assert!(app::init(&world.config, &bundle, &signed, 1).await.is_err());
    let broker = Broker::start(&world, &["--trial"]).await;
    broker.terminate().await;
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_record_is_refused_and_not_made() {
    let world = founded().await;
    for name in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"] {
        let _ = fs::remove_file(world.config.data.join(name));
    }
    let said = Broker::refuses(&world, &["--trial"]).await;
    assert!(said.contains("holds no record"), "{said}");
    assert!(!world.config.data.join("ledger.sqlite").exists());
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_emptied_head_file_is_refused() {
    let world = founded().await;
    let path = world.config.keys.folder.join("head");
    fs::remove_file(&path).unwrap();
    let said = Broker::refuses(&world, &["--trial"]).await;
    assert!(said.contains("head file"), "{said}");
    fs::write(&path, b"").unwrap();
    let said = Broker::refuses(&world, &["--trial"]).await;
    assert!(said.contains("is empty") && said.contains("keep both as they are"), "{said}");
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_logs_keys_are_refused() {
    let (world, other) = (founded().await, founded().await);
    fs::copy(other.config.keys.folder.join("ring.json"), world.config.keys.folder.join("ring.json")).unwrap();
    let said = Broker::refuses(&world, &["--trial"]).await;
    assert!(said.contains("key ring"), "without its credential: {said}");
    fs::copy(&other.config.keys.credential, &world.config.keys.credential).unwrap();
    let said = Broker::refuses(&world, &["--trial"]).await;
    assert!(said.contains("not the log of this key ring"), "{said}");
    // The other log's memory goes with its keys, and does not help.
    fs::copy(other.config.keys.folder.join("head"), world.config.keys.folder.join("head")).unwrap();
    let said = Broker::refuses(&world, &["--trial"]).await;
    assert!(said.contains("not the log of this key ring"), "{said}");
    other.end();
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_of_the_record_is_refused() {
    let world = founded().await;
    Broker::start(&world, &["--trial"]).await.terminate().await;
    let older = world.folder.join("older");
    copy(&world.config.data, &older);

    let broker = Broker::start(&world, &["--trial"]).await;
    let portal = client(&world, PORTAL).await;
    Person::new(&world, "alice").give_address(&world, &portal).await;
    broker.terminate().await;
    let newer = world.folder.join("newer");
    copy(&world.config.data, &newer);

    fs::remove_dir_all(&world.config.data).unwrap();
    copy(&older, &world.config.data);
    let said = Broker::refuses(&world, &["--trial"]).await;
    assert!(said.contains("older copy"), "{said}");
    // Nothing is lost by having tried.
    fs::remove_dir_all(&world.config.data).unwrap();
    copy(&newer, &world.config.data);
    Broker::start(&world, &["--trial"]).await.terminate().await;
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_loses_nothing() {
    let world = founded().await;
    let broker = Broker::start(&world, &["--trial"]).await;
    let mut partners = Partners::gather(&world, true).await;
    let mut witness = Witness::default();
    let end = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        broker.terminate().await;
    };
    partners.load(&world, &mut witness, "cle", end).await;
    assert!(witness.handed() > 0);

    let broker = Broker::start(&world, &["--trial"]).await;
    partners.repeat(&mut witness).await;
    witness.check(&world, &Log::export(&world).await).unwrap();
    broker.terminate().await;
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_loses_nothing() {
    /// In half-kilobytes: room for the sign-ins and some releases, not for many.
    const ROOM: u32 = 4_096;
    let world = founded().await;
    let broker = Broker::start_limited(&world, ROOM).await;
    assert_eq!(ready(&world).await.0, 200);
    let portal = client(&world, PORTAL).await;
    let agency = client(&world, TOWN).await;
    let mut person = Person::new(&world, "alice");
    person.give_address(&world, &portal).await;
    let held = person.consent(&world, &agency, &RESIDENCE).await;
    let mut handed = Vec::new();
    let refused = loop {
        let key = format!("cle-{}", handed.len());
        let answer = agency.release(&held.token, &key, &held.ask).await.unwrap();
        match Handed::of(&key, &answer) {
            Some(one) => handed.push(one),
            None => break answer,
        }
        assert!(handed.len() < 5_000, "the disk never fills");
    };
    assert!(!handed.is_empty());
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.json().get("data_token").is_none());
    // It takes no more writes, and says so.
    let later = agency.release(&held.token, "cle-plus-tard", &held.ask).await.unwrap();
    assert_eq!(later.status, 503);
    let (status, said) = ready(&world).await;
    assert_eq!(status, 503);
    assert!(said["record"].as_str().is_some_and(|record| record.contains("does not answer")), "{said}");
    broker.terminate().await;

    let broker = Broker::start(&world, &["--trial"]).await;
    assert_eq!(ready(&world).await.0, 200);
    // The ask that was refused left no entry, and its key is still fresh.
    let log = Log::export(&world).await;
    assert_eq!(log.of(&["release"]).len(), handed.len());
    log.holds(&world, &handed);
    let key = format!("cle-{}", handed.len());
    let again = agency.release(&held.token, &key, &held.ask).await.unwrap();
    assert!(Handed::of(&key, &again).is_some(), "{}", again.text());
    broker.terminate().await;
    world.end();
}
