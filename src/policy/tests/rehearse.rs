//! Decisions that were taken, decided again by drafts.

use super::*;
use crate::policy::{Kept, Pack, Rehearsal, Tally};

fn bundle(files: BTreeMap<String, String>) -> Bundle {
    Bundle::from_files(files)
}

fn tally(draft: &Bundle, kept: &[Kept]) -> serde_json::Value {
    let rehearsal = Rehearsal::of(draft).unwrap_or_else(|findings| panic!("{findings:?}"));
    // Twice over, as two pages are: the second is remembered.
    let mut pages = [Tally::default(), Tally::default()];
    for page in &mut pages {
        for it in kept {
            rehearsal.replay(it, page);
        }
    }
    let [first, second] = pages;
    let report = first.and(second).report(String::new(), 0, (now().day(), 0), Vec::new(), 0);
    serde_json::to_value(report).unwrap()
}

/// What the log keeps of a release that was decided.
fn kept(decided: Result<Permit<Ask>, Denial>) -> Kept {
    let (permitted, rules, facts) = match decided {
        Ok(permit) => (true, Vec::new(), permit.grounds().facts_text().to_owned()),
        Err(denial) => {
            let rules = denial.reasons().iter().map(|reason| reason.id.clone()).collect();
            (false, rules, denial.facts_text().to_owned())
        }
    };
    let subject = Some(SubjectId::new([2; 16]));
    let (receiving, purpose) = (Some("afe".to_owned()), Some("aide-etudes".to_owned()));
    Kept { permitted, rules, facts, receiving, purpose, subject }
}

fn granted() -> Kept {
    kept(demo().decide(&afe(), ask(&["revenu.annee"]), &facts(consent(terms())), now()))
}

fn withdrawn() -> Kept {
    let taken_back = consent(terms()).withdrawn(now(), Giver::Subject).unwrap();
    kept(demo().decide(&afe(), ask(&["revenu.annee"]), &facts(taken_back), now()))
}

const RULE: &str = "rules/consent-withdrawn.cedar";

#[test]
fn the_same_rules_turn_nothing_round() {
    let said = tally(&bundle(demo_files()), &[granted(), withdrawn()]);
    assert_eq!((&said["decisions"], &said["replayed"], &said["persons"]), (&json!(4), &json!(4), &json!(0)));
    assert_eq!((&said["denials"]["count"], &said["permits"]["count"]), (&json!(0), &json!(0)));
}

#[test]
fn a_rule_that_says_otherwise_turns_round_what_rests_on_it_and_nothing_else() {
    let forgiving = bundle(files_with(RULE, "\"withdrawn\"", "\"gone\""));
    let said = tally(&forgiving, &[granted(), withdrawn()]);
    let permits = &said["permits"];
    assert_eq!((&said["denials"]["count"], &permits["count"], &said["persons"]), (&json!(0), &json!(2), &json!(1)));
    assert_eq!(permits["by_rule"], json!({"consent-withdrawn": 2}));
    assert_eq!(permits["by_action"], json!({"release-by-consent": 2}));
    assert_eq!((&permits["by_body"], &permits["by_purpose"]), (&json!({"afe": 2}), &json!({"aide-etudes": 2})));

    let strict = bundle(files_with(RULE, "\"withdrawn\"", "\"given\""));
    let said = tally(&strict, &[granted(), granted(), withdrawn()]);
    assert_eq!((&said["denials"]["count"], &said["permits"]["count"]), (&json!(4), &json!(2)));
    assert_eq!(said["denials"]["by_rule"], json!({"consent-withdrawn": 4}));
}

#[test]
fn what_the_broker_refused_though_the_rules_permit_it_stays_refused() {
    let permit = demo().decide(&afe(), ask(&["revenu.annee"]), &facts(consent(terms())), now()).unwrap();
    let taken = kept(Err(Denial::uses_taken(permit.grounds())));
    let said = tally(&bundle(demo_files()), std::slice::from_ref(&taken));
    assert_eq!((&said["replayed"], &said["permits"]["count"]), (&json!(2), &json!(0)));
    // The same facts, refused by a rule that the draft no longer has.
    let gone = Kept { rules: vec!["gone".to_owned()], ..taken };
    assert_eq!(tally(&bundle(demo_files()), &[gone])["permits"]["by_rule"], json!({"gone": 2}));
}

#[test]
fn a_ground_to_confirm_turns_round_what_rested_on_it_outside_a_demonstration() {
    let mut files = real_files();
    let of = "rules/release-with-consent.cedar";
    let text = files[of].replace("@status(\"read\")", "@status(\"to-confirm\")");
    assert_ne!(text, files[of]);
    assert_eq!(tally(&bundle(files.clone()), &[granted()])["denials"]["count"], 0);
    files.insert(of.to_owned(), text);
    let said = tally(&bundle(files), &[granted()]);
    assert_eq!(said["denials"]["by_rule"], json!({"basis-to-confirm": 2}));
}

#[test]
fn facts_of_another_schema_are_counted_and_never_made_up() {
    let replaced = |from: &str, to: &str| bundle(files_with("schema/release.cedarschema", from, to));
    let why = |draft: &Bundle, kept: Kept| {
        let said = tally(draft, &[kept]);
        assert_eq!((&said["decisions"], &said["replayed"], &said["persons"]), (&json!(2), &json!(0), &json!(0)));
        let reasons = said["not_replayed"].as_object().unwrap();
        assert_eq!(reasons.values().collect::<Vec<_>>(), [&json!(2)]);
        reasons.keys().next().unwrap().clone()
    };
    let more = replaced("grant: Bool,", "grant: Bool,\n        novel: Bool,");
    assert_eq!(why(&more, granted()), "release-by-consent: it had no fact `novel`");
    let other = Kept { facts: granted().facts.replace("\"grant\":true", "\"grant\":\"yes\""), ..granted() };
    assert_eq!(why(&bundle(demo_files()), other), "release-by-consent: a fact is of another type");
    let former = Kept { facts: granted().facts.replace("\"facts\":{", "\"facts\":{\"age\":true,"), ..granted() };
    assert_eq!(why(&bundle(demo_files()), former), "release-by-consent: the draft has no fact `age`");
    let unknown = Kept { facts: granted().facts.replace("release-by-consent", "release-by-whim"), ..granted() };
    assert_eq!(why(&bundle(demo_files()), unknown), "release-by-whim: the draft knows no such action");
}

#[test]
fn a_draft_that_does_not_load_is_not_rehearsed_and_a_pack_has_no_catalogue() {
    assert!(Rehearsal::of(&bundle(files_with(RULE, "context.consent", "context.novel"))).is_err());
    let pack = Pack::product();
    assert!(!pack.bundle().files().keys().any(|path| path.starts_with("catalogue/") || path.starts_with("cases/")));
    let whole = pack.bundle().or_catalogue_of(&bundle(demo_files()));
    assert_eq!(whole, bundle(demo_files()));
    assert_eq!(whole.without_catalogue(), pack.bundle());
}
