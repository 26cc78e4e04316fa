//! The issuer's one page, in its three uses, and its style. No script, nothing from elsewhere.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse as _, Response};

use super::Persona;
use crate::domain::Language;

/// What the page says, in one language.
pub(super) struct Words {
    language: Language,
    trial: &'static str,
    trial_more: &'static str,
    choose: &'static str,
    choose_more: &'static str,
    refuse: &'static str,
    confirm: &'static str,
    confirm_more: &'static str,
    other: &'static str,
    unknown: &'static str,
    unknown_more: &'static str,
}

static FRENCH: Words = Words {
    language: Language::Fr,
    trial: "ENVIRONNEMENT D'ESSAI",
    trial_more: "Toutes ces personnes sont fictives. N'entrez aucun vrai renseignement.",
    choose: "Qui êtes-vous?",
    choose_more: "Ce service d'identité d'essai ne demande pas de mot de passe. Choisissez une personne fictive.",
    refuse: "Ne pas m'identifier",
    confirm: "Confirmez que c'est bien vous",
    confirm_more: "Les renseignements sensibles demandent une seconde confirmation de votre identité.",
    other: "Choisir une autre personne",
    unknown: "Demande inconnue",
    unknown_more: "Le site d'où vous venez n'est pas inscrit auprès de ce service. Revenez-y et recommencez.",
};

static ENGLISH: Words = Words {
    language: Language::En,
    trial: "TRIAL ENVIRONMENT",
    trial_more: "All these people are fictional. Enter no real information.",
    choose: "Who are you?",
    choose_more: "This trial identity service asks for no password. Choose a fictional person.",
    refuse: "Do not identify me",
    confirm: "Confirm that it is you",
    confirm_more: "Sensitive information requires a second confirmation of your identity.",
    other: "Choose another person",
    unknown: "Unknown request",
    unknown_more: "The site you come from is not registered with this service. Go back to it and start again.",
};

/// The words of a language.
pub(super) fn words(language: Language) -> &'static Words {
    match language {
        Language::Fr => &FRENCH,
        Language::En => &ENGLISH,
    }
}

/// The page.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!DOCTYPE html>
<html lang="{{ words.language.code() }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{ heading }} – {{ words.trial }}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header><p><strong>{{ words.trial }}</strong> {{ words.trial_more }}</p></header>
<main>
<h1>{{ heading }}</h1>
<p>{{ more }}</p>
{%- if !buttons.is_empty() %}
<form method="post" action="{{ action }}">
<ul>
{%- for button in buttons %}
<li><button name="{{ button.name }}" value="{{ button.value }}">{{ button.label }}
{%- if !button.about.is_empty() %} <span>{{ button.about }}</span>{% endif %}</button></li>
{%- endfor %}
</ul>
</form>
{%- endif %}
{%- if let Some(other) = other %}
<p><a href="{{ other }}">{{ words.other }}</a></p>
{%- endif %}
</main>
</body>
</html>
"#
)]
pub(super) struct Page<'a> {
    words: &'static Words,
    heading: &'static str,
    more: &'static str,
    action: &'a str,
    buttons: Vec<Button<'a>>,
    other: Option<String>,
}

/// A button that posts one value.
struct Button<'a> {
    name: &'static str,
    value: &'a str,
    label: &'a str,
    about: &'a str,
}

impl Words {
    /// The page on which one chooses who one is.
    pub(super) fn choose<'a>(&'static self, personas: &'a [Persona], action: &'a str) -> Page<'a> {
        let persona = |persona: &'a Persona| Button {
            name: "persona",
            value: persona.sub,
            label: persona.name,
            about: match self.language {
                Language::Fr => persona.about.fr,
                Language::En => persona.about.en,
            },
        };
        let mut buttons: Vec<_> = personas.iter().map(persona).collect();
        buttons.push(Button { name: "refuse", value: "1", label: self.refuse, about: "" });
        Page { words: self, heading: self.choose, more: self.choose_more, action, buttons, other: None }
    }

    /// The page on which one says again that one is this persona.
    pub(super) fn confirm<'a>(&'static self, persona: &'a Persona, action: &'a str, other: String) -> Page<'a> {
        let buttons = vec![
            Button { name: "confirm", value: persona.sub, label: persona.name, about: "" },
            Button { name: "refuse", value: "1", label: self.refuse, about: "" },
        ];
        Page { words: self, heading: self.confirm, more: self.confirm_more, action, buttons, other: Some(other) }
    }

    /// The page for those who are sent by nobody known.
    pub(super) fn unknown_client(&'static self) -> Page<'static> {
        Page {
            words: self,
            heading: self.unknown,
            more: self.unknown_more,
            action: "",
            buttons: Vec::new(),
            other: None,
        }
    }
}

impl Page<'_> {
    /// The page as an answer, from which forms may lead back to `origin`: browsers hold the redirect after a form to the
    /// form's policy.
    pub(super) fn respond(&self, status: StatusCode, origin: &str) -> Response {
        let Ok(page) = self.render() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
        let policy = format!(
            "default-src 'none'; style-src 'self'; form-action 'self' {origin}; frame-ancestors 'none'; base-uri 'none'"
        );
        let headers = [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CONTENT_SECURITY_POLICY, &policy),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
            (CACHE_CONTROL, "no-store"),
        ];
        (status, headers, page).into_response()
    }
}

pub(super) async fn style() -> Response {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, STYLE).into_response()
}

const STYLE: &str = "\
body { margin: 0; font: 1.125rem/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; }
header { padding: 0.5rem 1rem; color: #000; background: #ffd34d; border-bottom: 0.25rem solid #000; }
header p { max-width: 40rem; margin: 0 auto; }
main { max-width: 40rem; margin: 0 auto; padding: 1rem; }
ul { margin: 0; padding: 0; list-style: none; }
li { margin: 0 0 0.75rem; }
button { width: 100%; min-height: 3rem; padding: 0.5rem 1rem; font: inherit; font-weight: bold; text-align: left;
  color: #1a1a1a; background: #fff; border: 2px solid #4a4a4a; border-radius: 0.25rem; cursor: pointer; }
button:hover { background: #f0f0f0; }
button span { display: block; font-weight: normal; }
a { color: #0b4f9e; }
:focus-visible { outline: 0.25rem solid #0b4f9e; outline-offset: 0.125rem; }
";
