//! Runs `policies/cases`, and the cases that others wrote unseen: facts to decision, with the exact names and citations
//! of the rules that gave it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::demo_files;
use crate::policy::cases::{Case, Coverage, WrittenFact};
use crate::policy::rules::{Action, Rules, Verdict};
use crate::policy::{Bundle, product_cases};

/// The product's own cases.
pub(super) fn cases() -> Vec<Case> {
    Case::read(&product_cases()).unwrap_or_else(|findings| panic!("{findings:#?}"))
}

/// Those, and the ones in `policies/cases-unseen`, which may not exist.
fn all_cases() -> Vec<Case> {
    let unseen = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/cases-unseen");
    let mut all = cases();
    if unseen.exists() {
        all.extend(Case::read_folder(&unseen).unwrap_or_else(|findings| panic!("{findings:#?}")));
    }
    all
}

pub(super) fn rules_without(dropped: Option<&str>) -> Rules {
    let mut files = demo_files();
    files.retain(|path, _| dropped.is_none_or(|id| *path != format!("rules/{id}.cedar")));
    Rules::compile(&files, &mut Vec::new()).unwrap()
}

#[test]
fn every_case_is_decided_as_it_says_sliced_or_not() {
    let rules = rules_without(None);
    for case in all_cases() {
        let ruling = case.ruling(&rules);
        assert_eq!(ruling, case.expected, "{}:{}: {case}", case.file, case.line);
        let (sliced, whole) = (rules.weigh(case.action, &case.facts), rules.weigh_unsliced(case.action, &case.facts));
        let fired = |verdict: &Verdict| verdict.fired.iter().map(|rule| rule.id.clone()).collect::<Vec<_>>();
        assert_eq!(
            (whole.allowed, fired(&whole)),
            (sliced.allowed, fired(&sliced)),
            "{case}: slice and full set differ"
        );
    }
}

#[test]
fn every_rule_has_a_case_that_fires_it_and_a_near_miss() {
    let (mut fired, mut missed) = (BTreeSet::new(), BTreeSet::new());
    for case in cases() {
        assert!(case.near.iter().all(|id| !case.expected.rules.contains(id)), "{case}");
        missed.extend(case.near);
        fired.extend(case.expected.rules);
    }
    let all: BTreeSet<String> = rules_without(None).all().map(|rule| rule.id.clone()).collect();
    assert_eq!(all.difference(&fired).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(missed.difference(&all).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(all.difference(&missed).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn a_dead_rule_and_a_shadowed_one_are_noted() {
    let (rules, all) = (rules_without(None), cases());
    let notes = |cases: &[Case]| {
        let coverage = Coverage::of(&rules, cases);
        coverage.notes().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(notes(&all), Vec::<String>::new());
    let expecting = |case: &&Case, rule: &str| case.expected.rules.iter().any(|id| id == rule);
    let without: Vec<_> = all.iter().filter(|case| !expecting(case, "one-purpose")).cloned().collect();
    assert!(notes(&without)[0].starts_with("rules/one-purpose.cedar:1: dead: no case fires `one-purpose`"));
    let never_alone = |case: &&Case| !expecting(case, "no-consent") || expecting(case, "attribute-outside-purpose");
    let beside: Vec<_> = all.iter().filter(never_alone).cloned().collect();
    let shadowed = "shadowed: wherever `no-consent` refuses, `attribute-outside-purpose` refuses too";
    assert!(notes(&beside).iter().any(|note| note.contains(shadowed)), "{:#?}", notes(&beside));
}

#[test]
fn the_facts_of_every_case_are_those_of_the_schema() {
    let rules = rules_without(None);
    for case in all_cases() {
        assert_eq!(case.departure(&rules), None);
    }
}

#[test]
fn what_is_wrong_in_a_file_of_cases_is_told_with_its_place() {
    let file = |cases: &str| {
        let text = format!("{{\n\"action\": \"read-log\",\n\"base\": {{\"reason\": true}},\n\"cases\": [\n{cases}]}}");
        let read = Case::read(&BTreeMap::from([("a.json".to_owned(), text)]));
        read.err().into_iter().flatten().map(|finding| finding.to_string()).collect::<Vec<_>>().join("\n")
    };
    let good = "{\"name\": \"x\", \"deny\": [], \"cites\": []}";
    assert_eq!(file(good), "");
    let table = [
        (good.replace("\"deny\"", "\"denny\""), "a.json:5: unknown field `denny`"),
        (good.replace("\"deny\": [], ", ""), "a.json:5: x: it expects no decision, or two"),
        (format!("{good},\n{good}"), "a.json:5: x: there are two cases of this name"),
        (good.replace('}', ", \"facts\": {\"resaon\": true}}"), "a.json:5: x: `resaon` is not in the base"),
        (good.replace('}', ", \"facts\": {\"reason\": 1}}"), "a fact is true, false, a word or a list of names"),
    ];
    for (cases, expected) in table {
        assert!(file(&cases).contains(expected), "{}", file(&cases));
    }
    let unknown = "{\"action\": \"read-logs\", \"base\": {}, \"cases\": []}".to_owned();
    let read = Case::read(&BTreeMap::from([("a.json".to_owned(), unknown)]));
    assert_eq!(read.unwrap_err()[0].message, "the cases are of no known action");
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
    for case in cases().into_iter().filter(|case| case.expected.allowed) {
        // Every action has rules that look at one of these first, so that none can be skipped unnoticed.
        for name in ["client", "own", "reason", "approver_is_proposer"]
            .into_iter()
            .filter(|name| case.facts.contains_key(*name))
        {
            for wrong in [None, Some(WrittenFact::Word("true".to_owned()))] {
                let mut facts = case.facts.clone();
                facts.remove(name);
                facts.extend(wrong.map(|wrong| (name.to_owned(), wrong)));
                let verdict = rules.weigh(case.action, &facts);
                assert!(verdict.in_doubt && !verdict.allowed, "{case} without {name}");
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
