//! Exports, as an auditor meets them.

use std::cell::RefCell;
use std::fs;

use verify::{Place, Report, Trust, audit};

use super::*;

/// What an auditor holds of this log.
fn trust(ledger: &Ledger) -> Trust {
    let checkpoints = vec![ledger.checkpoint().unwrap().unwrap()];
    Trust { vkey: Some(ledger.vkey()), checkpoints, proofs: Vec::new() }
}

/// A story of 16 entries, exported with its person parts; the folder, and what its auditor holds.
async fn opened() -> (World, Ledger, Folder, Trust) {
    let world = World::new();
    let ledger = world.begun().await;
    story(&ledger).await;
    let open = ledger.opening("B. Roy", "audit of the year").await.unwrap();
    assert_eq!(open.entered().index(), 15);
    let folder = Folder::new();
    let report = ledger.export(folder.path(), Some(&open), &|_, _| {}).unwrap();
    assert_eq!((report.size, report.checkpoints, report.opened, report.erased), (16, 16, true, 0));
    let trust = trust(&ledger);
    (world, ledger, folder, trust)
}

fn copy_of(folder: &Folder) -> Folder {
    folder.copy()
}

fn change(folder: &Folder, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(folder.path().join(file)).unwrap();
    change(&mut bytes);
    fs::write(folder.path().join(file), bytes).unwrap();
}

fn lines(folder: &Folder, file: &str, edit: impl FnOnce(&mut Vec<String>)) {
    change(folder, file, |bytes| {
        let mut lines: Vec<String> = std::str::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect();
        edit(&mut lines);
        *bytes = lines.iter().flat_map(|line| [line.as_bytes(), b"\n"]).flatten().copied().collect();
    });
}

#[tokio::test]
async fn a_closed_export_is_audited_without_us() {
    let world = World::new();
    let ledger = world.begun().await;
    story(&ledger).await;
    let folder = Folder::new();
    let told = RefCell::new(Vec::new());
    let report = ledger.export(folder.path(), None, &|done, all| told.borrow_mut().push((done, all))).unwrap();
    assert_eq!(told.into_inner(), [(15, 15)]);
    assert_eq!((report.origin.as_str(), report.size, report.opened), (ORIGIN, 15, false));
    assert!(!folder.path().join("persons.jsonl").exists());
    let audited = audit(folder.path(), &trust(&ledger)).unwrap();
    assert!(audited.ok, "{audited}");
    assert_eq!((audited.trusted.own_vkey, audited.trusted.covered, audited.persons), (true, 15, None));
    assert_eq!(audited.entries["release"], 4);
    let text = fs::read_to_string(folder.path().join("acts.jsonl")).unwrap();
    assert!(!text.contains(&subject(1).to_string()) && !text.contains("\"age\""), "nobody is in an act");
}

#[tokio::test]
async fn an_opened_export_shows_persons_but_those_erased() {
    let (_world, ledger, folder, held) = opened().await;
    let audited = audit(folder.path(), &held).unwrap();
    assert!(audited.ok, "{audited}");
    assert_eq!(audited.persons, Some(verify::Persons { opened: 16, erased: 0 }));

    let destroyed = vec![Write::DestroyKeys(subject(1), vec![Class::Evidence]), Write::CutLinks(vec![6])];
    ledger.erasure("operator", &[], vec![], destroyed).await.unwrap();
    let open = ledger.opening("B. Roy", "after the erasure").await.unwrap();
    let after = Folder::new();
    let report = ledger.export(&after.path().join("new"), Some(&open), &|_, _| {}).unwrap();
    assert_eq!((report.size, report.erased), (18, 4));
    let audited = audit(&after.path().join("new"), &Trust { checkpoints: held.checkpoints, ..trust(&ledger) }).unwrap();
    assert!(audited.ok, "{audited}");
    assert_eq!(audited.persons, Some(verify::Persons { opened: 14, erased: 4 }));
    let persons = fs::read_to_string(after.path().join("new/persons.jsonl")).unwrap();
    assert!(!persons.contains(&subject(1).to_string()) && persons.contains(&subject(2).to_string()));
    assert!(persons.contains("after the erasure"), "the opening itself is in it");
}

#[tokio::test]
async fn every_class_of_tampering_is_named() {
    let (_world, ledger, good, held) = opened().await;
    let departs = |edit: &dyn Fn(&Folder)| -> Report {
        let folder = copy_of(&good);
        edit(&folder);
        let report = audit(folder.path(), &held).unwrap();
        assert!(!report.ok);
        report
    };
    let entry = |entry: u64| Some(Place::Entry { entry });
    let at = |edit: &dyn Fn(&Folder)| departs(edit).departs.map(|departure| departure.at);

    for byte in [0, 1, 4, 12, 44, 76, 127] {
        assert_eq!(at(&|folder| change(folder, "leaves", |bytes| bytes[7 * 128 + byte] ^= 1)), entry(7));
    }
    assert_eq!(at(&|folder| change(folder, "hashes", |bytes| bytes[3 * 32] ^= 1)), entry(3));
    let swap = |bytes: &mut Vec<u8>, width: usize| {
        let (low, high) = bytes.split_at_mut(9 * width);
        low[8 * width..].swap_with_slice(&mut high[..width]);
    };
    let reordered = at(&|folder| {
        change(folder, "leaves", |bytes| swap(bytes, 128));
        change(folder, "hashes", |bytes| swap(bytes, 32));
    });
    assert_eq!(reordered, Some(Place::Batch { from: 8, to: 9 }), "reordered with their hashes");
    for file in ["acts.jsonl", "persons.jsonl"] {
        assert_eq!(at(&|folder| lines(folder, file, |lines| lines.swap(6, 7))), entry(6), "{file} reordered");
        assert_eq!(at(&|folder| lines(folder, file, |lines| drop(lines.remove(6)))), entry(6), "{file} dropped");
        assert_eq!(at(&|folder| lines(folder, file, |lines| drop(lines.pop()))), entry(15), "{file} cut");
        let blind = |line: &mut String| *line = line.replacen("\"blind\":\"", "\"blind\":\"A", 1);
        assert_eq!(at(&|folder| lines(folder, file, |lines| blind(&mut lines[5]))), entry(5), "{file} blind");
    }
    let edit = |file: &'static str, line: usize, from: &'static str, to: &'static str| {
        move |folder: &Folder| {
            lines(folder, file, |lines| {
                assert!(lines[line].contains(from), "{}", lines[line]);
                lines[line] = lines[line].replacen(from, to, 1);
            });
        }
    };
    assert_eq!(at(&edit("acts.jsonl", 6, "agence", "police")), entry(6));
    assert_eq!(at(&edit("persons.jsonl", 5, "\\\"max_uses\\\":2", "\\\"max_uses\\\":9")), entry(5));
    assert_eq!(at(&edit("checkpoints.jsonl", 9, "— log", "— gol")), Some(Place::Batch { from: 9, to: 10 }));
    assert_eq!(at(&edit("jwks.json", 0, "\"from\":1", "\"from\":2")), entry(1));
    assert_eq!(at(&edit("jwks.json", 0, "\"until\":13", "\"until\":14")), entry(13));
    assert_eq!(at(&edit("manifest.json", 0, "\"size\":16", "\"size\":15")).map(|_| ()), Some(()));

    let shorter = departs(&|folder| {
        for (file, length) in [("leaves", 128), ("hashes", 32)] {
            change(folder, file, |bytes| bytes.truncate(15 * length));
        }
        for file in ["acts.jsonl", "persons.jsonl", "checkpoints.jsonl"] {
            lines(folder, file, |lines| drop(lines.pop()));
        }
        edit("manifest.json", 0, "\"size\":16", "\"size\":15")(folder);
    });
    assert!(shorter.departs.is_some(), "a log cut short, consistently, is shorter than what is held");
    let other = World::new();
    let foreign = other.begun().await.vkey();
    let forged = departs(&|folder| {
        change(folder, "manifest.json", |bytes| {
            *bytes = std::str::from_utf8(bytes).unwrap().replace(&ledger.vkey(), &foreign).into_bytes();
        });
    });
    assert_eq!(forged.departs.map(|departure| departure.at), Some(Place::Batch { from: 0, to: 16 }));
    assert!(audit(good.path(), &held).unwrap().ok, "the control");
}

#[tokio::test]
async fn a_folder_in_use_and_an_empty_log_are_refused() {
    let world = World::new();
    let folder = Folder::new();
    let ledger = world.create();
    assert!(matches!(ledger.export(folder.path(), None, &|_, _| {}), Err(ExportFault::EmptyLog)));
    enter(&ledger, note(1), vec![]).await;
    ledger.export(folder.path(), None, &|_, _| {}).unwrap();
    assert!(matches!(ledger.export(folder.path(), None, &|_, _| {}), Err(ExportFault::NotEmpty(_))));
    let missing = folder.path().join("missing/deeper");
    assert!(matches!(ledger.export(&missing, None, &|_, _| {}), Err(ExportFault::File { .. })));
}

#[tokio::test]
async fn an_export_is_of_one_size_whatever_is_entered_meanwhile() {
    let world = World::new();
    let ledger = world.begun().await;
    for batch in 0..6 {
        let notes = (0..200).map(|number| enter(&ledger, note(batch * 200 + number), vec![]));
        for entered in notes {
            entered.await;
        }
    }
    let (folder, held) = (Folder::new(), trust(&ledger));
    let runtime = tokio::runtime::Handle::current();
    let report = std::thread::scope(|scope| {
        let exporting = || {
            let grow = |_: u64, _: u64| {
                runtime.block_on(async { enter(&ledger, note(1), vec![]).await });
            };
            ledger.export(folder.path(), None, &grow).unwrap()
        };
        scope.spawn(exporting).join().unwrap()
    });
    assert_eq!((report.size, report.checkpoints), (1_205, 1_205));
    assert_eq!(ledger.head().unwrap().size, 1_208, "it grew three times");
    let audited = audit(folder.path(), &held).unwrap();
    assert!(audited.ok, "{audited}");
}

#[tokio::test]
async fn an_entry_that_does_not_open_is_not_exported() {
    let world = World::new();
    let ledger = world.begun().await;
    story(&ledger).await;
    crate::store::behind(&world.data, "DROP TRIGGER entries_stay; UPDATE entries SET act = person WHERE idx = 6")
        .unwrap();
    let folder = Folder::new();
    let fault = ledger.export(folder.path(), None, &|_, _| {}).unwrap_err();
    assert!(matches!(fault, ExportFault::Entry(EntryFault::Departs(6) | EntryFault::NoLogKey(_))), "{fault}");
    assert!(!folder.path().join("manifest.json").exists(), "what is left is no export");
}

#[tokio::test]
async fn keys_have_their_history() {
    let world = World::new();
    let ledger = world.begun().await;
    story(&ledger).await;
    let newest = ledger.read_key_history().unwrap();
    ledger.search(Some(14)).await;
    let projected = ledger.read_key_history().unwrap();
    assert_eq!(newest, projected, "through the log and through the projection");
    let keys = projected["keys"].as_array().unwrap();
    let logs: Vec<&Value> = keys.iter().map(|key| &key["log"]).collect();
    assert_eq!(
        logs,
        [
            &json!({"from": 1, "until": 13, "use": "data-token"}),
            &json!({"from": 2, "use": "access-token"}),
            &json!({"from": 3, "use": "checkpoint"}),
            &json!({"from": 14, "use": "data-token"}),
        ]
    );
    assert_eq!(keys[0]["kid"], json!(ledger.token_key().kid()));
    assert_eq!((&keys[2]["kty"], &keys[2]["crv"]), (&json!("OKP"), &json!("Ed25519")));
    assert!(verify::Jwks::parse(&projected.to_string()).is_ok());
    let folder = Folder::new();
    ledger.export(folder.path(), None, &|_, _| {}).unwrap();
    let exported: Value = serde_json::from_slice(&fs::read(folder.path().join("jwks.json")).unwrap()).unwrap();
    assert_eq!(exported, projected);
}

#[tokio::test]
async fn the_key_history_is_read_once_for_each_change() {
    let world = World::new();
    let ledger = world.begun().await;
    ledger.search(Some(4)).await;
    let known = ledger.key_history().unwrap();
    enter(&ledger, note(1), vec![]).await;
    ledger.search(Some(5)).await;
    assert!(Arc::ptr_eq(&known, &ledger.key_history().unwrap()), "no key came or went");
    let next: Signer = crate::crypto::EcdsaKey::generate().unwrap().0.into();
    ledger.key_added("data-token", next.jwk()).await.unwrap();
    let kid = |keys: &Value| keys["keys"].as_array().unwrap().last().unwrap()["kid"].clone();
    assert_eq!(kid(&ledger.key_history().unwrap()), json!(next.jwk().kid()));
}

#[tokio::test]
async fn a_data_token_of_the_access_token_key_is_refused() {
    let world = World::new();
    let ledger = world.begun().await;
    let keys = verify::Jwks::parse(&ledger.key_history().unwrap().to_string()).unwrap();
    let ring = KeyRing::open(world.keys.path(), &credential()).unwrap();
    let access: Signer = ring.access_token.into_iter().next().unwrap().into_key().into();
    let now = NOW.unix();
    let claims = json!({"iss": "i", "aud": "a", "iat": now, "exp": now + 60});
    let expected = verify::Expected { issuer: "i", audience: "a", now };
    let verified = |signer: &Signer| {
        let token = crate::jose::sign(signer, "data-release+jwt", &claims).unwrap();
        verify::DataToken::verify(&token, &keys, &expected).map(|_| ())
    };
    assert!(matches!(verified(&access), Err(verify::Fault::Key(why)) if why.contains("data tokens")));
    let data: Signer =
        KeyRing::open(world.keys.path(), &credential()).unwrap().data_token.pop().unwrap().into_key().into();
    assert_eq!(verified(&data), Ok(()), "the control");
}
