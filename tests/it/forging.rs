//! What does not compile: forging lines, put into `broker/` one by one, each refused by the compiler with its own error.
//!
//! The control is the same house with a file in `broker/` that forges nothing: it compiles.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A body of `forge`, what it forges, and the compiler's error code.
const FORGED: &[(&str, &str, &str)] = &[
    ("a token made by hand", "let _ = DataToken { ..token };", "E0451"),
    ("an entry made by hand", "let _ = Recorded { ..recorded };", "E0451"),
    ("a token of values that were not recorded", "let _ = ledger.sign(opened);", "E0308"),
    ("a token signed twice for one entry", "let _ = (ledger.sign(recorded), ledger.sign(recorded));", "E0382"),
    ("the data-token key, out of the ledger", "let _ = &ledger.tokens;", "E0616"),
    ("the signer of data tokens, made by hand", "let _: Option<crate::ledger::release::TokenSigner> = None;", "E0603"),
    ("an entry of values that were not opened", "drop(ledger.release(minimised, catalogue, ties, request));", "E0308"),
    ("values beyond the permit, made by hand", "let _ = Minimised { ..minimised };", "E0451"),
    ("values opened from the permit itself", "let _ = open(permit, safe);", "E0308"),
    ("values opened by hand", "let _ = Opened { ..opened };", "E0451"),
    ("values added to what was opened", "drop(opened.values().clone_into(&mut opened.values));", "E0616"),
    ("values of one ask, under another's permit", "let _ = Opened { values: opened.values, ..other };", "E0616"),
    ("another ask in a permit", "let _ = Permit { act: ask, ..permit };", "E0451"),
    ("another ask beside a permit", "let _ = minimise(ask, permit);", "E0061"),
    ("one permit, used twice", "let _ = (minimise(permit), minimise(permit));", "E0382"),
    ("a permit without a decision", "let _ = Permit::<Ask>::default();", "E0599"),
];

/// What every line has at hand: as much as any job of the broker could be given.
fn forged(line: &str) -> String {
    format!(
        "#![allow(missing_docs, unused, clippy::all)]\n\
         use super::safe::Safe;\n\
         use crate::domain::{{Ask, Catalogue}};\n\
         use crate::ledger::{{DataToken, Ledger, Recorded, Ties}};\n\
         use crate::policy::{{Minimised, Opened, Permit, minimise, open}};\n\
         #[expect(clippy::too_many_arguments)]\n\
         fn forge(ask: Ask, permit: Permit<Ask>, minimised: Minimised<Ask>, opened: Opened<Ask>, other: Opened<Ask>,\n\
         recorded: Recorded, token: DataToken, ledger: &Ledger, safe: &Safe, catalogue: &Catalogue, ties: Ties, request: [u8; 32])\n\
         {{\n{line}\n}}\n"
    )
}

#[test]
fn a_forging_line_in_the_broker_does_not_compile() {
    let house = House::copy();
    assert_eq!(house.errors_with("drop((ask, permit));"), Vec::<String>::new(), "the control compiles");
    for (what, line, code) in FORGED {
        let errors = house.errors_with(line);
        assert!(!errors.is_empty(), "{what}: compiles");
        assert!(errors.iter().all(|error| error == code), "{what}: {errors:?}, not {code}");
    }
}

/// This crate over again, with a broker that takes a line.
struct House {
    root: PathBuf,
    target: PathBuf,
}

impl House {
    fn copy() -> Self {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR"));
        let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let root = scratch.join("forging");
        // Left over from a run before, if there was one.
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("src")).unwrap();
        link_all(ours, &root, &["src", "target"]);
        link_all(&ours.join("src"), &root.join("src"), &["broker"]);
        let broker = root.join("src/broker");
        fs::create_dir(&broker).unwrap();
        link_all(&ours.join("src/broker"), &broker, &["mod.rs"]);
        let module = fs::read_to_string(ours.join("src/broker/mod.rs")).unwrap();
        fs::write(broker.join("mod.rs"), format!("{module}\nmod forged;\n")).unwrap();
        Self { root, target: scratch.parent().unwrap().to_owned() }
    }

    /// Codes of the compiler's errors, all of them in the line's own file.
    fn errors_with(&self, line: &str) -> Vec<String> {
        fs::write(self.root.join("src/broker/forged.rs"), forged(line)).unwrap();
        let checked = Command::new(env!("CARGO"))
            .args(["check", "--lib", "--locked", "--offline", "--quiet", "--message-format=json"])
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            .output()
            .unwrap();
        let errors: Vec<String> = String::from_utf8(checked.stdout).unwrap().lines().filter_map(error).collect();
        let said = String::from_utf8_lossy(&checked.stderr);
        assert_eq!(checked.status.success(), errors.is_empty(), "cargo check: {said}");
        errors
    }
}

fn error(line: &str) -> Option<String> {
    let message: Value = serde_json::from_str(line).ok()?;
    let message = message.get("message").filter(|message| message["level"] == "error")?;
    // "aborting due to …" has no place.
    let place = message["spans"].as_array()?.first()?["file_name"].as_str()?.to_owned();
    assert!(place.ends_with("broker/forged.rs"), "{place}: {message}");
    Some(message["code"]["code"].as_str().unwrap_or("none").to_owned())
}

fn link_all(from: &Path, to: &Path, except: &[&str]) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if !except.iter().any(|skipped| name == *skipped) && name != ".git" {
            symlink(entry.path(), to.join(&name)).unwrap();
        }
    }
}
