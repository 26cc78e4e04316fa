//! Samples of a person's pages.

use super::*;
use crate::domain::{Capacity, MandateKind, Origin, SubjectKind};

impl ActFor {
    pub(in crate::pages) fn sample(language: Language) -> Self {
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
    pub(in crate::pages) fn sample(language: Language) -> Self {
        let (checks, drafts) = (vec![address(), income()], vec![address()]);
        Self { chrome: chrome(language), portal: portal(), checks, drafts }
    }
}

impl ConfirmDraft {
    pub(in crate::pages) fn sample(language: Language) -> Self {
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
        portals: vec![portal().name],
        tick: Tick::Empty,
    }
}

impl Consent {
    /// The question with a sensitive attribute and optional ones.
    pub(in crate::pages) fn sample(language: Language) -> Self {
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
            powers: vec![text("A-13.3, art. 2", "A-13.3, art. 2"), text("Programme d’essai", "Trial programme")],
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
            outside: Outside::default(),
            case: Some("AFE-2026-00417".into()),
        }
    }
}

/// The same, to a body outside Québec, by way of a host that is too.
pub(in crate::pages) fn outside(language: Language) -> Consent {
    let recipient = Some(Abroad { name: university().name, place: "CA-ON".into() });
    let hosts = vec![Abroad { name: text("Hébergement de secours", "Backup hosting"), place: "US".into() }];
    Consent { outside: Outside { recipient, hosts }, ..Consent::sample(language) }
}

impl Informed {
    pub(in crate::pages) fn sample(language: Language) -> Self {
        let asked = Consent::sample(language);
        Self {
            chrome: chrome(language),
            mandate: None,
            purpose: text("Révision de l’aide sociale", "Review of social assistance"),
            version: 1,
            why: text(
                "Réviser chaque mois le montant de l’aide qui vous est versée.",
                "To review each month the amount of assistance paid to you.",
            ),
            powers: asked.powers,
            receiving: town(),
            ground: Ground {
                title: text("Entente sur le revenu 2026-014", "Agreement on income 2026-014"),
                section: "A-2.1, art. 68(1)".into(),
                intervals: Some(text("À la demande, une fois par mois au plus.", "On request, once a month at most.")),
            },
            custody: asked.custody,
            items: asked.items.into_iter().filter(|item| !item.optional).collect(),
            until: asked.until,
            alternative: asked.alternative,
            kept: asked.kept,
            outside: asked.outside,
            case: asked.case,
        }
    }
}

/// Read by a parent, and not all of it is on file.
pub(super) fn informed_for_child(language: Language) -> Informed {
    let mut page = Informed::sample(language);
    page.chrome.acting_for = Some("Léo O’Bomsawin".into());
    page.mandate = Some(MandateKind::Parent);
    page.items.get_mut(1).unwrap().on_file = None;
    page.case = None;
    page
}

pub(super) fn incomplete(language: Language) -> Consent {
    let mut page = Consent::sample(language);
    page.items.get_mut(1).unwrap().tick = Tick::Missing;
    page.items.get_mut(3).unwrap().tick = Tick::Kept;
    page.items.get_mut(4).unwrap().tick = Tick::Kept;
    page
}

pub(super) fn not_on_file(language: Language) -> Consent {
    let mut page = Consent::sample(language);
    page.items.get_mut(1).unwrap().on_file = None;
    page.max_uses = Some(1);
    page
}

pub(super) fn optional_not_on_file(language: Language) -> Consent {
    let mut page = Consent::sample(language);
    let phone = page.items.get_mut(3).unwrap();
    (phone.on_file, phone.portals) = (None, vec![]);
    page
}

pub(super) fn enterprise(language: Language) -> Consent {
    let mut page = Consent::sample(language);
    page.subject = SubjectKind::Enterprise;
    page.chrome.subject = SubjectKind::Enterprise;
    page.mandate = Some(MandateKind::SigningOfficer);
    page.chrome.acting_for = Some("Sirop d’érable inc.".into());
    page.custody.capacity = Capacity::OfficialSource;
    page.until = now().plus(86_400 * 45);
    page.max_uses = None;
    page.case = None;
    page.items.truncate(3);
    page
}

pub(super) fn hostile(language: Language) -> Consent {
    let mut page = Consent::sample(language);
    page.case = Some(HOSTILE.repeat(130));
    page.chrome.signed_in = Some(HOSTILE.into());
    page.chrome.acting_for = Some(HOSTILE.into());
    page.mandate = Some(MandateKind::Tutor);
    page.why = text(HOSTILE, HOSTILE);
    page.items.get_mut(0).unwrap().on_file.as_mut().unwrap().value = Value::Text(HOSTILE.into());
    page
}

pub(super) fn active() -> Decided {
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
    pub(in crate::pages) fn sample(language: Language) -> Self {
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
                Decided { state: State::Used { since, most: 1 }, ..ended.clone() },
                Decided { state: State::Suspended { since, at }, ..ended.clone() },
                Decided { state: State::Lapsed { since, at }, ..ended.clone() },
                Decided { state: State::Expired { since, until: at }, ..ended.clone() },
            ],
            refused: vec![Decided { state: State::Refused { at }, ..ended }],
            unasked: vec![Unasked {
                receiving: town().name,
                purpose: text("Révision de l’aide sociale", "Review of social assistance"),
                reason: Some(text("Entente sur le revenu (art. 68(1))", "Agreement on income (s. 68(1))")),
                citations: vec![Citation {
                    cite: "A-2.1, art. 68".into(),
                    read: "2017-05-17".parse().ok(),
                    to_confirm: false,
                }],
                released: Released {
                    at,
                    attributes: vec![income()],
                    index: 1_207,
                    proof_href: "/fr/preuves/1207".into(),
                },
            }],
            records: vec![
                RecordLine { kind: address(), holder: town().name, since: at },
                RecordLine { kind: income(), holder: town().name, since },
            ],
        }
    }
}
