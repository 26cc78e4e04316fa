//! Starting: a log is begun once, continued by its own keys, and never from an older copy.

use super::*;

fn head_file(world: &World) -> std::path::PathBuf {
    world.keys.path().join("head")
}

#[tokio::test]
async fn a_log_is_continued_where_it_stopped() {
    let world = World::new();
    let ledger = world.begun().await;
    let head = ledger.head().unwrap();
    drop(ledger);
    let ledger = world.open().unwrap();
    assert_eq!(ledger.head().unwrap(), head);
    assert_eq!(enter(&ledger, note(1), vec![]).await.index(), 5);
    verified(&ledger, &ledger.prove(0).unwrap().unwrap());
}

#[tokio::test]
async fn an_empty_log_is_continued_too() {
    let world = World::new();
    drop(world.create());
    let ledger = world.open().unwrap();
    assert!(ledger.checkpoint().unwrap().is_none() && ledger.prove(0).unwrap().is_none());
    assert_eq!(enter(&ledger, note(1), vec![]).await.index(), 0);
}

#[tokio::test]
async fn a_log_is_begun_once() {
    let world = World::new();
    drop(world.begun().await);
    let parts = world.parts(Sqlite::open(world.data.path()).unwrap());
    assert!(matches!(Ledger::create(parts, world.keys.path()), Err(StartFault::Foreign(5))));
    let other = Folder::new();
    let parts = world.parts(Sqlite::create(other.path()).unwrap());
    assert!(matches!(Ledger::create(parts, world.keys.path()), Err(StartFault::HeadFile(_))), "these keys have a log");
}

#[tokio::test]
async fn an_older_copy_of_the_record_is_refused() {
    let world = World::new();
    drop(world.begun().await);
    let older = world.data.copy();
    let ledger = world.open().unwrap();
    consented(&ledger, 1).await;
    drop(ledger);
    let newer = world.data.copy();
    older.copy_into(&world.data);
    assert!(matches!(world.open(), Err(StartFault::Older { record: 5, seen: 9 })));
    newer.copy_into(&world.data);
    assert_eq!(world.open().unwrap().head().unwrap().size, 9, "the control");
}

#[tokio::test]
async fn a_record_ahead_of_the_head_file_is_normal() {
    let world = World::new();
    drop(world.begun().await);
    let seen = world.keys.copy();
    let ledger = world.open().unwrap();
    consented(&ledger, 1).await;
    drop(ledger);
    seen.copy_into(&world.keys);
    assert_eq!(world.open().unwrap().head().unwrap().size, 9);
}

#[tokio::test]
async fn a_fork_of_the_log_is_refused() {
    let world = World::new();
    drop(world.begun().await);
    let fork = world.copy();
    let [ledger, forked] = [world.open().unwrap(), fork.open().unwrap()];
    enter(&ledger, note(1), vec![]).await;
    for number in 2..5 {
        enter(&forked, note(number), vec![]).await;
    }
    drop((ledger, forked));
    fork.data.copy_into(&world.data);
    assert!(matches!(world.open(), Err(StartFault::Foreign(6))), "longer, but another");
}

#[tokio::test]
async fn a_record_of_another_key_ring_is_refused() {
    let (world, other) = (World::new(), World::new());
    drop((world.begun().await, other.begun().await));
    std::fs::copy(head_file(&world), head_file(&other)).unwrap();
    let mixed = World { data: world.data.copy(), keys: other.keys.copy(), hand: Arc::default() };
    assert!(matches!(mixed.open(), Err(StartFault::Foreign(5))));
}

#[tokio::test]
async fn a_head_file_that_is_missing_or_damaged_is_refused() {
    let world = World::new();
    drop(world.begun().await);
    let good = std::fs::read(head_file(&world)).unwrap();
    for bad in [&good[..47], &[&good[..], &[0]].concat(), &[&[good[0] ^ 1], &good[1..]].concat()] {
        std::fs::write(head_file(&world), bad).unwrap();
        assert!(matches!(world.open(), Err(StartFault::HeadFile(_))));
    }
    std::fs::remove_file(head_file(&world)).unwrap();
    assert!(matches!(world.open(), Err(StartFault::HeadFile(_))));
    assert!(!head_file(&world).exists(), "and none is made");
    std::fs::write(head_file(&world), good).unwrap();
    assert!(world.open().is_ok(), "the control");
}

#[tokio::test]
async fn an_emptied_head_file_is_refused() {
    let world = World::new();
    drop(world.begun().await);
    let good = std::fs::read(head_file(&world)).unwrap();
    std::fs::write(head_file(&world), b"").unwrap();
    let refused = world.open().err().unwrap();
    assert!(matches!(refused, StartFault::Unseen(5)) && refused.to_string().contains("no backup holds"), "{refused}");
    std::fs::write(head_file(&world), good).unwrap();
    assert!(world.open().is_ok(), "the control");
}

#[tokio::test]
async fn a_record_whose_head_was_rewritten_is_refused() {
    let world = World::new();
    drop(world.begun().await);
    crate::store::behind(&world.data, "UPDATE head SET root = zeroblob(32)").unwrap();
    assert!(matches!(world.open(), Err(StartFault::Foreign(5))));
}
