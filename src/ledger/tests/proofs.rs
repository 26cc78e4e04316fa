//! What is entered is proved, at once and ever after.

use std::time::Duration;

use tokio::task::JoinSet;

use super::*;
use crate::store::Filter;

#[tokio::test]
async fn an_entry_is_proved_at_once_and_ever_after() {
    let world = World::new();
    let ledger = world.begun().await;
    let entered = enter(&ledger, note(7), vec![]).await;
    assert_eq!((entered.index(), entered.time()), (5, NOW));
    let proof = verified(&ledger, &entered.proof().unwrap());
    assert_eq!((proof.size(), proof.act().unwrap()["number"].as_u64()), (6, Some(7)));
    assert_eq!((proof.leaf().event(), *proof.leaf().rules()), (verify::Event::Check, [8; 32]));
    assert_eq!(proof.leaf().time(), u64::try_from(NOW.unix()).unwrap());
    consented(&ledger, 1).await;
    let later = verified(&ledger, &ledger.prove(5).unwrap().unwrap());
    assert_eq!((later.size(), later.act(), later.leaf()), (10, None, proof.leaf()));
    assert!(ledger.prove(10).unwrap().is_none());
    assert_eq!(ledger.checkpoint().unwrap().unwrap(), &*ledger.prove(9).unwrap().unwrap().checkpoint);
    let rows = (0..10).map(|index| ledger.entry(index).unwrap().unwrap());
    assert!(rows.map(|row| (row.index, time_of(&row))).eq((0..10).map(|index| (index, Some(NOW)))));
    assert!(ledger.entry(10).unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_at_once_are_gapless_and_each_is_proved() {
    let world = World::new();
    let ledger = Arc::new(world.begun().await);
    let mut tasks = JoinSet::new();
    for number in 0..1_000 {
        let ledger = Arc::clone(&ledger);
        tasks.spawn(async move {
            let lane = if number % 3 == 0 { Lane::Person } else { Lane::Client };
            let entered = ledger.enter(lane, note(number), vec![], vec![]).await.unwrap();
            let proof = verified(&ledger, &entered.proof().unwrap());
            assert_eq!(proof.act().unwrap()["number"].as_u64(), Some(number));
            entered.index()
        });
    }
    let mut indices = tasks.join_all().await;
    indices.sort_unstable();
    assert!(indices.into_iter().eq(5..1_005));
    assert!(ledger.store.checkpoints(0, 2_000).unwrap().len() < 500, "they went in together");
    for index in 0..1_005 {
        verified(&ledger, &ledger.prove(index).unwrap().unwrap());
    }
    let hashes: Vec<Hash> = ledger.store.leaves(0, 2_000).unwrap().iter().map(tree::leaf_hash).collect();
    let perfect = |level: u32, position: u64| -> Result<Hash, Fault> {
        let (low, width) = (usize::try_from(position << level).unwrap(), 1 << level);
        Ok(tree::grow(0, &[], hashes[low..low + width].to_vec()).root)
    };
    for old in [0, 1, 5, 255, 256, 257, 512, 513, 1_000, 1_005] {
        let proof = ledger.consistency(old, 1_005).unwrap();
        assert_eq!(proof, tree::consistency(old, 1_005, perfect).unwrap(), "{old}");
        assert!(proof.is_some());
    }
    assert!(ledger.consistency(5, 1_006).unwrap().is_none() && ledger.consistency(6, 5).unwrap().is_none());
}

#[tokio::test]
async fn every_proof_survives_an_erasure() {
    let world = World::new();
    let ledger = world.begun().await;
    consented(&ledger, 1).await;
    consented(&ledger, 2).await;
    let row = ledger.entry(6).unwrap().unwrap();
    let person = ledger.open_person(&row).unwrap().unwrap().value();
    assert_eq!(person["subject"], json!(subject(1)));
    let before: Vec<Proof> = (0..13).map(|index| ledger.prove(index).unwrap().unwrap()).collect();

    let destroyed = vec![Write::DestroyKeys(subject(1), vec![Class::Evidence])];
    ledger.erasure("operator", &["evidence".to_owned()], vec![], destroyed).await.unwrap();
    for cut in [vec![], vec![5, 6, 7, 8]] {
        ledger.write(Lane::Person, vec![], vec![Write::CutLinks(cut)]).await.unwrap();
        for index in 5..9 {
            let row = ledger.entry(index).unwrap().unwrap();
            assert!(ledger.open_person(&row).unwrap().is_none());
            assert!(ledger.open_act(&row).is_ok());
        }
        assert!(ledger.open_person(&ledger.entry(9).unwrap().unwrap()).unwrap().is_some(), "another's stays");
    }
    assert!(before.iter().all(|proof| verified(&ledger, proof).leaf().time() > 0));
    for index in 0..14 {
        verified(&ledger, &ledger.prove(index).unwrap().unwrap());
    }
    let stale = ledger.enter(Lane::Client, released(1, 99), vec![], vec![]).await;
    assert!(matches!(stale, Err(NotEntered::Entry(EntryFault::Erased))), "nothing more is entered of whom is erased");
}

#[tokio::test]
async fn the_projection_follows_and_is_rebuilt_from_nothing() {
    let world = World::new();
    let ledger = world.begun().await;
    story(&ledger).await;
    let last = enter(&ledger, note(1), vec![]).await.index();
    let found = ledger.search(Some(last)).await.find(&Filter::default(), 99).unwrap();
    assert_eq!(found.len(), 16);
    assert_eq!(ledger.lag().unwrap(), 0);
    let blind = world.parts_blind();
    let of_subject = Filter { subject: Some(blind.subject(&subject(1))), ..Filter::default() };
    let rows = ledger.search(None).await.find(&of_subject, 99).unwrap();
    assert_eq!(rows.iter().map(|row| row.index).collect::<Vec<_>>(), [8, 7, 6, 5]);
    assert_eq!((rows[1].event.as_str(), rows[1].purpose.as_deref()), ("release", Some("aide")));
    assert_eq!((rows[1].receiving.as_deref(), rows[1].time), (Some("agence"), NOW));
    drop(ledger);

    for file in std::fs::read_dir(world.data.path()).unwrap() {
        let path = file.unwrap().path();
        if path.to_string_lossy().contains("search") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let ledger = world.open().unwrap();
    let search = tokio::time::timeout(Duration::from_secs(20), ledger.search(Some(last))).await.unwrap();
    assert_eq!(search.find(&Filter::default(), 99).unwrap(), found);
}

impl World {
    fn parts_blind(&self) -> BlindIndex {
        BlindIndex::new(KeyRing::open(self.keys.path(), &credential()).unwrap().blind_index)
    }
}
