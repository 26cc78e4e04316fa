//! What sets bundles apart.

use super::cases::cases;
use super::*;
use crate::policy::{Diff, Side, What};

fn diff(files: BTreeMap<String, String>) -> Diff {
    let side = |files| Side::of(&Bundle::from_files(files)).unwrap_or_else(|findings| panic!("{findings:?}"));
    Diff::of(&side(demo_files()), &side(files), &cases())
}

#[test]
fn nothing_sets_a_bundle_apart_from_itself() {
    let diff = diff(demo_files());
    assert!(diff.rules.is_empty() && diff.facts.is_empty() && diff.catalogue.is_empty());
    assert!(diff.widened.is_empty() && diff.cases.is_empty());
}

#[test]
fn a_rule_is_told_apart_by_text_and_by_condition() {
    let rule = "rules/consent-withdrawn.cedar";
    let said = diff(files_with(rule, "@mend_en(\"", "@mend_en(\"Well: "));
    assert_eq!(said.rules.len(), 1);
    assert!(!said.rules[0].condition && said.cases.is_empty(), "{said:?}");
    assert_eq!(said.rules[0].annotations[0].at, "mend_en");

    let said = diff(files_with(rule, "\"withdrawn\"", "\"gone\""));
    assert!(said.rules[0].condition && said.rules[0].annotations.is_empty());
    let case = said.cases.iter().find(|it| it.case == "release-by-consent: withdrawn").unwrap();
    assert!(!case.old.as_ref().unwrap().allowed && case.new.as_ref().unwrap().allowed);

    let mut files = demo_files();
    files.remove(rule);
    let said = diff(files);
    assert_eq!((said.rules[0].change, said.rules[0].rule.as_str()), (What::Dropped, "consent-withdrawn"));
}

#[test]
fn facts_and_entries_are_told_apart_member_by_member_and_a_widened_purpose_by_what_it_adds() {
    let said = diff(files_with("schema/release.cedarschema", "grant: Bool,", "grant: Bool,\n        novel: Bool,"));
    let added: Vec<&str> = said.facts.iter().map(|it| it.at.as_str()).collect();
    assert_eq!(added, ["release-by-authorisation/novel", "release-by-consent/novel"]);
    assert!(said.facts.iter().all(|it| it.old.is_none()));
    let of_release = said.cases.iter().find(|it| it.case.starts_with("release-by-consent: ")).unwrap();
    assert!(of_release.old.is_some() && of_release.new.is_none(), "its facts are not those of the new side");

    let longest = demo().catalogue().purposes[&"aide-etudes".parse().unwrap()].longest_days;
    let mut files = demo_files();
    let purposes = files.get_mut("catalogue/purposes.toml").unwrap();
    let (before, after) = purposes.split_once("[purposes.aide-etudes]").unwrap();
    let wider = after.replacen(&format!("longest_days = {longest}"), &format!("longest_days = {}", longest + 1), 1);
    *purposes = format!("{before}[purposes.aide-etudes]{wider}");
    let said = diff(files);
    let changed: Vec<&str> = said.catalogue.iter().map(|it| it.at.as_str()).collect();
    assert_eq!(changed, ["purposes/aide-etudes/longest_days"]);
    let expected = format!("longer: {} days, {longest} before", longest + 1);
    assert_eq!(said.widened[0].differences[0].to_string(), expected);
    assert_eq!((said.widened.len(), said.widened[0].consents), (1, None));
}
