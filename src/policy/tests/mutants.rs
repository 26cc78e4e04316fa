//! Every part of every rule matters: with any part of it dropped, turned round or mistaken, some case is decided otherwise.
//!
//! A mutant is weighed alone, and compared with the rule itself: a permit too, where a forbid hides from the outcome
//! whether it fires. They are two locks, and each must hold without the other.

use std::collections::BTreeSet;

use cedar_policy::{Policy, PolicyId, PolicySet};
use serde_json::{Value, json};

use super::cases::{cases, rules_without};
use crate::policy::cases::{Case, WrittenFact};
use crate::policy::rule::Rule;
use crate::policy::rules::Rules;

#[test]
fn no_mutant_of_a_rule_survives_the_cases() {
    let (rules, cases) = (rules_without(None), cases());
    let mut survivors = Vec::new();
    for rule in rules.all() {
        let original = condition(&rules.json(&rule.id));
        let cases: Vec<&Case> = cases.iter().filter(|case| rule.actions.contains(&case.action)).collect();
        let fires = |alone: &PolicySet, case: &Case| rules.fires(alone, case.action, &case.facts);
        let itself = alone(&rules, rule, &original);
        let firing: Vec<_> = cases.iter().map(|case| (*case, fires(&itself, case))).collect();
        for action in &rule.actions {
            if !firing.iter().any(|(case, fired)| case.action == *action && *fired == Some(true)) {
                survivors.push(format!("{}: without {action}", rule.id));
            }
        }
        for mutant in mutants(&original, &cases) {
            let mutant = alone(&rules, rule, &mutant);
            if firing.iter().all(|(case, fired)| fires(&mutant, case) == *fired) {
                survivors.push(format!("{}: when {}", rule.id, said(&mutant)));
            }
        }
    }
    assert!(survivors.is_empty(), "{} survive:\n{}", survivors.len(), survivors.join("\n"));
}

/// The conditions of a rule as one.
fn condition(rule: &Value) -> Value {
    let conditions = rule["conditions"].as_array().unwrap().iter().map(|condition| match condition["kind"].as_str() {
        Some("when") => condition["body"].clone(),
        _ => not(&condition["body"]),
    });
    conditions.reduce(|left, right| json!({"&&": {"left": left, "right": right}})).unwrap_or(json!({"Value": true}))
}

/// The rule alone, on another condition.
fn alone(rules: &Rules, rule: &Rule, condition: &Value) -> PolicySet {
    let mut json = rules.json(&rule.id);
    json["conditions"] = json!([{"kind": "when", "body": condition}]);
    let policy = Policy::from_json(Some(PolicyId::new(&rule.id)), json).unwrap();
    PolicySet::from_policies([policy]).unwrap()
}

fn said(alone: &PolicySet) -> String {
    let text = alone.to_cedar().unwrap();
    text.rsplit_once("when").unwrap().1.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn not(test: &Value) -> Value {
    json!({"!": {"arg": test}})
}

/// The condition always true, never true, and with each part of it changed.
fn mutants(condition: &Value, cases: &[&Case]) -> Vec<Value> {
    let mut all = changed(condition, cases);
    all.extend([json!({"Value": true}), json!({"Value": false})]);
    all.retain(|mutant| mutant != condition);
    all
}

/// The expression with one part of it changed, in every way.
fn changed(expression: &Value, cases: &[&Case]) -> Vec<Value> {
    let Some((operator, of)) = expression.as_object().and_then(|object| object.iter().next()) else {
        return Vec::new();
    };
    let with = |side: &str, part: Value| {
        let mut whole = expression.clone();
        whole[operator][side] = part;
        whole
    };
    let within =
        |side: &str| -> Vec<Value> { changed(&of[side], cases).into_iter().map(|part| with(side, part)).collect() };
    match operator.as_str() {
        "&&" | "||" => [vec![of["left"].clone(), of["right"].clone()], within("left"), within("right")].concat(),
        "!" => {
            [vec![of["arg"].clone()], within("arg").into_iter().filter(|it| it["!"]["arg"]["!"].is_null()).collect()]
                .concat()
        }
        "containsAll" | "containsAny" => {
            let other = if operator == "containsAll" { "containsAny" } else { "containsAll" };
            let swapped = json!({other: of});
            [vec![not(expression), swapped], within("right")].concat()
        }
        "==" | "!=" => {
            let words = words(&of["left"], cases).into_iter().filter(|word| json!({"Value": word}) != of["right"]);
            let other = words.map(|word| with("right", json!({"Value": word})));
            [vec![not(expression)], other.collect()].concat()
        }
        "Set" => {
            let without = |at: usize| {
                let mut members = of.as_array().unwrap().clone();
                members.remove(at);
                json!({"Set": members})
            };
            (0..of.as_array().unwrap().len()).map(without).collect()
        }
        "." | "contains" | "isEmpty" | "<" | "<=" | ">" | ">=" => vec![not(expression)],
        "Value" => Vec::new(),
        other => panic!("{other} is not known here: say how it is mistaken"),
    }
}

/// Every word that a case gives for the fact.
fn words(fact: &Value, cases: &[&Case]) -> BTreeSet<String> {
    let name = fact["."]["attr"].as_str().unwrap();
    let given = cases.iter().filter_map(|case| match case.facts.get(name) {
        Some(WrittenFact::Word(word)) => Some(word.clone()),
        _ => None,
    });
    given.chain(["another".to_owned()]).collect()
}
