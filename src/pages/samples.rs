//! Every page in every state worth looking at, with fictional data.

use askama::Template as _;

use super::*;
use crate::clock::Moment;
use crate::domain::{Capacity, Event, MandateKind, Origin, SubjectKind};

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
    add("session", Session::sample(language).render());
    add("confirm-draft", ConfirmDraft::sample(language).render());
    add("consent", Consent::sample(language).render());
    add("consent-incomplete", incomplete(language).render());
    add("consent-not-on-file", not_on_file(language).render());
    add("consent-enterprise", enterprise(language).render());
    add("consent-hostile", hostile(language).render());
    add("decisions", Decisions::sample(language).render());
    let none =
        Decisions { active: vec![], ended: vec![], refused: vec![], records: vec![], ..Decisions::sample(language) };
    add("decisions-none", none.render());
    add("withdraw", Withdraw { chrome: chrome(), decided: active() }.render());
    add(
        "withdraw-never-used",
        Withdraw { chrome: chrome(), decided: Decided { releases: vec![], ..active() } }.render(),
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
        add(&format!("message-{outcome:?}"), Message { chrome: chrome(), outcome, receipt: None, onward }.render());
    }
    let receipt = Some(Receipt { at: now(), index: 1234 });
    for (name, onward) in onwards() {
        add(name, Message { chrome: chrome(), outcome: Outcome::Withdrawn, receipt: receipt.clone(), onward }.render());
    }
    add("problem", Problem::sample(language).render());
    add("attestation", Attestation { chrome: chrome(), next: "/en/demande".into() }.render());
    let door = Chrome { signed_in: None, acting_for: None, trial: false, other_language_href: None, ..chrome() };
    add("home", Home { chrome: door, sign_in_href: "/fr/session".into() }.render());
    pages
}

const OUTCOMES: [Outcome; 16] = [
    Outcome::Withdrawn,
    Outcome::Kept,
    Outcome::Filed,
    Outcome::Dropped,
    Outcome::SignedOut,
    Outcome::SessionEnded,
    Outcome::LinkExpired,
    Outcome::OtherPerson,
    Outcome::TooYoung,
    Outcome::NoMandate,
    Outcome::NotAnOfficer,
    Outcome::Refused,
    Outcome::BadRequest,
    Outcome::NotFound,
    Outcome::TooMany,
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

fn wishes() -> [(&'static str, Wish); 3] {
    let purpose = text("Admissibilité à l’aide financière aux études", "Eligibility for student financial assistance");
    let (attributes, holders) = (vec![income(), town_name()], vec![town().name]);
    [
        ("arrival-consent", Wish::Consent { purpose, attributes, holders }),
        ("arrival-session", Wish::Session { checks: vec![address()], drafts: vec![address(), income()] }),
        ("arrival-draft", Wish::Draft { kind: address() }),
    ]
}

fn onwards() -> [(&'static str, Option<Onward>); 4] {
    [
        ("message-back", Some(Onward::Back { href: "https://portail.example/retour".into(), name: portal().name })),
        ("message-sign-in", Some(Onward::SignIn { href: "/fr/session".into() })),
        ("message-search", Some(Onward::Search { href: "/fr/console".into() })),
        ("message-home", None),
    ]
}

impl ActFor {
    fn sample(language: Language) -> Self {
        let child = Represented {
            value: "s_2".into(),
            name: "Léo O’Bomsawin".into(),
            kind: SubjectKind::Person,
            mandate: MandateKind::Parent,
        };
        let ward = Represented { value: "s_3".into(), mandate: MandateKind::Tutor, ..child.clone() };
        let business = Represented {
            value: "s_4".into(),
            name: "Sirop d’érable inc.".into(),
            kind: SubjectKind::Enterprise,
            mandate: MandateKind::SigningOfficer,
        };
        Self { chrome: chrome(language), own: None, represented: vec![child, ward, business] }
    }
}

impl Session {
    fn sample(language: Language) -> Self {
        let (checks, drafts) = (vec![address(), income()], vec![address()]);
        Self { chrome: chrome(language), portal: portal(), checks, drafts }
    }
}

impl ConfirmDraft {
    fn sample(language: Language) -> Self {
        let line = |label, sensitive, value| DraftLine { label, sensitive, value };
        Self {
            chrome: chrome(language),
            portal: portal(),
            kind: text("Adresse et revenu", "Address and income"),
            holder: town(),
            collected_for: text("Tarification familiale des loisirs", "Family rates for recreation"),
            kept: text("Deux ans après le dernier usage.", "Two years after the last use."),
            alternative: text(
                "Vous pouvez apporter vos documents au comptoir de l’hôtel de ville, sans frais.",
                "You may bring your documents to the counter at town hall, at no cost.",
            ),
            lines: vec![
                line(address(), false, Value::Text("12, rue de l’Église, app. 3".into())),
                line(town_name(), false, Value::Text("Sainte-Fiction".into())),
                line(income(), true, Value::Cents(4_230_050)),
                line(text("Depuis le", "Since"), false, Value::Day("2026-07-01".parse().unwrap())),
                line(text("Personnes à charge", "Dependants"), false, Value::Number(2)),
                line(text("Résidence principale", "Main residence"), false, Value::YesNo(true)),
            ],
            replaces: true,
        }
    }
}

fn item(attribute: &str, label: Text, value: Value) -> Item {
    Item {
        attribute: attribute.parse().unwrap(),
        label,
        reason: text("établir le montant de l’aide.", "to set the amount of assistance."),
        optional: false,
        sensitive: false,
        holder: town().name,
        origin: Origin::Subject,
        on_file: Some(OnFile { value, since: now().plus(-86_400 * 50), via: Some(town().name) }),
        tick: Tick::Empty,
    }
}

impl Consent {
    /// The question with a sensitive attribute and optional ones.
    pub(super) fn sample(language: Language) -> Self {
        let name = text("Nom", "Name");
        let phone = text("Téléphone", "Telephone");
        let dependants = text("Personnes à charge", "Dependants");
        Self {
            chrome: chrome(language),
            subject: SubjectKind::Person,
            mandate: None,
            purpose: text(
                "Admissibilité à l’aide financière aux études",
                "Eligibility for student financial assistance",
            ),
            version: 3,
            why: text(
                "L’Université vérifie si vous avez droit à l’aide et en calcule le montant.",
                "The University checks whether you are entitled to assistance and computes its amount.",
            ),
            powers: vec!["A-13.3, art. 2".into()],
            receiving: university(),
            custody: Custody {
                body: broker(),
                capacity: Capacity::Mandatary,
                instrument: text("Contrat de mandat 2026-003", "Mandate contract 2026-003"),
            },
            items: vec![
                Item {
                    origin: Origin::IdentityService,
                    ..item("identite.nom", name, Value::Text("Anne-Élise O’Bomsawin".into()))
                },
                Item { sensitive: true, ..item("revenu.annuel", income(), Value::Cents(4_230_000)) },
                item("adresse.municipalite", town_name(), Value::Text("Sainte-Fiction".into())),
                Item {
                    optional: true,
                    reason: text("Pour vous joindre plus vite.", "To reach you sooner."),
                    ..item("adresse.telephone", phone, Value::Text("418 555-0123".into()))
                },
                Item {
                    optional: true,
                    sensitive: true,
                    reason: text("Pour bonifier l’aide.", "To raise the assistance."),
                    ..item("revenu.charges", dependants, Value::Number(2))
                },
            ],
            shown: now(),
            until: "2027-05-21T18:05:00Z".parse().unwrap(),
            max_uses: Some(2),
            refusal: text(
                "L’Université traite votre demande avec les documents que vous lui remettez. Prévoyez cinq jours de plus.",
                "The University processes your application with the documents that you give it. Allow five more days.",
            ),
            alternative: text(
                "Joignez une copie de votre avis de cotisation à votre demande, ou présentez-vous au bureau de l’aide financière. C’est sans frais.",
                "Attach a copy of your notice of assessment to your application, or go to the financial assistance office. There is no charge.",
            ),
            kept: text("Sept ans après la fin de l’année d’études.", "Seven years after the end of the academic year."),
            case: Some("AFE-2026-00417".into()),
            give_href: None,
        }
    }
}

fn incomplete(language: Language) -> Consent {
    let mut page = Consent::sample(language);
    page.items.get_mut(1).unwrap().tick = Tick::Missing;
    page.items.get_mut(3).unwrap().tick = Tick::Kept;
    page.items.get_mut(4).unwrap().tick = Tick::Kept;
    page
}

fn not_on_file(language: Language) -> Consent {
    let mut page = Consent::sample(language);
    page.items.get_mut(1).unwrap().on_file = None;
    page.give_href = Some("/fr/fournir".into());
    page.max_uses = Some(1);
    page
}

fn enterprise(language: Language) -> Consent {
    let mut page = Consent::sample(language);
    page.subject = SubjectKind::Enterprise;
    page.mandate = Some(MandateKind::SigningOfficer);
    page.chrome.acting_for = Some("Sirop d’érable inc.".into());
    page.custody.capacity = Capacity::OfficialSource;
    page.until = now().plus(86_400 * 45);
    page.max_uses = None;
    page.case = None;
    page.items.truncate(3);
    page
}

fn hostile(language: Language) -> Consent {
    let mut page = Consent::sample(language);
    page.case = Some(HOSTILE.repeat(130));
    page.chrome.signed_in = Some(HOSTILE.into());
    page.chrome.acting_for = Some(HOSTILE.into());
    page.mandate = Some(MandateKind::Tutor);
    page.why = text(HOSTILE, HOSTILE);
    page.items.get_mut(0).unwrap().on_file.as_mut().unwrap().value = Value::Text(HOSTILE.into());
    page
}

fn active() -> Decided {
    let release = |days: i64, index| Released {
        at: now().plus(-86_400 * days),
        attributes: vec![income(), town_name()],
        index,
        proof_href: format!("/fr/preuves/{index}"),
    };
    Decided {
        receiving: university().name,
        purpose: text("Admissibilité à l’aide financière aux études", "Eligibility for student financial assistance"),
        attributes: vec![income(), town_name(), text("Nom", "Name")],
        state: State::Active { since: now().plus(-86_400 * 30), until: now().plus(86_400 * 150), uses_left: Some(1) },
        releases: vec![release(1, 182_934), release(20, 1_204)],
        withdraw_href: Some("/fr/autorisations/c_1/retirer".into()),
    }
}

impl Decisions {
    fn sample(language: Language) -> Self {
        let (since, at) = (now().plus(-86_400 * 300), now().plus(-86_400 * 90));
        let unlimited = Decided {
            receiving: town().name,
            purpose: text("Tarif résident", "Resident rate"),
            attributes: vec![town_name()],
            state: State::Active { since, until: now().plus(86_400 * 60), uses_left: None },
            releases: vec![],
            ..active()
        };
        let ended = Decided { withdraw_href: None, ..unlimited.clone() };
        Self {
            chrome: chrome(language),
            active: vec![active(), unlimited],
            ended: vec![
                Decided { state: State::Withdrawn { since, at }, ..ended.clone() },
                Decided { state: State::Expired { since, until: at }, ..ended.clone() },
            ],
            refused: vec![Decided { state: State::Refused { at }, ..ended }],
            records: vec![
                RecordLine { kind: address(), holder: town().name, since: at },
                RecordLine { kind: income(), holder: town().name, since },
            ],
        }
    }
}

fn row(index: u64, event: Event, verdict: Verdict) -> Row {
    Row {
        index,
        at: now().plus(-3_600 * i64::try_from(index % 100).unwrap()),
        event,
        releasing: Some(town().name),
        receiving: Some(university().name),
        purpose: Some(text(
            "Admissibilité à l’aide financière aux études",
            "Eligibility for student financial assistance",
        )),
        basis: Some("consent".into()),
        verdict,
    }
}

impl Search {
    fn sample(language: Language) -> Self {
        let choice = |value: &str, label| Choice { value: value.into(), label };
        let bare = Row {
            releasing: None,
            receiving: None,
            purpose: None,
            basis: None,
            ..row(1_231, Event::Activation, Verdict::Recorded)
        };
        let other =
            Row { releasing: None, basis: Some("agreement".into()), ..row(1_232, Event::Refusal, Verdict::Refused) };
        let rows = vec![
            row(1_234, Event::Release, Verdict::Authorised),
            row(1_233, Event::Consent, Verdict::Recorded),
            other,
            bare,
        ];
        Self {
            chrome: Chrome { signed_in: Some("Mireille Tremblay".into()), ..chrome(language) },
            form: SearchForm {
                reason: "Plainte reçue le 19 novembre, dossier 88".into(),
                event: "release".into(),
                body: "ugr".into(),
                from: "2026-11-01".into(),
                ..SearchForm::default()
            },
            bodies: vec![choice("ugr", university().name), choice("ville", town().name)],
            purposes: vec![choice("afe", text("Aide financière aux études", "Student financial assistance"))],
            errors: vec![],
            results: Some(Results {
                rows,
                next: Some(1_231),
                progress: Progress { known: 1_235, size: 1_235 },
                read: 1_235,
            }),
            entry_href: "/fr/console/inscription".into(),
        }
    }
}

fn citation(cite: &str, to_confirm: bool) -> Citation {
    Citation { cite: cite.into(), read: "2026-10-01".parse().ok(), to_confirm }
}

impl Entry {
    fn sample(language: Language) -> Self {
        Self {
            chrome: Chrome { signed_in: Some("Mireille Tremblay".into()), ..chrome(language) },
            row: row(1_234, Event::Release, Verdict::Authorised),
            citations: vec![citation("A-2.1, art. 53.1", false), citation("A-2.1, art. 59", true)],
            attributes: vec![income(), town_name()],
            reasons: vec![],
            person: Some(PersonPart {
                subject: Some("s_AAAAAAAAAAAAAAAAAAAAAA".into()),
                consent: Some("c_BBBBBBBBBBBBBBBBBBBBBB".into()),
                records: vec![(address(), 3), (income(), 1)],
                previous: Some(1_233),
                case: Some(HOSTILE.into()),
                reason: Some("Plainte reçue le 19 novembre".into()),
            }),
            proof: Proof {
                leaf: "mG4oXyZyJ0uH1Zw1r0p3oXo3q0l0y4mH9p3k0Yb1n2E=".into(),
                size: 1_236,
                root: "9b1fYyZyJ0uH1Zw1r0p3oXo3q0l0y4mH9p3k0Yb1n2E=".into(),
                text: "c2sp.org/tlog-proof@v1\nextra AQAhAAAAAAAAAAAA\nindex 1234\nmG4oXyZyJ0uH1Zw1r0p3oXo3q0l0y4mH9p3k0Yb1n2E=\n\nunefois.example/log\n1236\n9b1fYyZyJ0uH1Zw1r0p3oXo3q0l0y4mH9p3k0Yb1n2E=\n\n— unefois.example/log abcd1234\n".into(),
                download_href: "/fr/preuves/1234".into(),
                vkey_href: "/log/vkey".into(),
            },
            read: 1_236,
            search_href: "/fr/console".into(),
        }
    }
}

fn refusal(language: Language) -> Entry {
    let reason = Reason {
        text: text(
            "Un renseignement demandé ne sert pas à cette fin.",
            "An attribute asked for does not serve this purpose.",
        ),
        citations: vec![citation("A-2.1, art. 64", true)],
        mend: text("Demander seulement les renseignements de la fin.", "Ask only for the attributes of the purpose."),
    };
    Entry {
        row: row(1_232, Event::Refusal, Verdict::Refused),
        citations: vec![],
        attributes: vec![],
        reasons: vec![reason],
        person: None,
        ..Entry::sample(language)
    }
}

impl Problem {
    fn sample(language: Language) -> Self {
        Self {
            chrome: chrome(language),
            kind: "https://unefois.example/problems/beyond-purpose".into(),
            status: 403,
            title: text("Renseignement hors de la fin", "Attribute beyond the purpose"),
            cause: text(
                "La demande contient un renseignement que la fin ne prévoit pas.",
                "The ask names an attribute that the purpose does not provide for.",
            ),
            mend: text(
                "Retirez ce renseignement ou enregistrez une autre fin.",
                "Remove that attribute or register another purpose.",
            ),
            sections: vec!["A-2.1, art. 64".into(), "A-2.1, art. 65.1".into()],
        }
    }
}
