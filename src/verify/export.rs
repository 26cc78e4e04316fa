//! The audit of an export: a folder, checked with no server and no network.
//!
//! What it is: the order of the checks. First the tree (`tree`): the leaves, the hashes and every root
//! that was signed. Then the entries (`history`): what they say, each after those before it.
//!
//! What it is not: proof that no other history was shown to others. An export agrees with what the auditor holds, or,
//! if they hold nothing, with itself; the report says which.
//!
//! INVARIANT: the report is `ok` only if every check was made and none failed. A departure is named once: the first.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::history::History;
use super::keys::KeyHistory;
use super::report::Halt;
use super::tree::Held;
use super::{Departure, EntryProof, Fault, Report, Rests, Vkey, folder, history, tree};

/// What the auditor holds from elsewhere. All of it is optional; each part makes the audit say more.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// The log's vkey. Without it the export's own is taken, which proves nothing about who signed.
    pub vkey: Option<String>,
    /// Signed checkpoints, of any age.
    pub checkpoints: Vec<String>,
    /// Entry proofs: tlog-proof files.
    pub proofs: Vec<String>,
}

/// Audits the export in `folder`.
///
/// # Errors
/// [`Fault::File`] if there is no export to audit; any other fault if what the auditor holds cannot itself be verified.
/// Whatever is wrong with the entries is not an error: it is the report's departure.
pub fn audit(folder: &Path, trusted: &Trust) -> Result<Report, Fault> {
    let manifest = Manifest::read(folder)?;
    let mut report = Report {
        ok: false,
        origin: manifest.origin.clone(),
        size: manifest.size,
        checkpoints: 0,
        entries: BTreeMap::new(),
        persons: None,
        trusted: Rests {
            own_vkey: trusted.vkey.is_some(),
            checkpoints: trusted.checkpoints.len(),
            proofs: trusted.proofs.len(),
            covered: 0,
        },
        departs: None,
    };
    match examine(folder, &manifest, trusted, &mut report) {
        Ok(()) => report.ok = true,
        Err(Halt::Departs(departure)) => report.departs = Some(departure),
        Err(Halt::Broken(fault)) => return Err(fault),
    }
    Ok(report)
}

/// `manifest.json`.
#[derive(Deserialize)]
struct Manifest {
    format: String,
    origin: String,
    size: u64,
    vkey: String,
    opened: bool,
}

impl Manifest {
    fn read(folder: &Path) -> Result<Self, Fault> {
        let problem = |problem: &str| Fault::File { file: "manifest.json", problem: problem.to_owned() };
        let manifest: Self = folder::json(folder, "manifest.json")?;
        if manifest.format != "unefois-export/1" {
            return Err(problem("is of another format than `unefois-export/1`"));
        }
        if manifest.size == 0 {
            return Err(problem("has no entries, when a log has at least the one that created it"));
        }
        Ok(manifest)
    }

    /// The key to verify with: the auditor's, which the manifest must then name, or the manifest's own.
    fn vkey(&self, trusted: &Trust) -> Result<Vkey, Halt> {
        let vkey = Vkey::parse(trusted.vkey.as_ref().unwrap_or(&self.vkey))?;
        if vkey.origin() != self.origin {
            return Err(self
                .as_a_whole(format!("it is of the log {}, not of {}", self.origin.escape_debug(), vkey.origin()))
                .into());
        }
        if vkey.as_str() != self.vkey {
            return Err(self.as_a_whole("its vkey is not the one that you trust").into());
        }
        Ok(vkey)
    }

    fn as_a_whole(&self, reason: impl Into<String>) -> Departure {
        Departure::batch(0, self.size, reason)
    }
}

fn examine(folder: &Path, manifest: &Manifest, trusted: &Trust, report: &mut Report) -> Result<(), Halt> {
    let vkey = manifest.vkey(trusted)?;
    let held = hold(manifest, trusted, &vkey)?;
    let tree = tree::check(folder, manifest.size, &vkey, &held)?;
    report.checkpoints = tree.batches;
    report.trusted.covered = tree.covered;
    if let Some(departure) = tree.departure {
        return Err(departure.into());
    }
    let mut history = History::new(&manifest.origin, KeyHistory::read(folder)?);
    let outcome = history::check(folder, manifest.size, manifest.opened, &mut history);
    report.entries = history.entries();
    report.persons = manifest.opened.then(|| history.persons());
    outcome
}

/// Verifies what the auditor holds. If the key is the export's own, what does not verify speaks against the export.
fn hold(manifest: &Manifest, trusted: &Trust, vkey: &Vkey) -> Result<Held, Halt> {
    let against = |fault: Fault, what: &str| match (&trusted.vkey, &fault) {
        (None, Fault::Signature(_) | Fault::Origin(_)) => {
            Halt::from(manifest.as_a_whole(format!("its vkey is not the key that signed the {what} that is held")))
        }
        _ => fault.into(),
    };
    let mut held = Held::default();
    for note in &trusted.checkpoints {
        held.add_checkpoint(vkey.verify(note).map_err(|fault| against(fault, "checkpoint"))?);
    }
    for text in &trusted.proofs {
        held.add_proof(&EntryProof::verify(text, vkey).map_err(|fault| against(fault, "proof"))?);
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use serde_json::json;
    use tlog_tiles::{Hash, node_hash, record_hash};

    use super::super::testlog::{Folder, Key, ORIGIN, RELEASE, TestLog, act_blind, base64url};
    use super::super::{LEAF_SIZE, Place};
    use super::*;

    const FILES: [&str; 7] =
        ["manifest.json", "leaves", "hashes", "checkpoints.jsonl", "acts.jsonl", "persons.jsonl", "jwks.json"];

    /// What an auditor holds who saw the log at these sizes.
    fn held(sizes: &[u64]) -> Trust {
        let log = TestLog::story();
        Trust {
            vkey: Some(Key::log().vkey),
            checkpoints: sizes.iter().map(|&size| log.checkpoint(size)).collect(),
            proofs: Vec::new(),
        }
    }

    /// The story's export, opened: written once, copied for each test.
    fn story() -> Folder {
        static STORY: LazyLock<[Vec<u8>; 7]> = LazyLock::new(|| {
            let folder = TestLog::story().export(true);
            FILES.map(|file| folder.get(file))
        });
        let folder = Folder::new();
        FILES.iter().zip(STORY.iter()).for_each(|(file, bytes)| folder.put(file, bytes));
        folder
    }

    /// Audits the story's export after a change to its files.
    fn after(trusted: &Trust, change: impl FnOnce(&Folder)) -> Report {
        let folder = story();
        change(&folder);
        let report = audit(folder.path(), trusted).unwrap();
        assert_eq!(report.ok, report.departs.is_none());
        report
    }

    #[track_caller]
    fn at(report: &Report, place: Place, reason: &str) {
        let departure = report.departs.as_ref().expect("it departs");
        assert_eq!(departure.at, place, "{departure:?}");
        assert!(departure.reason.contains(reason), "{departure:?}");
    }

    fn entry(entry: u64) -> Place {
        Place::Entry { entry }
    }

    fn batch(from: u64, to: u64) -> Place {
        Place::Batch { from, to }
    }

    fn flip(folder: &Folder, file: &str, byte: usize) {
        folder.change(file, |bytes| bytes[byte] ^= 1);
    }

    /// Alters a leaf's person commitment and makes its hash fit.
    fn rehash(folder: &Folder, index: usize) {
        flip(folder, "leaves", index * LEAF_SIZE + 50);
        let leaves = folder.get("leaves");
        let hash = record_hash(&leaves[index * LEAF_SIZE..][..LEAF_SIZE]);
        folder.change("hashes", |hashes| hashes[index * 32..][..32].copy_from_slice(&hash.0));
    }

    fn remove(folder: &Folder, file: &str, index: usize, length: usize) {
        folder.change(file, |bytes| drop(bytes.drain(index * length..(index + 1) * length)));
    }

    fn remove_line(folder: &Folder, file: &str, index: usize) {
        let text = String::from_utf8(folder.get(file)).unwrap();
        let kept = text.split_inclusive('\n').enumerate().filter(|(number, _)| *number != index);
        folder.put(file, kept.map(|(_, line)| line).collect::<String>());
    }

    #[test]
    fn a_good_export_passes_and_the_report_says_what_that_means() {
        let report = after(&held(&[8, 25]), |_| {});
        assert!(report.ok);
        assert_eq!((report.size, report.checkpoints, report.origin.as_str()), (25, 6, ORIGIN));
        assert_eq!(report.trusted, Rests { own_vkey: true, checkpoints: 2, proofs: 0, covered: 25 });

        let report = after(&Trust::default(), |_| {});
        assert!(report.ok);
        assert_eq!(report.trusted, Rests { own_vkey: false, checkpoints: 0, proofs: 0, covered: 0 });
        assert!(report.to_string().contains("it was checked against itself only"), "{report}");

        assert_eq!(after(&held(&[0, 7]), |_| {}).trusted.covered, 7, "held sizes need not be those of batches");
    }

    #[test]
    fn the_report_is_readable_by_people_and_programs() {
        let report = after(&held(&[8]), |folder| flip(folder, "leaves", 5 * LEAF_SIZE + 50));
        let text = report.to_string();
        assert_eq!(text.lines().count(), 8);
        assert!(text.contains("result    DEPARTS at entry 5: its leaf is missing, or"), "{text}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((&json["ok"], &json["departs"]["entry"]), (&json!(false), &json!(5)));
        let report = after(&held(&[]), |folder| rehash(folder, 5));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((&json["departs"]["from"], &json["departs"]["to"]), (&json!(4), &json!(8)));
        assert!(report.to_string().contains("DEPARTS in the batch from 4 to 8: neither"), "{report}");
    }

    #[test]
    fn an_altered_leaf_is_named() {
        for trusted in [held(&[25]), held(&[8]), held(&[]), Trust::default()] {
            for byte in [0, 1, 3, 11, 12, 44, 76, 127] {
                let report = after(&trusted, |folder| flip(folder, "leaves", 9 * LEAF_SIZE + byte));
                at(&report, entry(9), "its leaf is missing, or is not the one whose hash");
            }
        }
    }

    #[test]
    fn the_first_of_several_is_named() {
        let report = after(&held(&[25]), |folder| {
            flip(folder, "leaves", 20 * LEAF_SIZE);
            flip(folder, "leaves", 3 * LEAF_SIZE);
        });
        at(&report, entry(3), "leaf");
    }

    #[test]
    fn an_altered_hash_is_named() {
        for trusted in [held(&[25]), held(&[10]), held(&[])] {
            for index in [0, 9, 11, 24] {
                let report = after(&trusted, |folder| flip(folder, "hashes", index * 32 + 5));
                at(&report, entry(index as u64), "its level-0 hash is missing, or is not the one of its leaf");
            }
        }
    }

    #[test]
    fn a_leaf_altered_with_its_hash_is_in_its_batch() {
        for trusted in [held(&[25]), held(&[]), held(&[4, 25])] {
            let report = after(&trusted, |folder| rehash(folder, 9));
            at(&report, batch(8, 12), "neither leaves nor hashes lead to the root of the checkpoint of 12");
        }
        let report = after(&held(&[10]), |folder| rehash(folder, 11));
        at(&report, batch(10, 12), "neither");
        let report = after(&held(&[10]), |folder| rehash(folder, 9));
        at(&report, batch(0, 10), "rewritten or forked");
    }

    #[test]
    fn a_held_root_names_the_leaf_even_when_checkpoints_are_lost() {
        let lose = |folder: &Folder| {
            flip(folder, "leaves", 9 * LEAF_SIZE);
            folder.put("checkpoints.jsonl", "");
        };
        at(&after(&held(&[25]), lose), entry(9), "the root that is held");
        at(&after(&held(&[8]), lose), batch(0, 25), "there is no checkpoint of the whole export");
    }

    #[test]
    fn a_held_proof_names_its_entry() {
        let log = TestLog::story();
        let trusted = Trust { proofs: vec![log.proof(9, 12, true), log.proof(2, 25, false)], ..held(&[]) };
        let report = after(&trusted, |_| {});
        assert!(report.ok);
        assert_eq!((report.trusted.proofs, report.trusted.covered), (2, 25));
        at(&after(&trusted, |folder| rehash(folder, 9)), entry(9), "it is not the entry of the proof that is held");
        at(&after(&trusted, |folder| rehash(folder, 5)), batch(4, 8), "neither");
    }

    #[test]
    fn altered_checkpoints_are_named_by_their_batch() {
        let note = TestLog::story().checkpoint(8);
        let (text, signature) = note.split_once("\n\n").unwrap();
        let line = |text: &str| json!(text).to_string().trim_matches('"').to_owned();
        let signature_at = signature.trim_end().rsplit_once(' ').unwrap().1;
        let other = signature_at.replacen(|c: char| c.is_ascii_lowercase(), "Z", 1);
        let report = after(&held(&[25]), |folder| folder.replace("checkpoints.jsonl", signature_at, &other));
        at(&report, batch(4, 8), "the checkpoint of 8 entries: there is no good signature by");

        let root = text.rsplit_once('\n').unwrap().1;
        let forged = TestLog::story().root(3).to_string();
        let report = after(&held(&[25]), |folder| folder.replace("checkpoints.jsonl", &line(root), &forged));
        at(&report, batch(4, 8), "no good signature");

        let report = after(&held(&[]), |folder| folder.replace("checkpoints.jsonl", "\"size\":8}", "\"size\":9}"));
        at(&report, batch(4, 9), "what is given as the checkpoint of 9 entries is one of 8");
        let report = after(&held(&[]), |folder| folder.replace("checkpoints.jsonl", "\"size\":8}", "\"size\":4}"));
        at(&report, batch(4, 25), "do not rise");
        let report = after(&held(&[]), |folder| folder.replace("checkpoints.jsonl", "\"size\":8}", "\"size\":26}"));
        at(&report, batch(4, 25), "do not rise");

        let of_another_log = Key::log().checkpoint("other.example", 8, TestLog::story().root(8));
        let report =
            after(&held(&[]), |folder| folder.replace("checkpoints.jsonl", &line(&note), &line(&of_another_log)));
        at(&report, batch(4, 8), "the checkpoint is not of the log");
    }

    #[test]
    fn altered_openings_are_named() {
        let blind = base64url(&act_blind(RELEASE));
        let other = base64url(&act_blind(0));
        let report = after(&held(&[]), |folder| folder.replace("acts.jsonl", &blind, &other));
        at(&report, entry(6), "the act is not the one that its commitment binds");
        let report = after(&held(&[]), |folder| folder.replace("acts.jsonl", r#"\"jti\":\"r2\""#, r#"\"jti\":\"r9\""#));
        at(&report, entry(9), "the act is not the one that its commitment binds");
        let report =
            after(&held(&[]), |folder| folder.replace("persons.jsonl", r#"\"record\":\"d1\""#, r#"\"record\":\"d2\""#));
        at(&report, entry(4), "the person part is not the one that its commitment binds");
    }

    #[test]
    fn dropped_and_swapped_entries_are_named() {
        // From the leaves alone, from leaves and hashes, and with the counts made to fit.
        let report = after(&held(&[25]), |folder| remove(folder, "leaves", 9, LEAF_SIZE));
        at(&report, entry(9), "its leaf is missing");
        let drop_both = |folder: &Folder| {
            remove(folder, "leaves", 9, LEAF_SIZE);
            remove(folder, "hashes", 9, 32);
        };
        at(&after(&held(&[25]), drop_both), batch(8, 12), "neither");
        let report = after(&held(&[25]), |folder| {
            drop_both(folder);
            folder.replace("manifest.json", "\"size\":25", "\"size\":24");
            folder.replace("checkpoints.jsonl", "\"size\":25", "\"size\":24");
        });
        at(&report, batch(8, 12), "neither");

        let swap = |bytes: &mut Vec<u8>, length: usize| {
            let (left, right) = bytes.split_at_mut(10 * length);
            left[9 * length..].swap_with_slice(&mut right[..length]);
        };
        let report = after(&held(&[25]), |folder| folder.change("leaves", |bytes| swap(bytes, LEAF_SIZE)));
        at(&report, entry(9), "its leaf");
        let report = after(&held(&[25]), |folder| {
            folder.change("leaves", |bytes| swap(bytes, LEAF_SIZE));
            folder.change("hashes", |bytes| swap(bytes, 32));
        });
        at(&report, batch(8, 12), "neither");
    }

    #[test]
    fn lost_and_swapped_lines_are_named() {
        let swapped = "the one of another entry is in its place";
        let report = after(&held(&[]), |folder| remove_line(folder, "acts.jsonl", 9));
        at(&report, entry(9), swapped);
        let report = after(&held(&[]), |folder| remove_line(folder, "persons.jsonl", 9));
        at(&report, entry(9), swapped);
        for file in ["acts.jsonl", "persons.jsonl"] {
            let report = after(&held(&[]), |folder| remove_line(folder, file, 24));
            at(&report, entry(24), "ends before this entry");
            let report = after(&held(&[]), |folder| folder.change(file, |bytes| bytes.extend(b"{}\n")));
            at(&report, entry(25), "goes on after the last of the 25 entries");
            let report = after(&held(&[]), |folder| folder.change(file, |bytes| bytes.truncate(bytes.len() - 1)));
            at(&report, entry(24), "ends in the middle of a line");
            let report =
                after(&held(&[]), |folder| folder.change(file, |bytes| bytes.splice(0..0, *b"\n").for_each(drop)));
            at(&report, entry(0), "has a line without the members it should have");
            let report = after(&held(&[]), |folder| folder.put(file, vec![b' '; 2 << 20]));
            at(&report, entry(0), "has a line that is too long");
        }
        let report = after(&held(&[]), |folder| remove_line(folder, "checkpoints.jsonl", 5));
        at(&report, batch(20, 25), "there is no checkpoint of the whole export");
        let report = after(&held(&[]), |folder| folder.change("checkpoints.jsonl", |bytes| bytes.push(b'\n')));
        at(&report, entry(25), "goes on");
        let report = after(&held(&[]), |folder| remove_line(folder, "checkpoints.jsonl", 2));
        assert_eq!((report.ok, report.checkpoints), (true, 5), "a missing checkpoint in between is only less evidence");
    }

    #[test]
    fn a_truncated_tail_is_named() {
        for (leaves, hashes, place) in
            [(10, 25, entry(10)), (25, 10, entry(10)), (10, 10, batch(8, 12)), (8, 8, entry(8))]
        {
            let report = after(&held(&[25]), |folder| {
                folder.change("leaves", |bytes| bytes.truncate(leaves * LEAF_SIZE));
                folder.change("hashes", |bytes| bytes.truncate(hashes * 32));
            });
            assert_eq!(report.departs.unwrap().at, place);
        }
        let report = after(&held(&[]), |folder| folder.change("leaves", |bytes| bytes.truncate(bytes.len() - 1)));
        at(&report, entry(24), "its leaf is missing");
        for file in ["leaves", "hashes"] {
            let report = after(&held(&[]), |folder| folder.change(file, |bytes| bytes.push(0)));
            at(&report, entry(25), "goes on after the last of the 25 entries");
        }
    }

    /// The same log, cut back to a batch: every file is in order, and the log's key signed all of it.
    fn cut(size: usize) -> TestLog {
        let mut log = TestLog::story();
        log.entries.truncate(size);
        log.batches.retain(|&batch| batch <= size);
        log.jwks["keys"].as_array_mut().unwrap().retain(|key| key["log"]["from"].as_u64().unwrap() < size as u64);
        for key in log.jwks["keys"].as_array_mut().unwrap() {
            key["log"].as_object_mut().unwrap().retain(|_, at| at.as_u64().is_none_or(|at| at < size as u64));
        }
        log
    }

    #[test]
    fn inner_nodes_do_not_pass_for_hashes() {
        let folder = cut(8).export(true);
        let hashes = folder.get("hashes");
        let pairs = hashes.chunks(64).map(|pair| {
            let [left, right] = [0, 32].map(|at| Hash(pair[at..at + 32].try_into().unwrap()));
            node_hash(left, right).0
        });
        folder.put("hashes", pairs.collect::<Vec<_>>().concat());
        let report = audit(folder.path(), &held(&[8])).unwrap();
        at(&report, entry(0), "its level-0 hash is missing, or is not the one of its leaf");
        assert_eq!(report.trusted.covered, 0);
    }

    #[test]
    fn a_log_cut_back_is_seen_by_who_holds_a_later_checkpoint() {
        let folder = cut(12).export(true);
        assert!(audit(folder.path(), &held(&[12])).unwrap().ok, "by itself nothing is wrong with it");
        let report = audit(folder.path(), &held(&[8, 20])).unwrap();
        at(&report, batch(12, 20), "the export ends before the checkpoint of 20 entries that is held");
        assert_eq!(report.trusted.covered, 8);
    }

    #[test]
    fn a_fork_is_seen_by_who_holds_a_checkpoint() {
        let mut fork = TestLog::story();
        fork.entries[9].person["note"] = json!("another history, signed by the same key");
        let folder = fork.export(true);
        assert!(audit(folder.path(), &held(&[8])).unwrap().ok, "who holds less sees less");
        let report = audit(folder.path(), &held(&[8, 12, 25])).unwrap();
        at(&report, batch(8, 12), "the checkpoint of 12 entries that is held: the log was rewritten or forked");
        let proof = Trust { proofs: vec![TestLog::story().proof(9, 25, true)], ..held(&[]) };
        at(&audit(folder.path(), &proof).unwrap(), entry(9), "it is not the entry of the proof that is held");
        let proof = Trust { proofs: vec![TestLog::story().proof(2, 25, true)], ..held(&[]) };
        at(&audit(folder.path(), &proof).unwrap(), batch(0, 25), "rewritten or forked");
    }

    #[test]
    fn another_log_or_key_is_named() {
        let other =
            Trust { vkey: Some(Key::named("other.example", super::super::testlog::SEEDS[0]).vkey), ..held(&[]) };
        at(&after(&other, |_| {}), batch(0, 25), "it is of the log log.example.org/unefois, not of other.example");
        let key = Trust { vkey: Some(Key::another().vkey), ..Trust::default() };
        at(&after(&key, |_| {}), batch(0, 25), "its vkey is not the one that you trust");
        let report =
            after(&held(&[]), |folder| folder.replace("manifest.json", &Key::log().vkey, &Key::another().vkey));
        at(&report, batch(0, 25), "its vkey is not the one that you trust");
        let report =
            after(&held(&[]), |folder| folder.replace("manifest.json", &format!("\"{ORIGIN}\""), r#""\u001b[2J""#));
        assert!(!report.to_string().contains('\u{1b}'), "an export does not write to the terminal as it likes");
        // An export in which everything was signed again with another key, against who holds only a checkpoint.
        let held_only = Trust { vkey: None, ..held(&[8]) };
        let report =
            after(&held_only, |folder| folder.replace("manifest.json", &Key::log().vkey, &Key::another().vkey));
        at(&report, batch(0, 25), "its vkey is not the key that signed the checkpoint that is held");
        assert!(after(&held_only, |_| {}).ok);
    }

    #[test]
    fn what_is_held_must_itself_verify() {
        let folder = story();
        let try_with = |trusted: &Trust| audit(folder.path(), trusted).unwrap_err();
        let foreign = Key::another().checkpoint(ORIGIN, 8, TestLog::story().root(8));
        let trusted = Trust { checkpoints: vec![foreign], ..held(&[]) };
        assert_eq!(try_with(&trusted), Fault::Signature(Key::log().vkey));
        let trusted =
            Trust { proofs: vec![TestLog::story().proof(9, 12, true).replace("index 9", "index 8")], ..held(&[]) };
        assert_eq!(try_with(&trusted), Fault::Inclusion);
        let trusted = Trust { vkey: Some("none".to_owned()), ..Trust::default() };
        assert!(matches!(try_with(&trusted), Fault::Malformed { what: "vkey", .. }));
    }

    #[test]
    fn what_is_no_export_is_an_error() {
        for file in FILES {
            let folder = story();
            folder.remove(file);
            let fault = audit(folder.path(), &held(&[25])).unwrap_err();
            assert!(matches!(fault, Fault::File { file: named, .. } if named == file), "{fault}");
            assert!(fault.to_string().starts_with(&format!("the file `{file}` cannot be opened")), "{fault}");
        }
        for (file, from, to) in [
            ("manifest.json", "unefois-export/1", "unefois-export/2"),
            ("manifest.json", "\"size\":25", "\"size\":0"),
            ("manifest.json", "\"size\":25", "\"size\":-1"),
            ("manifest.json", "\"opened\":true", "\"opened\":false"),
            ("manifest.json", "\"opened\":true", "\"openly\":true"),
            ("jwks.json", "\"kid\":\"t2\"", "\"kid\":\"t1\""),
            ("jwks.json", "\"kid\":\"t2\"", "\"kind\":\"t2\""),
            ("jwks.json", "\"log\":{\"from\":14,\"use\":\"data-token\"}", "\"log\":14"),
        ] {
            let folder = story();
            folder.replace(file, from, to);
            assert!(audit(folder.path(), &held(&[25])).is_err(), "{to}");
        }
    }

    #[test]
    fn an_impossible_size_is_no_reason_to_allocate() {
        let report =
            after(&held(&[]), |folder| folder.replace("manifest.json", "\"size\":25", "\"size\":18446744073709551615"));
        at(&report, entry(25), "the files `leaves` and `hashes` end before it");
    }

    static NEWEST: LazyLock<Trust> = LazyLock::new(|| held(&[25]));

    proptest! {
        /// Any bit, of any file: the auditor holds the vkey and the newest checkpoint.
        #[test]
        fn no_flipped_bit_passes(file in prop::sample::select(&FILES[..]), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
            let folder = story();
            let at = at.index(folder.get(file).len());
            folder.change(file, |bytes| bytes[at] ^= 1 << bit);
            let result = audit(folder.path(), &NEWEST);
            prop_assert!(!result.is_ok_and(|report| report.ok));
        }

        /// Any file cut short, or with bytes after its end.
        #[test]
        fn no_other_length_passes(file in prop::sample::select(&FILES[..]), at in any::<prop::sample::Index>(), longer: bool) {
            let folder = story();
            folder.change(file, |bytes| if longer { bytes.push(b'!') } else { bytes.truncate(at.index(bytes.len())) });
            let result = audit(folder.path(), &NEWEST);
            prop_assert!(!result.is_ok_and(|report| report.ok));
        }
    }
}
