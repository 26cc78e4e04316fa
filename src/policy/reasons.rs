//! Reasons that no rule gives: nothing permits, nothing can be told, nothing could be evaluated.

use super::decide::{Citation, Reason};
use super::rules::{About, Action};
use crate::domain::Text;

fn text(fr: &str, en: &str) -> Text {
    Text { fr: fr.to_owned(), en: en.to_owned() }
}

/// Sections 53 and 59: personal information is confidential, and released on a basis or not at all.
fn default_deny() -> Vec<Citation> {
    let cited = |cite: &str, read: Option<&str>| {
        let read = read.and_then(|day| day.parse().ok());
        Citation { cite: cite.to_owned(), read, to_confirm: read.is_none() }
    };
    vec![cited("A-2.1, art. 53", None), cited("A-2.1, art. 59", Some("2019-01-21"))]
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
        Action::ReleaseByConsent | Action::ReleaseByAuthorisation => no_authorisation().mend,
        Action::Submit | Action::GiveConsent | Action::GiveAuthorisation | Action::ViewOwn => text(
            "Ouvrez une session en votre nom ou au nom de la personne que vous représentez.",
            "Sign in in your own name, or for the person you represent.",
        ),
        Action::ReadLog => text(
            "Faites consigner votre délégation par écrit et faites-la inscrire au catalogue.",
            "Have your delegation put in writing and entered in the catalogue.",
        ),
    };
    let about = match action {
        Action::ReleaseByConsent | Action::ReleaseByAuthorisation => About::Person,
        _ => About::Request,
    };
    Reason {
        id: "no-basis".to_owned(),
        citations: default_deny(),
        text: text("Aucun fondement juridique ne permet cet acte.", "No legal basis permits this act."),
        mend,
        about,
    }
}

/// Everything that rests on the person, told to a body as one.
pub(super) fn no_authorisation() -> Reason {
    Reason {
        id: "no-authorisation".to_owned(),
        citations: default_deny(),
        text: text(
            "Aucune autorisation ne permet de vous communiquer ces renseignements.",
            "No authorisation permits releasing this information to you.",
        ),
        mend: text(
            "Présentez une nouvelle demande de consentement; la personne y répondra librement.",
            "Make a new consent request; the person will answer it freely.",
        ),
        about: About::Person,
    }
}

/// Nothing is on file for what was consented to: it was never given, or it was erased.
pub(super) fn nothing_on_file() -> Reason {
    Reason {
        id: "nothing-on-file".to_owned(),
        citations: default_deny(),
        text: text(
            "Un renseignement nécessaire à la fin n’est pas au dossier.",
            "A piece of information that the purpose needs is not on file.",
        ),
        mend: text(
            "La personne peut le déposer par un portail partenaire.",
            "The person can give it through a partner portal.",
        ),
        about: About::Person,
    }
}

/// Every use that the person consented to is taken.
pub(super) fn uses_taken() -> Reason {
    Reason {
        id: "uses-taken".to_owned(),
        citations: default_deny(),
        text: text(
            "Toutes les communications auxquelles la personne a consenti ont eu lieu.",
            "Every release that the person consented to has been made.",
        ),
        mend: no_authorisation().mend,
        about: About::Person,
    }
}

/// The rules could not be evaluated.
pub(super) fn in_doubt() -> Reason {
    Reason {
        id: "rules-in-doubt".to_owned(),
        citations: default_deny(),
        text: text(
            "Les règles n’ont pas pu être évaluées; dans le doute, rien n’est communiqué.",
            "The rules could not be evaluated; in doubt, nothing is released.",
        ),
        mend: text(
            "Réessayez plus tard et signalez ce refus au dépositaire.",
            "Try again later and report this refusal to the custodian.",
        ),
        about: About::Request,
    }
}

/// A reason of these by its name, for who reads a refusal in the log.
pub(super) fn by_name(id: &str) -> Option<Reason> {
    let known = [
        no_basis(Action::ReleaseByConsent),
        no_authorisation(),
        nothing_on_file(),
        uses_taken(),
        in_doubt(),
        to_confirm(Vec::new()),
    ];
    known.into_iter().find(|reason| reason.id == id)
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
        about: About::Person,
    }
}
