//! A bundle by itself, as who writes rules checks it and runs its cases.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use unefois::policy::{demo_catalogue, product_cases, product_rules};

use super::harness::program;

/// A folder with the product's rules and cases on the fictional catalogue, gone with the test.
struct Bundle(PathBuf);

impl Bundle {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("unefois-it-policy-{name}-{}", std::process::id()));
        for (path, text) in product_rules().into_iter().chain(demo_catalogue()).chain(product_cases()) {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn replace(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.0.join(file)).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(self.0.join(file), text.replacen(from, to, 1)).unwrap();
    }

    fn asked(&self, command: &str) -> (bool, Value) {
        policy(&[command, self.0.to_str().unwrap(), "--json"])
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn policy(options: &[&str]) -> (bool, Value) {
    let output = Command::new(program()).arg("policy").args(options).output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{options:?}: {}", String::from_utf8_lossy(&output.stderr));
    (output.status.success(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn the_table_joins_rows_rules_and_cases() {
    let (good, said) = policy(&["check", "--table", "--json"]);
    assert!(good && said["notes"].as_array().unwrap().is_empty(), "{said:#}");
    let line = |row: u8, place: &str| {
        let lines = said["table"].as_array().unwrap().iter();
        lines.filter(|line| line["row"] == row && line["where"] == place).cloned().collect::<Vec<_>>()
    };
    let rule = &line(7, "consent-withdrawn")[0];
    assert_eq!(rule["file"], "rules/consent-withdrawn.cedar");
    assert!(rule["cases"].as_array().unwrap().contains(&"release-by-consent: withdrawn".into()), "{rule}");
    assert_eq!(line(42, "Day")[0]["file"], "src/clock.rs");
    assert_eq!(line(22, "road: the officers' console").len(), 1);
    let text = Command::new(program()).args(["policy", "check", "--table"]).output().unwrap().stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains(" 7  P0  a withdrawal works at once") && text.contains("\n42  P2  "), "{text}");
}

#[test]
fn what_is_wrong_in_a_bundle_or_its_cases_is_told_with_its_place() {
    let bundle = Bundle::new("wrong");
    assert_eq!(bundle.asked("check").1["ok"], true);
    bundle.replace("cases/read-log.json", "\"reason\": true", "\"reason\": \"yes\"");
    let (good, said) = bundle.asked("check");
    let finding = &said["findings"][0];
    assert!(!good && finding["file"].as_str().unwrap().ends_with("cases/read-log.json"), "{said:#}");
    assert!(finding["message"].as_str().unwrap().contains("reason"), "{said:#}");
    assert_eq!(finding["fix"], "schema/*.cedarschema says the facts of read-log");
    bundle.replace("schema/read-log.cedarschema", "reason: Bool", "reason: Boole");
    let (good, said) = bundle.asked("test");
    assert!(!good && said["findings"][0]["file"] == "schema/read-log.cedarschema", "{said:#}");
}

#[test]
fn a_rule_that_says_otherwise_fails_its_cases_and_a_dead_one_is_noted() {
    let bundle = Bundle::new("otherwise");
    let (good, said) = bundle.asked("test");
    assert!(good && said["cases"].as_u64().unwrap() > 200, "{said:#}");
    bundle.replace("rules/consent-withdrawn.cedar", "context.consent == \"withdrawn\"", "context.consent == \"gone\"");
    let (good, said) = bundle.asked("test");
    let failed = said["failed"].as_array().unwrap();
    assert!(!good && !failed.is_empty(), "{said:#}");
    assert!(failed.iter().all(|case| case["facts"]["consent"] == "withdrawn" && case["line"].as_u64() > Some(1)));
    assert_eq!(failed[0]["expected"]["rules"][0], "consent-withdrawn");
    assert_eq!(failed[0]["actual"]["allowed"], true);
    let (good, said) = bundle.asked("check");
    let note = said["notes"][0]["message"].as_str().unwrap();
    assert!(good && note == "dead: no case fires `consent-withdrawn`", "{said:#}");
}
