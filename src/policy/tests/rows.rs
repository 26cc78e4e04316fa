//! The table of rows: what it names is there, and what is not yet answered is said once.

use std::collections::BTreeSet;
use std::path::Path;

use super::cases::{cases, rules_without};
use crate::policy::cases::Coverage;
use crate::policy::rows::{Place, Priority, ROWS, table};

/// Rows of the first rank that nothing answers yet. Whoever answers one takes it out.
const STILL_OPEN: [u8; 1] = [18];

fn lines() -> Vec<crate::policy::rows::Line> {
    let rules = rules_without(None);
    table(&rules, &Coverage::of(&rules, &cases()))
}

#[test]
fn no_p0_row_is_empty() {
    let answered = |line: &&crate::policy::rows::Line| !line.place.starts_with("road: ") && !line.cases.is_empty();
    let answered: BTreeSet<u8> = lines().iter().filter(answered).map(|line| line.row).collect();
    let first = ROWS.iter().filter(|row| row.priority == Priority::P0).map(|row| row.row);
    let open: Vec<u8> = first.filter(|row| !answered.contains(row)).collect();
    assert_eq!(open, STILL_OPEN);
}

#[test]
fn a_rule_stands_in_each_row_that_it_names_with_its_cases() {
    let lines = lines();
    for row in [4, 8] {
        let line = lines.iter().find(|line| line.row == row && line.place == "minor-under-14").unwrap();
        assert_eq!(line.file, "rules/minor-under-14.cedar");
        assert!(line.cases.contains(&"release-by-consent: given alone at 13".to_owned()), "{line:?}");
    }
}

#[test]
fn the_rows_are_numbered_and_what_they_name_is_in_the_tree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(ROWS.iter().map(|row| row.row).eq(1..=42));
    let tests = ["src", "tests/it", "tests/web"].map(|folder| texts(&root.join(folder))).concat();
    for place in ROWS.iter().flat_map(|row| row.places) {
        let Place::Function { name, file, tests: named } = place else { continue };
        let text = std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let defined = ["fn", "struct", "enum", "macro"].map(|word| format!("{word} {name}"));
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let found = defined.iter().any(|word| text.split(word).skip(1).any(ends));
        assert!(found, "{name} is not in {file}");
        assert!(!named.is_empty(), "{name} has no test");
        for test in *named {
            let (rust, web) = (format!("fn {test}("), format!("test('{test}'"));
            assert!(tests.contains(&rust) || tests.contains(&web), "there is no test `{test}`");
        }
    }
}

fn texts(folder: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.extension().and_then(|ending| ending.to_str());
        match kind {
            None if path.is_dir() && !path.ends_with("node_modules") => all.push_str(&texts(&path)),
            Some("rs" | "mjs") => all.push_str(&std::fs::read_to_string(&path).unwrap()),
            _ => {}
        }
    }
    all
}
