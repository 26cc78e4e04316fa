//! Every page, in every sample and both languages.

use super::samples::{self, HOSTILE};
use super::*;

const LANGUAGES: [Language; 2] = [Language::Fr, Language::En];
const VOID: [&str; 7] = ["br", "hr", "img", "input", "link", "meta", "!doctype"];

/// One start tag: its name and its attributes.
#[derive(Debug)]
struct Tag<'a> {
    name: &'a str,
    attributes: Vec<(&'a str, &'a str)>,
}

impl<'a> Tag<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// The start tags of `html` in order, after a check that every element is closed where it must be.
fn tags<'a>(page: &str, html: &'a str) -> Vec<Tag<'a>> {
    let (mut tags, mut open) = (Vec::new(), Vec::new());
    for piece in html.split('<').skip(1) {
        let (inside, _) = piece.split_once('>').unwrap_or_else(|| panic!("{page}: tag without end: {piece}"));
        if let Some(name) = inside.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{page}: </{name}>");
            continue;
        }
        let (name, mut rest) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
        let mut attributes = Vec::new();
        while let Some((before, after)) = rest.split_once("=\"") {
            let (value, tail) = after.split_once('"').unwrap();
            let mut bare = before.split_whitespace().collect::<Vec<_>>();
            attributes.push((bare.pop().unwrap(), value));
            attributes.extend(bare.into_iter().map(|name| (name, "")));
            rest = tail;
        }
        attributes.extend(rest.split_whitespace().map(|name| (name, "")));
        if !VOID.contains(&name) {
            open.push(name);
        }
        tags.push(Tag { name, attributes });
    }
    assert!(open.is_empty(), "{page}: never closed: {open:?}");
    tags
}

fn each(check: impl Fn(&str, &str, &[Tag])) {
    for language in LANGUAGES {
        for (name, html) in samples::all(language) {
            let name = format!("{name} ({})", language.code());
            check(&name, &html, &tags(&name, &html));
        }
    }
}

fn count(tags: &[Tag], name: &str) -> usize {
    tags.iter().filter(|tag| tag.name == name).count()
}

#[test]
fn a_page_is_one_document_with_one_heading_and_its_landmarks() {
    each(|page, _, tags| {
        for name in ["html", "title", "h1", "main", "header", "footer"] {
            assert_eq!(count(tags, name), 1, "{page}: {name}");
        }
        let lang = tags.iter().find(|tag| tag.name == "html").and_then(|tag| tag.get("lang")).unwrap();
        assert_eq!(lang, if page.contains("(fr)") { "fr-CA" } else { "en-CA" });
    });
}

#[test]
fn headings_never_skip_a_level() {
    each(|page, _, tags| {
        let levels = tags.iter().filter_map(|tag| tag.name.strip_prefix('h')?.parse::<u8>().ok()).collect::<Vec<_>>();
        for pair in levels.windows(2) {
            assert!(pair[1] <= pair[0] + 1, "{page}: h{} after h{}", pair[1], pair[0]);
        }
    });
}

#[test]
fn no_page_carries_style_script_or_another_host() {
    each(|page, html, tags| {
        for tag in tags {
            assert!(!["script", "style", "iframe", "object", "embed", "base"].contains(&tag.name), "{page}: {tag:?}");
            for (name, value) in &tag.attributes {
                assert!(*name != "style" && !name.starts_with("on"), "{page}: {tag:?}");
                let outside = value.contains("://") && !value.starts_with("https://portail.example");
                assert!(*name == "value" || !outside, "{page}: {tag:?}");
            }
        }
        assert!(!html.contains("url("), "{page}");
    });
}

#[test]
fn ids_are_unique_and_references_lead_somewhere() {
    each(|page, _, tags| {
        let ids = tags.iter().filter_map(|tag| tag.get("id")).collect::<Vec<_>>();
        for id in &ids {
            assert_eq!(ids.iter().filter(|other| *other == id).count(), 1, "{page}: id {id}");
        }
        let named = ["for", "aria-labelledby", "aria-describedby"];
        let referred = tags.iter().flat_map(|tag| {
            let referring = named.iter().filter_map(|name| tag.get(name)).flat_map(str::split_whitespace);
            referring.chain(tag.get("href").and_then(|href| href.strip_prefix('#')))
        });
        for id in referred {
            assert!(ids.contains(&id), "{page}: nothing has the id {id}");
        }
    });
}

#[test]
fn every_field_has_a_label_and_every_form_its_token() {
    each(|page, _, tags| {
        let labelled = tags.iter().filter_map(|tag| tag.get("for")).collect::<Vec<_>>();
        for tag in tags.iter().filter(|tag| ["input", "select", "textarea"].contains(&tag.name)) {
            if tag.get("type") != Some("hidden") {
                assert!(labelled.contains(&tag.get("id").unwrap()), "{page}: {tag:?}");
            }
        }
        let posting = tags.iter().filter(|tag| tag.get("method") == Some("post")).count();
        assert_eq!(tags.iter().filter(|tag| tag.get("name") == Some("csrf")).count(), posting, "{page}");
    });
}

#[test]
fn deciding_buttons_come_in_pairs_that_differ_in_nothing() {
    let mut pages = 0;
    each(|page, _, tags| {
        let at = tags.iter().position(|tag| tag.get("name") == Some("choice"));
        let Some(at) = at else { return };
        let pair = tags.iter().filter(|tag| tag.get("name") == Some("choice")).collect::<Vec<_>>();
        assert_eq!(pair.len(), 2, "{page}");
        for attribute in ["class", "type", "id", "aria-describedby", "autofocus", "disabled"] {
            assert_eq!(pair[0].get(attribute), pair[1].get(attribute), "{page}: {attribute}");
        }
        let before = &tags[..at];
        assert_eq!(before.last().unwrap().get("class"), Some("choices"), "{page}: they stand in one row");
        let form = &before[before.iter().rposition(|tag| tag.name == "form").unwrap()..];
        if form.iter().any(|tag| tag.name == "input" && tag.get("type") != Some("hidden")) {
            let default =
                form.iter().find(|tag| ["button", "input"].contains(&tag.name) && tag.get("type") == Some("submit"));
            assert_eq!(default.unwrap().get("name"), Some("again"), "{page}: Enter would decide");
        }
    });
    for language in LANGUAGES {
        pages += samples::all(language).iter().filter(|(_, html)| html.contains("name=\"choice\"")).count();
    }
    assert_eq!(pages, 2 * 19);
}

fn sample(language: Language, wanted: &str) -> String {
    samples::all(language).into_iter().find(|(name, _)| name == wanted).unwrap().1
}

/// The values of the buttons that decide.
fn choices(html: &str) -> Vec<&str> {
    let tags = tags("", html);
    tags.iter().filter(|tag| tag.get("name") == Some("choice")).map(|tag| tag.get("value").unwrap()).collect()
}

#[test]
fn nobody_is_asked_to_accept_what_could_not_be_released() {
    let page = sample(Language::Fr, "consent-not-on-file");
    assert_eq!(choices(&page), ["leave", "no"]);
    assert!(!page.contains("checkbox"), "nothing to tick towards a yes that cannot be given");
    assert!(page.contains("Revenu annuel</strong>. Vous pouvez le déposer à partir de"));
    assert!(page.contains("Guichet citoyen de Sainte-Fiction."));
    assert_eq!(choices(&sample(Language::Fr, "consent")), ["yes", "no"]);
    let optional = sample(Language::En, "consent-optional-not-on-file");
    assert_eq!(choices(&optional), ["yes", "no"]);
    assert!(optional.contains("Telephone</strong> (optional). No portal files it"));
}

#[test]
fn nobody_is_said_to_have_declared_what_is_not_on_file() {
    let mut page = Consent::sample(Language::Fr);
    let said = |page: &Consent| askama::Template::render(page).unwrap().matches("Déclaré par vous.").count();
    let declared = said(&page);
    let kept = page.told(Language::Fr).unwrap().text;
    for item in &mut page.items {
        item.on_file = None;
    }
    assert_eq!((declared > 0, said(&page)), (true, 0));
    assert_eq!(page.told(Language::Fr).unwrap().text, kept, "the text that is kept tells nobody's file");
}

#[test]
fn a_used_consent_stands_under_the_ended_ones_with_its_reason() {
    let page = sample(Language::Fr, "decisions");
    let (_, ended) = page.split_once("id=\"ended\"").unwrap();
    let (ended, _) = ended.split_once("id=\"refused\"").unwrap();
    assert!(ended.contains("<dt>Utilisée</dt><dd>La seule communication permise a eu lieu.</dd>"));
}

#[test]
fn a_search_names_its_zone_once() {
    let said = safe::plain(&sample(Language::Fr, "search-results")).matches("Est)").count();
    assert_eq!(said, 1, "the column's heading alone");
}

#[test]
fn what_gives_the_power_is_said_in_the_language_of_the_page() {
    let [french, english] = LANGUAGES.map(|language| Consent::sample(language).told(language).unwrap().text);
    assert!(french.contains("Programme d’essai") && !french.contains("Trial programme"));
    assert!(english.contains("Trial programme") && !english.contains("Programme d’essai"));
    assert!(english.contains("CQLR, c.\u{a0}A-13.3, s.\u{a0}2") || english.contains("CQLR, c. A-13.3, s. 2"));
}

#[test]
fn what_is_attested_is_what_the_page_says_in_both_languages_french_first() {
    let statement = Attestation::statement();
    for language in LANGUAGES {
        let page = sample(language, "attestation");
        let spaced = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = spaced(&safe::plain(&page));
        let place = |text: &str| said.find(&spaced(text)).unwrap_or_else(|| panic!("{text} in\n{said}"));
        let lines = || statement.fr.lines().zip(statement.en.lines());
        assert!(lines().all(|(french, english)| place(french) < place(english)), "{said}");
    }
    assert_eq!((statement.fr.lines().count(), statement.en.lines().count()), (7, 7));
}

#[test]
fn a_child_alone_may_go_back_or_have_another_person_answer() {
    for language in LANGUAGES {
        assert_eq!(choices(&sample(language, "too-young")), ["continue", "leave"]);
    }
}

#[test]
fn nothing_is_ticked_that_the_person_did_not_tick() {
    for language in LANGUAGES {
        for (name, html) in samples::all(language) {
            let ticked = tags(&name, &html).iter().filter(|tag| tag.get("checked").is_some()).count();
            assert_eq!(ticked, if name == "consent-incomplete" { 2 } else { 0 }, "{name}");
        }
    }
}

#[test]
fn no_text_is_missing_or_left_with_a_blank() {
    each(|page, html, _| {
        assert!(!html.contains('{') && !html.contains('}'), "{page}: an argument is missing");
        for line in safe::plain(html).lines() {
            let key = line.split_once('.').is_some_and(|(table, key)| {
                !key.is_empty()
                    && [table, key].iter().all(|part| part.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
            });
            assert!(!key, "{page}: {line} is a key");
        }
    });
}

#[test]
fn what_others_wrote_stays_text() {
    each(|page, html, _| {
        assert!(!html.contains("<script") && !html.contains("<img src=x"), "{page}");
        assert!(!html.contains(['\u{202e}', '\u{2066}']), "{page}: the page's direction could be turned");
    });
    let (_, page) = samples::all(Language::Fr).into_iter().find(|(name, _)| name == "consent-hostile").unwrap();
    assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#62;"));
    assert!(page.len() < 40_000, "a long case reference is cut");
    assert_eq!(safe::quote(&HOSTILE.repeat(130)).chars().count(), 201);
    assert_eq!(safe::quote(" dossier\n\u{202e}\u{0}12\u{200b} "), "dossier 12");
}

#[test]
fn trial_pages_say_so() {
    each(|page, html, _| {
        let banner = html.contains("ENVIRONNEMENT D’ESSAI — renseignements fictifs")
            || html.contains("TRIAL ENVIRONMENT — fictional information");
        assert_eq!(banner, !page.starts_with("home"), "{page}");
    });
}

#[test]
fn the_notice_is_the_same_whatever_is_displayed_and_holds_no_value() {
    let [french, english] = LANGUAGES.map(Consent::sample);
    for language in LANGUAGES {
        assert_eq!(french.told(language).unwrap().text, english.told(language).unwrap().text);
    }
    let text = french.told(Language::Fr).unwrap().text;
    for value in ["42 300", "42,300", "Sainte-Fiction\n", "O’Bomsawin", "418 555-0123", "2 octobre 2026"] {
        assert!(!text.contains(value), "{value} in\n{text}");
    }
    for told in [
        "Université de la Grande-Rivière",
        "prp@ugr.example",
        "AFE-2026-00417",
        "RLRQ, c. A-13.3, art. 2",
        "Revenu annuel Renseignement sensible Nécessaire : établir le montant de l’aide.",
        "21 mai 2027 à 14 h 05 (heure de l’Est), soit 6 mois",
        "2 fois au plus",
        "Sept ans après la fin",
        "art. 53.1",
        "art. 59",
        "Rien n’est communiqué à l’extérieur du Québec.",
        "Je consens expressément à la communication de ce renseignement : Revenu annuel. Destinataire : Université de la Grande-Rivière.",
        "cai.gouv.qc.ca",
        "Oui, je consens\nNon, je ne consens pas",
    ] {
        assert!(text.contains(told), "{told} is not in\n{text}");
    }
}

#[test]
fn the_notice_changes_with_the_question_and_not_with_the_answer() {
    let asked = Consent::sample(Language::Fr);
    let text = |page: &Consent| page.told(Language::Fr).unwrap().text;
    let mut ticked = asked.clone();
    ticked.items.iter_mut().for_each(|item| item.tick = Tick::Missing);
    ticked.items.iter_mut().for_each(|item| item.on_file = None);
    assert_eq!(text(&asked), text(&ticked));
    let other = [
        Consent { version: 4, ..asked.clone() },
        Consent { until: asked.until.plus(60), ..asked.clone() },
        Consent { max_uses: None, ..asked.clone() },
        Consent { case: None, ..asked.clone() },
        Consent { receiving: asked.custody.body.clone(), ..asked.clone() },
    ];
    for page in other {
        assert_ne!(text(&asked), text(&page));
    }
}

#[test]
fn what_a_notice_tells_is_read_off_it() {
    let always = ["alternative", "body", "mandatory", "means", "purposes", "refusal", "rights", "third-party"];
    let names = |told: Told| told.keys.iter().map(|key| key.as_str()).collect::<std::collections::BTreeSet<_>>();
    for language in LANGUAGES {
        let told = |page: &Consent| page.told(language).unwrap();
        assert_eq!(names(told(&Consent::sample(language))), always.into());
        let outside = told(&samples::outside(language));
        assert!(outside.text.contains("Ontario") && !outside.text.contains("CA-ON"), "{}", outside.text);
        assert_eq!(names(outside), [&always[..], &["outside"]].concat().into_iter().collect());
        let informed = Informed::sample(language).told(language).unwrap();
        assert!(
            !informed.text.contains("42\u{a0}300") && !informed.text.contains("42 300"),
            "no value: {}",
            informed.text
        );
        assert!(!names(informed).contains("refusal"), "nothing is asked, so nothing is refused");
    }
    let part =
        Told::of("<section data-notice=\"body\">x</section> data-notice=&#34;rights&#34;<p data-notice=\"other\">");
    assert_eq!(names(part), ["body"].into());
}

#[test]
fn what_is_told_and_not_asked_has_one_button_and_no_choice() {
    for language in LANGUAGES {
        let html = sample(language, "informed");
        assert_eq!(choices(&html), [""; 0]);
        let tags = tags("informed", &html);
        let (_, form) =
            tags.split_at(tags.iter().position(|tag| tag.get("action") == Some("/fr/demande/abc")).unwrap());
        assert_eq!(form.iter().filter(|tag| tag.name == "button").count(), 1);
        assert!(html.contains("art. 68(1)") || html.contains("s.\u{a0}68(1)") || html.contains("art.\u{a0}68(1)"));
    }
}

#[test]
fn an_enterprise_is_never_told_that_it_consents() {
    let mut page = Consent::sample(Language::Fr);
    page.subject = crate::domain::SubjectKind::Enterprise;
    for language in LANGUAGES {
        let text = page.told(language).unwrap().text.to_lowercase();
        assert!(!text.contains("consent") && !text.contains("53.1"), "{text}");
    }
}

#[test]
fn pages_of_an_enterprise_speak_to_one() {
    let of_persons =
        ["art. 83", "s. 83", "ss. 83", "53.1", "Mes autorisations", "My authorizations", "votre autorisation"];
    let yours = ["your authorization", "de votre part", "of yours", "from you", "vous avez décidé", "you decided"];
    for language in LANGUAGES {
        let pages: Vec<_> =
            samples::all(language).into_iter().filter(|(name, _)| name.ends_with("-enterprise")).collect();
        assert!(pages.len() > 4);
        for (name, html) in pages {
            let text = html.replace('\u{a0}', " ").replace('’', "'");
            for told in of_persons.iter().chain(&yours) {
                assert!(!text.contains(told), "{told} is on {name}");
            }
        }
    }
}

#[test]
fn assets_are_light_and_addressed_by_content() {
    for asset in [&*STYLE, &*ICON] {
        assert!(asset.path().starts_with("/assets/") && !asset.content_type().is_empty());
        assert!(asset.bytes().len() < 20_000, "{}", asset.path());
    }
    let style = std::str::from_utf8(STYLE.bytes()).unwrap();
    assert!(!style.contains("url(") && !style.contains("@import"), "a stylesheet that asks for nothing else");
}

/// Writes every sample to the folder named by `UNEFOIS_SAMPLES`, to look at them in a browser.
#[test]
fn samples_can_be_looked_at() {
    let Ok(folder) = std::env::var("UNEFOIS_SAMPLES") else { return };
    for language in LANGUAGES {
        for (name, html) in samples::all(language) {
            let html = [&*STYLE, &*ICON].iter().fold(html, |html, asset| {
                std::fs::create_dir_all(format!("{folder}/assets")).unwrap();
                std::fs::write(format!("{folder}{}", asset.path()), asset.bytes()).unwrap();
                html.replace(asset.path(), asset.path().trim_start_matches('/'))
            });
            std::fs::write(format!("{folder}/{name}.{}.html", language.code()), html).unwrap();
        }
    }
}
