//! What only SQLite can suffer: its folder, its file, a disk that takes no more.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::stand::{InSqlite, Stand};
use super::{Bench, Chain, Folder, NOW, SUBJECT, entry};
use crate::store::{Class, Fault, Sqlite, Store as _, WrappedKey, Write};

#[track_caller]
fn refused(result: Result<Sqlite, Fault>, because: &str) {
    let Err(Fault::Broken(why)) = result else { panic!("it starts") };
    assert!(why.contains(because), "{why}");
}

#[test]
fn one_engine_per_folder() {
    let bench = Bench::<InSqlite>::up();
    refused(bench.stand.open(), "in use by another process");
    bench.outcomes(&[entry(1)]);
    bench.reopened().outcomes(&[entry(2)]);
}

#[test]
fn a_record_is_not_made_over_another() {
    let bench = Bench::<InSqlite>::up();
    bench.outcomes(&[entry(1)]);
    refused(bench.stand.create(), "already holds a record");
    let Bench { stand, store, .. } = bench;
    drop(store);
    refused(stand.create(), "already holds a record");
    assert_eq!(stand.open().unwrap().head().unwrap().size, 1);
}

#[test]
fn a_record_is_opened_or_refused_never_made() {
    let stand = InSqlite::new();
    refused(stand.open(), "holds no record");
    assert_eq!(fs::read_dir(stand.0.path()).unwrap().count(), 0, "and nothing is left behind");
    fs::write(stand.file(), "").unwrap();
    refused(stand.open(), "not a record of Unefois");
    fs::write(stand.file(), vec![7; 8192]).unwrap();
    refused(stand.open(), "");
    fs::remove_file(stand.file()).unwrap();
    stand.behind("CREATE TABLE meta (name TEXT, value INTEGER)").unwrap();
    refused(stand.open(), "not a record of Unefois");
    stand.behind("INSERT INTO meta VALUES ('format', 1)").unwrap();
    refused(stand.open(), "the record has format 1, and this program reads format 3; it is from before");
    stand.behind("UPDATE meta SET value = 2").unwrap();
    refused(stand.open(), "the record has format 2, and this program reads format 3; it is from before");
    stand.behind("UPDATE meta SET value = 4").unwrap();
    refused(stand.open(), "a newer program made it");
}

#[test]
fn a_record_in_a_folder_that_is_not_there_is_refused() {
    let folder = Folder::new();
    let missing = folder.path().join("missing");
    refused(Sqlite::open(&missing), "holds no record");
    refused(Sqlite::create(&missing), "missing");
}

#[test]
fn a_destroyed_key_is_nowhere_in_the_folder() {
    let bench = Bench::<InSqlite>::up();
    let key = WrappedKey { epoch: 1, wrapped: b"the wrapped key of someone who leaves".to_vec() };
    let held = |bench: &Bench<InSqlite>| {
        fs::read_dir(bench.stand.0.path()).unwrap().any(|file| {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            bytes.windows(key.wrapped.len()).any(|window| window == key.wrapped)
        })
    };
    bench.write(vec![Write::PutKey(SUBJECT, Class::Evidence, key.clone())]);
    assert!(held(&bench), "the search finds what is there");
    bench.store.head().unwrap();
    bench.write(vec![Write::DestroyKeys(SUBJECT, vec![Class::Evidence])]);
    assert!(!held(&bench));
    assert!(!held(&bench.reopened()));
}

const FOLDER: &str = "UNEFOIS_TEST_FOLDER";
const ACKNOWLEDGED: &str = "acknowledged ";

/// A disk that takes no more: a process that may write no file beyond 2 MiB, on which every write then fails.
#[test]
fn when_the_disk_takes_no_more_nothing_acknowledged_is_lost() {
    let stand = InSqlite::new();
    stand.create().unwrap();
    let limited = "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\"";
    let arguments = ["store::contract::sqlite::writes_until_it_cannot", "--exact", "--ignored", "--nocapture"];
    let mut command = Command::new("sh");
    command.args(["-c", limited]).arg(std::env::current_exe().unwrap()).args(arguments);
    let output = command.env(FOLDER, stand.0.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let (_, rest) = said.split_once(ACKNOWLEDGED).expect(&said);
    let acknowledged: u64 = rest.lines().next().unwrap().parse().unwrap();
    assert!(acknowledged > 0);

    let store = stand.open().unwrap();
    let size = store.head().unwrap().size;
    assert!(size >= acknowledged, "{size} of {acknowledged}");
    let rows = store.entries(0, usize::try_from(size).unwrap()).unwrap();
    assert!((0..size).eq(rows.iter().map(|row| row.index)));
    assert_eq!(store.checkpoints(size - 1, 9).unwrap().len(), 1);
    let batch = store.commit(&[entry(1)], NOW, &Chain::default()).unwrap();
    assert_eq!(batch.outcomes[0].as_ref().unwrap().index, Some(size), "started again, it goes on");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn writes_until_it_cannot() {
    let folder = std::env::var_os(FOLDER).expect("the folder");
    let store = Sqlite::open(Path::new(&folder)).unwrap();
    let mut acknowledged = 0;
    let mut large = entry(1);
    large.entry.as_mut().unwrap().act = vec![1; 20_000];
    let fault = loop {
        match store.commit(std::slice::from_ref(&large), NOW, &Chain::default()) {
            Ok(batch) => acknowledged = batch.after.size,
            Err(fault) => break fault,
        }
        assert!(acknowledged < 10_000, "the limit does not hold");
    };
    assert!(matches!(fault, Fault::Broken(_)), "{fault}");
    assert!(matches!(store.health(), Err(Fault::Broken(_))));
    assert!(matches!(store.commit(&[entry(1)], NOW, &Chain::default()), Err(Fault::Broken(_))), "no more writes");
    assert_eq!(store.head().unwrap().size, acknowledged, "it still reads what it acknowledged, and no more");
    println!("{ACKNOWLEDGED}{acknowledged}");
}
