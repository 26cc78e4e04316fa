//! Reasons that no rule gives: nothing permits, nothing can be told, nothing could be evaluated.

use std::collections::BTreeSet;

use super::decide::Reason;
use super::rule::{About, Citation};
use super::rules::Action;
use crate::domain::Text;

fn text(fr: &str, en: &str) -> Text {
    Text { fr: fr.to_owned(), en: en.to_owned() }
}

/// Whose information is asked for: what a refusal cites, and what mends it, follow the asked basis.
#[derive(Clone, Copy)]
enum Of {
    Person,
    Enterprise,
    /// What another statute than the Act governs.
    Elsewhere,
}

impl Of {
    const fn asked(action: Action) -> Self {
        match action {
            Action::GiveAuthorisation | Action::ReleaseByAuthorisation => Self::Enterprise,
            Action::Overlay | Action::OverlayOwn => Self::Elsewhere,
            _ => Self::Person,
        }
    }

    /// Sections 53 and 59: personal information is confidential, and released on a basis or not at all. Section 23: what
    /// an enterprise supplied is not released without its consent, which is called its authorisation here. Section 2: of
    /// what another statute governs, nothing else in the Act is cited.
    fn default_deny(self) -> Vec<Citation> {
        let cited = |cite: &str, read: Option<&str>| {
            let read = read.and_then(|day| day.parse().ok());
            Citation::new(cite, read, false)
        };
        match self {
            Self::Person => vec![cited("A-2.1, art. 53", None), cited("A-2.1, art. 59", Some("2019-01-21"))],
            Self::Enterprise => vec![cited("A-2.1, art. 23", None)],
            Self::Elsewhere => vec![cited("A-2.1, art. 2", Some("2024-07-01"))],
        }
    }

    /// The name of a reason of its own, as the log keeps it.
    fn named(self, id: &str) -> String {
        match self {
            Self::Person => id.to_owned(),
            Self::Enterprise => format!("authorisation-{id}"),
            Self::Elsewhere => format!("overlay-{id}"),
        }
    }

    fn ask_anew(self) -> Text {
        match self {
            Self::Person | Self::Elsewhere => text(
                "Présentez une nouvelle demande de consentement; la personne y répondra librement.",
                "Make a new consent request; the person will answer it freely.",
            ),
            Self::Enterprise => text(
                "Présentez une nouvelle demande d’autorisation; l’entreprise y répondra librement.",
                "Make a new request for an authorisation; the enterprise will answer it freely.",
            ),
        }
    }
}

/// No permit applies and no forbid fired.
pub(super) fn no_basis(action: Action) -> Reason {
    let mend = match action {
        Action::AskConsent => text(
            "Faites enregistrer ce client comme système demandeur d’un organisme public.",
            "Have this client registered as the asking system of a public body.",
        ),
        Action::OpenSession | Action::Check => text(
            "Faites enregistrer ce portail comme collecteur, en vertu d’une entente (art. 64) ou d’un contrat (art. 67.2).",
            "Have this portal registered as a collector, under an agreement (s. 64) or a contract (s. 67.2).",
        ),
        Action::Attest => text(
            "Faites enregistrer ce client comme source de l’organisme qui détient le renseignement.",
            "Have this client registered as a source of the body that holds the information.",
        ),
        Action::ReleaseByConsent | Action::ReleaseByAuthorisation => Of::asked(action).ask_anew(),
        Action::ReleaseByAgreement | Action::ReleaseByAct | Action::ReleaseByContract | Action::ReleaseByMobility => {
            text(
                "Faites inscrire au catalogue l’acte sur lequel la communication repose.",
                "Have the instrument on which the release rests entered in the catalogue.",
            )
        }
        Action::Overlay | Action::OverlayOwn => text(
            "Adressez-vous à l’organisme qui tient ces renseignements.",
            "Apply to the body that keeps this information.",
        ),
        Action::Submit | Action::GiveConsent | Action::GiveAuthorisation | Action::ViewOwn => text(
            "Ouvrez une session en votre nom ou au nom de la personne que vous représentez.",
            "Sign in in your own name, or for the person you represent.",
        ),
        Action::ReadLog | Action::Approve => text(
            "Faites consigner votre délégation par écrit et faites-la inscrire au catalogue.",
            "Have your delegation put in writing and entered in the catalogue.",
        ),
    };
    let about = match action {
        Action::ReleaseByConsent | Action::ReleaseByAuthorisation => About::Person,
        _ => About::Request,
    };
    Reason {
        id: Of::asked(action).named("no-basis"),
        citations: Of::asked(action).default_deny(),
        text: text("Aucun fondement juridique ne permet cet acte.", "No legal basis permits this act."),
        mend,
        which: BTreeSet::new(),
        about,
    }
}

/// Everything that rests on the person or the enterprise, told to a body as one: in the same words whether there is such
/// an authorisation or not, and whosever it is (P4).
pub(super) fn no_authorisation() -> Reason {
    Reason {
        id: "no-authorisation".to_owned(),
        citations: [Of::Person.default_deny(), Of::Enterprise.default_deny()].concat(),
        text: text(
            "Aucune autorisation ne permet de vous communiquer ces renseignements.",
            "No authorisation permits releasing this information to you.",
        ),
        mend: text(
            "Présentez une nouvelle demande; la personne ou l’entreprise y répondra librement.",
            "Make a new request; the person or the enterprise will answer it freely.",
        ),
        which: BTreeSet::new(),
        about: About::Person,
    }
}

/// Nothing is on file for what was agreed to: it was never given, or it was erased.
pub(super) fn nothing_on_file(action: Action) -> Reason {
    let of = Of::asked(action);
    let mend = match of {
        Of::Person | Of::Elsewhere => text(
            "La personne peut le déposer par un portail partenaire.",
            "The person can give it through a partner portal.",
        ),
        Of::Enterprise => text(
            "L’entreprise peut le déposer par un portail partenaire.",
            "The enterprise can give it through a partner portal.",
        ),
    };
    Reason {
        id: of.named("nothing-on-file"),
        citations: of.default_deny(),
        text: text(
            "Un renseignement nécessaire à la fin n’est pas au dossier.",
            "A piece of information that the purpose needs is not on file.",
        ),
        mend,
        which: BTreeSet::new(),
        about: About::Person,
    }
}

/// Every use that was agreed to is taken.
pub(super) fn uses_taken(action: Action) -> Reason {
    let of = Of::asked(action);
    let text = match of {
        Of::Person | Of::Elsewhere => text(
            "Toutes les communications auxquelles la personne a consenti ont eu lieu.",
            "Every release that the person consented to has been made.",
        ),
        Of::Enterprise => text(
            "Toutes les communications que l’entreprise a autorisées ont eu lieu.",
            "Every release that the enterprise authorised has been made.",
        ),
    };
    Reason {
        id: of.named("uses-taken"),
        citations: of.default_deny(),
        text,
        mend: of.ask_anew(),
        which: BTreeSet::new(),
        about: About::Person,
    }
}

/// The agreement says how often, and that is done.
pub(super) fn interval_taken() -> Reason {
    let read = "2017-05-17".parse().ok();
    Reason {
        id: "interval-taken".to_owned(),
        citations: vec![Citation::new("A-2.1, art. 68", read, false)],
        text: text(
            "L’entente ne permet plus de communication pour cette période.",
            "The agreement permits no further release in this period.",
        ),
        mend: text(
            "Attendez la prochaine période que l’entente prévoit.",
            "Wait for the next period that the agreement provides for.",
        ),
        which: BTreeSet::new(),
        about: About::Request,
    }
}

/// The rules could not be evaluated.
pub(super) fn in_doubt(action: Action) -> Reason {
    Reason {
        id: Of::asked(action).named("rules-in-doubt"),
        citations: Of::asked(action).default_deny(),
        text: text(
            "Les règles n’ont pas pu être évaluées; dans le doute, rien n’est communiqué.",
            "The rules could not be evaluated; in doubt, nothing is released.",
        ),
        mend: text(
            "Réessayez plus tard et signalez ce refus au dépositaire.",
            "Try again later and report this refusal to the custodian.",
        ),
        which: BTreeSet::new(),
        about: About::Request,
    }
}

/// A reason of these by its name, for who reads a refusal in the log.
pub(super) fn by_name(id: &str) -> Option<Reason> {
    let of = |action| [no_basis(action), nothing_on_file(action), uses_taken(action), in_doubt(action)];
    let known = [Action::ReleaseByConsent, Action::ReleaseByAuthorisation, Action::Overlay].into_iter().flat_map(of);
    known.chain([interval_taken(), to_confirm(Vec::new())]).find(|reason| reason.id == id)
}

/// The only ground is one that counsel has yet to confirm.
pub(super) fn to_confirm(citations: Vec<Citation>) -> Reason {
    Reason {
        id: "basis-to-confirm".to_owned(),
        citations,
        text: text(
            "Le seul fondement applicable reste à confirmer; il ne permet encore rien.",
            "The only applicable ground is still to be confirmed; it permits nothing yet.",
        ),
        mend: text(
            "Faites confirmer la règle par un conseiller juridique avant de la mettre en vigueur.",
            "Have counsel confirm the rule before it is put in force.",
        ),
        which: BTreeSet::new(),
        about: About::Person,
    }
}
