//! Runs `policies/cases`: facts to decision, with the exact names and citations of the rules that gave it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::demo_files;
use crate::policy::model::{Fact, Stated};
use crate::policy::rules::{Action, Rules};
use crate::policy::{Bundle, schema};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    action: String,
    base: BTreeMap<String, serde_json::Value>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    facts: BTreeMap<String, serde_json::Value>,
    /// Rules that a little more would make fire.
    #[serde(default)]
    near: BTreeSet<String>,
    permit: Option<Vec<String>>,
    deny: Option<Vec<String>>,
    cites: Vec<String>,
}

/// One case, ready to be weighed.
struct Ready {
    name: String,
    action: Action,
    stated: Stated<'static>,
    near: BTreeSet<String>,
    allowed: bool,
    fired: Vec<String>,
    cites: Vec<String>,
}

fn leak(text: &str) -> &'static str {
    text.to_owned().leak()
}

fn fact(value: &serde_json::Value) -> Fact<'static> {
    match value {
        serde_json::Value::Bool(holds) => Fact::Is(*holds),
        serde_json::Value::String(word) => Fact::Word(leak(word)),
        serde_json::Value::Array(names) => Fact::Names(names.iter().map(|name| leak(name.as_str().unwrap())).collect()),
        other => panic!("{other} is no fact"),
    }
}

fn cases() -> Vec<Ready> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/cases");
    let mut ready = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file: CaseFile = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for case in file.cases {
            let mut facts = file.base.clone();
            for (name, value) in case.facts {
                assert!(facts.insert(name.clone(), value).is_some(), "{}: {name} is not in the base", case.name);
            }
            let (allowed, fired) = match (case.permit, case.deny) {
                (Some(fired), None) => (true, fired),
                (None, Some(fired)) => (false, fired),
                _ => panic!("{}: either permit or deny", case.name),
            };
            ready.push(Ready {
                name: format!("{}: {}", file.action, case.name),
                action: file.action.parse().unwrap(),
                stated: facts.iter().map(|(name, value)| (leak(name), fact(value))).collect(),
                near: case.near,
                allowed,
                fired,
                cites: case.cites,
            });
        }
    }
    ready
}

/// What the rules say: allowed, and the rules that fired with their citations.
fn said(rules: &Rules, case: &Ready) -> (bool, Vec<String>, Vec<String>) {
    let verdict = rules.weigh(case.action, &case.stated);
    assert!(!verdict.in_doubt, "{}", case.name);
    let fired = verdict.fired.iter().map(|rule| rule.id.clone()).collect();
    (verdict.allowed, fired, verdict.fired.iter().flat_map(|rule| &rule.citations).map(|it| it.cite.clone()).collect())
}

fn rules_without(dropped: Option<&str>) -> Rules {
    let mut files = demo_files();
    files.retain(|path, _| dropped.is_none_or(|id| *path != format!("rules/{id}.cedar")));
    Rules::compile(&files, &mut Vec::new()).unwrap()
}

#[test]
fn every_case_is_decided_as_it_says_sliced_or_not() {
    let rules = rules_without(None);
    for case in cases() {
        let sliced = said(&rules, &case);
        assert_eq!(sliced, (case.allowed, case.fired.clone(), case.cites.clone()), "{}", case.name);
        let whole = rules.weigh_unsliced(case.action, &case.stated);
        let whole_fired: Vec<String> = whole.fired.iter().map(|rule| rule.id.clone()).collect();
        assert_eq!((whole.allowed, whole_fired), (sliced.0, sliced.1), "{}: slice and full set differ", case.name);
    }
}

#[test]
fn every_rule_has_a_case_that_fires_it_and_a_near_miss() {
    let (mut fired, mut missed) = (BTreeSet::new(), BTreeSet::new());
    for case in cases() {
        assert!(case.near.iter().all(|id| !case.fired.contains(id)), "{}", case.name);
        missed.extend(case.near);
        fired.extend(case.fired);
    }
    let all: BTreeSet<String> = rules_without(None).all().map(|rule| rule.id.clone()).collect();
    assert_eq!(fired, all);
    assert_eq!(missed.difference(&all).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(all.difference(&missed).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn dropping_any_rule_is_noticed() {
    let cases = cases();
    let all: Vec<String> = rules_without(None).all().map(|rule| rule.id.clone()).collect();
    for id in all {
        let fewer = rules_without(Some(&id));
        let noticed = cases.iter().any(|case| said(&fewer, case).1 != case.fired);
        assert!(noticed, "no case would notice that {id} is gone");
    }
}

#[test]
fn the_facts_of_every_case_are_those_of_the_schema() {
    let schema = schema::read(&demo_files(), &mut Vec::new()).unwrap();
    let rules = rules_without(None);
    for case in cases() {
        assert!(rules.conforms(&schema, case.action, &case.stated), "{}", case.name);
    }
}

#[test]
fn sections_on_the_consent_of_persons_are_never_cited_of_an_enterprises_authorisation() {
    let of_persons = ["A-2.1, art. 53.1", "A-2.1, art. 59", "A-2.1, art. 65.1"];
    for rule in
        rules_without(None).all().filter(|rule| rule.citations.iter().any(|it| of_persons.contains(&it.cite.as_str())))
    {
        for action in [Action::GiveAuthorisation, Action::ReleaseByAuthorisation] {
            assert!(!rule.actions.contains(&action), "{} is cited for {action:?}", rule.id);
        }
    }
}

#[test]
fn a_rule_that_cannot_be_evaluated_allows_nothing() {
    let rules = rules_without(None);
    for case in cases().into_iter().filter(|case| case.allowed) {
        // Every action has rules that look at one of these first, so that none can be skipped unnoticed.
        for name in ["client", "own", "reason", "approver_is_proposer"]
            .into_iter()
            .filter(|name| case.stated.contains_key(name))
        {
            for wrong in [None, Some(Fact::Word("true"))] {
                let mut stated = case.stated.clone();
                stated.remove(name);
                stated.extend(wrong.map(|wrong| (name, wrong)));
                let verdict = rules.weigh(case.action, &stated);
                assert!(verdict.in_doubt && !verdict.allowed, "{} without {name}", case.name);
            }
        }
    }
}

#[test]
fn the_bundle_has_one_digest_and_survives_its_own_bytes() {
    let bundle = Bundle::from_files(demo_files());
    let bytes = bundle.canonical().unwrap();
    assert_eq!(Bundle::from_bytes(&bytes).unwrap(), bundle);
    assert!(Bundle::from_bytes(&[b" ", bytes.as_slice()].concat()).is_err());
    assert_eq!(bundle.load().unwrap().digest(), bundle.load().unwrap().digest());
}
