//! Both languages say the same things, each in its own typography.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::clock::{Day, Moment};

fn texts() -> [&'static Texts; 2] {
    [Texts::of(Language::Fr), Texts::of(Language::En)]
}

/// The names between braces in `text`.
fn blanks(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|tail| tail.split_once('}')).map(|(name, _)| name).collect()
}

/// Every file of `folder` under `src` whose name ends in `ext`, tests left out.
fn sources(folder: &str, ext: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let wanted = files.filter(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        path.extension().is_some_and(|found| found == ext) && !["tests.rs", "samples.rs"].contains(&name)
    });
    wanted.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn both_languages_have_the_same_keys_with_the_same_blanks() {
    let [french, english] = texts();
    assert!(french.phrases.len() > 300, "the texts were read");
    assert!(french.phrases.keys().eq(english.phrases.keys()));
    for (key, text) in &french.phrases {
        let other = english.phrases.get(key).unwrap();
        assert_eq!(blanks(text), blanks(other), "{key}");
        assert!(!text.trim().is_empty() && !other.trim().is_empty(), "{key}");
    }
}

#[test]
fn every_key_is_used_and_every_used_key_exists() {
    let code = sources("i18n", "rs") + &sources("pages", "rs") + &sources("pages", "html");
    let french = texts()[0];
    for key in french.phrases.keys() {
        assert!(code.contains(&format!("\"{key}\"")), "{key} is used nowhere");
    }
    let tables = french.phrases.keys().filter_map(|key| key.split_once('.')).map(|(table, _)| table);
    for table in tables.collect::<BTreeSet<_>>() {
        for tail in code.split(&format!("\"{table}.")).skip(1) {
            let key = format!("{table}.{}", tail.split('"').next().unwrap());
            let template = Path::new(&key).extension().is_some_and(|extension| extension == "html");
            assert!(template || french.phrases.contains_key(&key), "{key} does not exist");
        }
    }
}

#[test]
fn french_is_set_as_printers_set_it() {
    let french = texts()[0];
    for (key, text) in &french.phrases {
        for (at, mark) in text.match_indices([':', ';', '!', '?', '»']) {
            let before = text.get(..at).unwrap().chars().last();
            assert!(matches!(before, Some('\u{a0}' | '\u{202f}')), "{key}: {mark} in {text}");
        }
        assert!(!text.contains("« ") && !text.contains('\''), "{key}: {text}");
    }
    assert_eq!(french.say("act_for.title").to_string(), "Pour qui agissez-vous\u{202f}?");
}

#[test]
fn an_argument_is_never_read_as_a_blank() {
    let phrase = texts()[1].say("say.moment").with("day", "{time}").with("time", "{day}");
    assert_eq!(phrase.to_string(), "{time} at {day} (Eastern time)");
    assert_eq!(texts()[0].say("no.such.key").to_string(), "no.such.key");
}

#[test]
fn dates_are_said_in_words_with_the_zone() {
    let [french, english] = texts();
    let at: Moment = "2026-11-21T19:05:00Z".parse().unwrap();
    assert_eq!(french.moment(&at), "21\u{a0}novembre 2026 à 14\u{a0}h\u{a0}05 (heure de l’Est)");
    assert_eq!(english.moment(&at), "November\u{a0}21, 2026 at 2:05\u{a0}p.m. (Eastern time)");
    let noon: Moment = "2026-07-01T16:00:00Z".parse().unwrap();
    assert_eq!(french.moment(&noon), "1er\u{a0}juillet 2026 à 12\u{a0}h (heure de l’Est)");
    assert_eq!(english.moment(&noon), "July\u{a0}1, 2026 at 12:00\u{a0}p.m. (Eastern time)");
    let midnight: Moment = "2026-07-01T04:00:00Z".parse().unwrap();
    assert_eq!(english.moment(&midnight), "July\u{a0}1, 2026 at 12:00\u{a0}a.m. (Eastern time)");
    let day: Day = "2026-08-01".parse().unwrap();
    assert_eq!((french.month(&day), english.month(&day)), ("août 2026".into(), "August 2026".into()));
}

#[test]
fn durations_are_whole_months_or_days() {
    let [french, english] = texts();
    let from: Moment = "2026-11-21T19:05:00Z".parse().unwrap();
    let said = |until: &str| {
        let until = until.parse().unwrap();
        (french.duration(&from, &until).to_string(), english.duration(&from, &until).to_string())
    };
    assert_eq!(said("2027-05-21T18:05:00Z"), ("6\u{a0}mois".into(), "6\u{a0}months".into()));
    assert_eq!(said("2026-12-21T19:05:00Z"), ("1\u{a0}mois".into(), "1\u{a0}month".into()));
    assert_eq!(said("2026-12-31T19:05:00Z"), ("40\u{a0}jours".into(), "40\u{a0}days".into()));
    assert_eq!(said("2026-11-22T19:05:00Z"), ("1\u{a0}jour".into(), "1\u{a0}day".into()));
    assert_eq!(said("2026-11-21T20:05:00Z"), ("moins d’un jour".into(), "less than a day".into()));
}

#[test]
fn numbers_and_amounts_are_grouped() {
    let [french, english] = texts();
    for (n, fr, en) in [
        (0, "0", "0"),
        (999, "999", "999"),
        (1_000, "1\u{a0}000", "1,000"),
        (12_345_678, "12\u{a0}345\u{a0}678", "12,345,678"),
    ] {
        assert_eq!((french.number(&n), english.number(&n)), (fr.into(), en.into()));
    }
    assert_eq!(
        (french.dollars(4_230_000), english.dollars(4_230_000)),
        ("42\u{a0}300\u{a0}$".into(), "$42,300".into())
    );
    assert_eq!((french.dollars(-105), english.dollars(-105)), ("−1,05\u{a0}$".into(), "−$1.05".into()));
    assert_eq!(french.signed(-1_200), "−1\u{a0}200");
}

#[test]
fn provisions_are_cited_in_full() {
    let [french, english] = texts();
    assert_eq!(french.provision("A-2.1, art. 53.1"), "RLRQ, c.\u{a0}A-2.1, art.\u{a0}53.1");
    assert_eq!(english.provision("A-2.1, art. 53.1"), "CQLR, c.\u{a0}A-2.1, s.\u{a0}53.1");
    assert_eq!(english.provision("arrêté 12"), "arrêté 12");
}
