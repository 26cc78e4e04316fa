//! Samples of an officer's pages and of a developer's.

use super::*;
use crate::domain::Event;

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
    pub(in crate::pages) fn sample(language: Language) -> Self {
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
    pub(in crate::pages) fn sample(language: Language) -> Self {
        Self {
            chrome: Chrome { signed_in: Some("Mireille Tremblay".into()), ..chrome(language) },
            row: row(1_234, Event::Release, Verdict::Authorised),
            citations: vec![citation("A-2.1, art. 53.1", false), citation("A-2.1, art. 59", true)],
            attributes: vec![income(), town_name()],
            reasons: vec![],
            person: Some(PersonPart {
                mandate: Some("acte de naissance fictif 13".into()),
                died: Some("2026-11-20".into()),
                mandate_ended: None,
                evidence: Some("acte de décès fictif 26-1".into()),
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
                command: "unefois verify --vkey vkey entry-1234.tlog-proof".into(),
            },
            read: 1_236,
            status_href: "/fr/registre/etat".into(),
            search_href: "/fr/console".into(),
        }
    }
}

fn reason() -> Reason {
    Reason {
        text: text(
            "Un renseignement demandé ne sert pas à cette fin.",
            "An attribute asked for does not serve this purpose.",
        ),
        citations: vec![citation("A-2.1, art. 64", true)],
        mend: text("Demander seulement les renseignements de la fin.", "Ask only for the attributes of the purpose."),
    }
}

/// What the rules refuse, as who asked for it is told.
pub(super) fn denied(language: Language) -> Message {
    let (outcome, reasons) = (Outcome::Refused, vec![reason()]);
    Message { chrome: chrome(language), outcome, reasons, receipt: None, onward: None }
}

pub(super) fn refusal(language: Language) -> Entry {
    Entry {
        row: row(1_232, Event::Refusal, Verdict::Refused),
        citations: vec![],
        attributes: vec![],
        reasons: vec![reason()],
        person: None,
        ..Entry::sample(language)
    }
}

impl Problem {
    pub(in crate::pages) fn sample(language: Language) -> Self {
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
