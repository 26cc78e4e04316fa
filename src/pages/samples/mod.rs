//! Every page in every state worth looking at, with fictional data.

mod officer;
mod person;

use askama::Template as _;

use self::officer::{denied, refusal};
pub(super) use self::person::outside;
use self::person::{active, enterprise, hostile, incomplete, informed_for_child, not_on_file, optional_not_on_file};
use super::*;
use crate::clock::Moment;
use crate::domain::{Capacity, SubjectKind};

/// What somebody hostile would write.
pub(super) const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u{202e}elif\u{2066}";

/// Every sample in `language`, by name.
pub(super) fn all(language: Language) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    let mut add = |name: &str, html: askama::Result<String>| pages.push((name.to_owned(), html.unwrap()));
    let chrome = || chrome(language);

    for (name, wish) in wishes() {
        add(name, Arrival { chrome: chrome(), portal: portal(), wish }.render());
    }
    add("act-for", ActFor { own: Some("s_1".into()), ..ActFor::sample(language) }.render());
    add("act-for-under-14", ActFor::sample(language).render());
    let answer_href = "/fr/demande".into();
    add("too-young", TooYoung { chrome: chrome(), portal: portal().name, answer_href }.render());
    add("session", Session::sample(language).render());
    add("confirm-draft", ConfirmDraft::sample(language).render());
    add("consent", Consent::sample(language).render());
    add("consent-incomplete", incomplete(language).render());
    add("consent-not-on-file", not_on_file(language).render());
    add("consent-optional-not-on-file", optional_not_on_file(language).render());
    add("consent-outside", outside(language).render());
    add("informed", Informed::sample(language).render());
    add("informed-for-child", informed_for_child(language).render());
    add("consent-enterprise", enterprise(language).render());
    add("consent-hostile", hostile(language).render());
    add("decisions", Decisions::sample(language).render());
    let none = Decisions {
        active: vec![],
        ended: vec![],
        refused: vec![],
        unasked: vec![],
        records: vec![],
        ..Decisions::sample(language)
    };
    add("decisions-none", none.render());
    add("withdraw", Withdraw { chrome: chrome(), decided: active() }.render());
    add(
        "withdraw-never-used",
        Withdraw { chrome: chrome(), decided: Decided { releases: vec![], ..active() } }.render(),
    );
    let of_enterprise = || Chrome { subject: SubjectKind::Enterprise, ..chrome() };
    add("decisions-enterprise", Decisions { chrome: of_enterprise(), ..Decisions::sample(language) }.render());
    add(
        "decisions-none-enterprise",
        Decisions { chrome: of_enterprise(), active: vec![], ..Decisions::sample(language) }.render(),
    );
    add("withdraw-enterprise", Withdraw { chrome: of_enterprise(), decided: active() }.render());
    add(
        "confirm-draft-enterprise",
        ConfirmDraft { chrome: of_enterprise(), ..ConfirmDraft::sample(language) }.render(),
    );
    add("search", Search { results: None, form: SearchForm::default(), ..Search::sample(language) }.render());
    let errors = vec![SearchError::Reason, SearchError::From, SearchError::To];
    add("search-errors", Search { errors, results: None, ..Search::sample(language) }.render());
    add("search-results", Search::sample(language).render());
    let empty = Results { rows: vec![], next: None, progress: Progress { known: 7, size: 9 }, read: 9 };
    add("search-nothing", Search { results: Some(empty), ..Search::sample(language) }.render());
    add("entry", Entry::sample(language).render());
    add("entry-refusal", refusal(language).render());
    for outcome in OUTCOMES {
        let onward = Some(Onward::Decisions { href: "/fr/autorisations".into() });
        add(
            &format!("message-{outcome:?}"),
            Message { chrome: chrome(), outcome, reasons: vec![], receipt: None, onward }.render(),
        );
    }
    let receipt = Some(Receipt { at: now(), index: 1234 });
    add("message-reasons", denied(language).render());
    add(
        "message-receipt",
        Message { chrome: chrome(), outcome: Outcome::Withdrawn, reasons: vec![], receipt, onward: None }.render(),
    );
    add("problem", Problem::sample(language).render());
    add("attestation", Attestation { chrome: chrome(), next: "/en/demande".into() }.render());
    let door = Chrome { signed_in: None, acting_for: None, trial: false, other_language_href: None, ..chrome() };
    add("home", Home { chrome: door, sign_in_href: "/fr/session".into() }.render());
    pages
}

const OUTCOMES: [Outcome; 14] = [
    Outcome::Withdrawn,
    Outcome::Kept,
    Outcome::SignedOut,
    Outcome::SessionEnded,
    Outcome::LinkExpired,
    Outcome::Answered,
    Outcome::OtherPerson,
    Outcome::TooYoung,
    Outcome::NoMandate,
    Outcome::NotAnOfficer,
    Outcome::Refused,
    Outcome::BadRequest,
    Outcome::NotFound,
    Outcome::Unavailable,
];

pub(super) fn text(fr: &str, en: &str) -> Text {
    Text { fr: fr.into(), en: en.into() }
}

pub(super) fn now() -> Moment {
    "2026-11-21T19:05:00Z".parse().unwrap()
}

fn contact(email: &str, phone: &str) -> Contact {
    let title = text(
        "Responsable de la protection des renseignements personnels",
        "Person in charge of the protection of personal information",
    );
    Contact { title, email: email.into(), phone: phone.into() }
}

fn party(fr: &str, en: &str, email: &str) -> Party {
    let public_under = vec!["A-2.1, art. 3".into(), "A-2.1, art. 6".into()];
    Party { name: text(fr, en), public_under, contact: contact(email, "1 800 555-0142") }
}

fn university() -> Party {
    party("Université de la Grande-Rivière", "Université de la Grande-Rivière", "prp@ugr.example")
}

fn town() -> Party {
    party("Ville de Sainte-Fiction", "Ville de Sainte-Fiction", "prp@sainte-fiction.example")
}

fn broker() -> Party {
    party("Office du dépôt unique", "Office du dépôt unique", "prp@odu.example")
}

pub(super) fn chrome(language: Language) -> Chrome {
    Chrome {
        language,
        other_language_href: Some("/en/attestation".into()),
        trial: true,
        signed_in: Some("Anne-Élise O’Bomsawin".into()),
        acting_for: None,
        subject: SubjectKind::Person,
        sign_out_href: "/fr/fermer".into(),
        home_href: "/fr".into(),
        csrf: "jeton".into(),
        path: "/fr/demande/abc".into(),
        custodian: broker().name,
        help: contact("aide@odu.example", "1 800 555-0199"),
    }
}

fn portal() -> Portal {
    Portal {
        name: text("Guichet citoyen de Sainte-Fiction", "Sainte-Fiction citizen counter"),
        body: town(),
        instrument: Some((Capacity::Collector, text("Entente de collecte 2026-014", "Collection agreement 2026-014"))),
    }
}

fn address() -> Text {
    text("Adresse", "Address")
}

fn income() -> Text {
    text("Revenu annuel", "Annual income")
}

fn town_name() -> Text {
    text("Municipalité déclarée", "Declared municipality")
}

fn wishes() -> [(&'static str, Wish); 4] {
    let purpose = text("Admissibilité à l’aide financière aux études", "Eligibility for student financial assistance");
    let (attributes, holders) = (vec![income(), town_name()], vec![town().name]);
    let informed =
        Wish::Informed { purpose: purpose.clone(), attributes: attributes.clone(), holders: holders.clone() };
    [
        ("arrival-consent", Wish::Consent { purpose, attributes, holders }),
        ("arrival-informed", informed),
        ("arrival-session", Wish::Session { checks: vec![address()], drafts: vec![address(), income()] }),
        ("arrival-draft", Wish::Draft { kind: address() }),
    ]
}
