//! The house keeps its order: a module imports only modules to its left, and what is contained stays contained.

use std::fs;
use std::path::{Path, PathBuf};

/// DESIGN 5: left to right.
const ORDER: &[&str] = &[
    "verify",
    "clock",
    "telemetry",
    "domain",
    "crypto",
    "jose",
    "store",
    "ephemeral",
    "outbound",
    "identity",
    "policy",
    "ledger",
    "broker",
    "i18n",
    "pages",
    "http",
    "config",
    "app",
    "cli",
    "dev",
    "main",
];

/// A crate, and the only places under `src/` that may name it.
const CONTAINED: &[(&str, &[&str])] = &[
    ("axum", &["http", "app", "dev"]),
    ("axum_server", &["app", "dev"]),
    ("cedar_policy", &["policy"]),
    ("openidconnect", &["identity/login"]),
    ("ring", &["crypto"]),
    ("redis", &["ephemeral/redis.rs"]),
    ("rusqlite", &["store"]),
    ("jiff", &["clock.rs"]),
    ("tlog_tiles", &["verify"]),
    ("signed_note", &["verify"]),
    ("rcgen", &["dev"]),
];

fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    found.sort();
    found.into_iter().map(|path| (path.strip_prefix(&root).unwrap().display().to_string(), code_of(&path))).collect()
}

/// A file's code without comments and without its test module.
fn code_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let before_tests = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    before_tests.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn is_test_file(file: &str) -> bool {
    file.contains("/tests") || file.contains("contract") || file.ends_with("samples.rs") || file.ends_with("testlog.rs")
}

fn layer(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap_or_default()
}

#[test]
fn a_module_imports_only_modules_to_its_left() {
    let place = |name: &str| ORDER.iter().position(|layer| *layer == name);
    for (file, code) in sources().into_iter().filter(|(file, _)| file != "lib.rs" && !is_test_file(file)) {
        let own = place(layer(&file)).unwrap_or_else(|| panic!("{file} is in no layer"));
        for name in code.split("crate::").skip(1).filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next()) {
            let Some(theirs) = place(name) else { continue };
            // The command line hands over to the trial environment, which is to its right and in no packaged build.
            let hands_over = file == "cli/mod.rs" && name == "dev";
            assert!(theirs <= own || hands_over, "{file} imports crate::{name}, which is to its right");
        }
    }
}

#[test]
fn what_is_contained_stays_contained() {
    for (file, code) in sources().into_iter().filter(|(file, _)| !is_test_file(file)) {
        for (name, homes) in CONTAINED {
            // The start of a path, not the end of another word or a module of another crate.
            let starts = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            let named = code.match_indices(&format!("{name}::")).any(|(at, _)| starts(at));
            let at_home = homes
                .iter()
                .any(|home| file == *home || file.starts_with(&format!("{home}/")) || file == format!("{home}.rs"));
            assert!(!named || at_home, "{file} names {name}, which belongs in {homes:?}");
        }
    }
}

#[test]
fn the_second_implementation_shares_nothing() {
    for (file, code) in sources().into_iter().filter(|(file, _)| file.starts_with("verify") && !is_test_file(file)) {
        let ours = code.split("crate::").skip(1).any(|rest| !rest.starts_with("verify"));
        assert!(!ours, "{file} imports from the crate");
    }
}
