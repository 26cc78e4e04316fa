//! The one place where a [`Refusal`] becomes an answer: an OAuth error, a problem document (RFC 9457), or a page.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use crate::broker::Refusal;
use crate::domain::Text;
use crate::ephemeral::Lost;
use crate::identity::NotAuthenticated;
use crate::pages::Outcome;
use crate::policy::{Denial, Reason};

/// A kind of problem: its address is stable and opens a page with cause and mend.
pub(super) struct Kind {
    pub(super) slug: &'static str,
    pub(super) status: StatusCode,
    pub(super) title: (&'static str, &'static str),
    pub(super) cause: (&'static str, &'static str),
    pub(super) mend: (&'static str, &'static str),
}

macro_rules! kinds {
    ($($name:ident: $slug:literal, $status:ident, $title_fr:literal, $title_en:literal, $cause_fr:literal, $cause_en:literal, $mend_fr:literal, $mend_en:literal;)*) => {
        $(pub(super) static $name: Kind = Kind {
            slug: $slug,
            status: StatusCode::$status,
            title: ($title_fr, $title_en),
            cause: ($cause_fr, $cause_en),
            mend: ($mend_fr, $mend_en),
        };)*

        /// Every kind.
        pub(super) static KINDS: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    DENIED: "denied", FORBIDDEN,
        "La demande est refusée", "The request is refused",
        "Une ou plusieurs règles refusent la demande; chacune est citée dans la réponse.",
        "One or more rules refuse the request; the answer cites each.",
        "Suivez le correctif indiqué avec chaque motif.", "Follow the mend given with each reason.";
    CHANGED: "changed", CONFLICT,
        "La communication précédente ne tient plus", "The earlier release no longer holds",
        "Les renseignements ont changé, ou le jeton précédent est expiré.",
        "The information has changed, or the earlier token has expired.",
        "Demandez une nouvelle communication avec une nouvelle clé Idempotency-Key.",
        "Ask for a new release with a new Idempotency-Key.";
    KEY_REUSED: "idempotency-key-reused", UNPROCESSABLE_ENTITY,
        "Cette clé Idempotency-Key a servi à une autre demande", "This Idempotency-Key was used for another request",
        "La même clé est arrivée avec un autre contenu.", "The same key came with another body.",
        "Employez une nouvelle clé pour chaque demande; reprenez la même clé seulement pour répéter la même demande.",
        "Use a new key for each request, and the same key only to repeat the same request.";
    KEY_MISSING: "idempotency-key-missing", BAD_REQUEST,
        "L’en-tête Idempotency-Key manque", "The Idempotency-Key header is missing",
        "Toute communication exige une clé de 1 à 64 caractères ASCII visibles.",
        "Every release needs a key of 1 to 64 visible ASCII characters.",
        "Ajoutez une clé, de préférence un UUID version 7.", "Add a key, preferably a version 7 UUID.";
    MALFORMED: "malformed", BAD_REQUEST,
        "La demande n’a pas la forme attendue", "The request does not have the form expected",
        "Un membre manque, est inconnu, est répété ou n’est pas du bon type.",
        "A member is missing, unknown, repeated or of the wrong type.",
        "Comparez la demande à la documentation.", "Compare the request with the documentation.";
    VALUES: "values", UNPROCESSABLE_ENTITY,
        "Les valeurs n’ont pas la forme de leur catégorie", "The values do not have the form of their kind",
        "Une valeur manque, est inconnue ou ne respecte pas le schéma de la catégorie.",
        "A value is missing, unknown, or departs from the kind's schema.",
        "Corrigez les valeurs d’après le schéma.", "Mend the values by the schema.";
    NOT_AUTHENTICATED: "not-authenticated", UNAUTHORIZED,
        "Le jeton d’accès ou sa preuve n’est pas valide", "The access token or its proof is not good",
        "Le jeton manque, est expiré, ou la preuve DPoP ne lui correspond pas.",
        "The token is missing or expired, or the DPoP proof does not go with it.",
        "Obtenez un nouveau jeton et signez une nouvelle preuve.", "Get a new token and sign a new proof.";
    NOT_FOUND: "not-found", NOT_FOUND,
        "Il n’y a rien à cette adresse", "There is nothing at this address",
        "L’objet n’existe pas, ou n’est pas le vôtre.", "The thing does not exist, or is not yours.",
        "Vérifiez l’adresse.", "Check the address.";
    STATE: "state", CONFLICT,
        "L’état actuel ne le permet pas", "The present state does not allow it",
        "L’objet a déjà changé d’état.", "The thing has changed its state already.",
        "Rechargez la page.", "Load the page again.";
    NOT_NOW: "not-now", SERVICE_UNAVAILABLE,
        "Le service ne peut pas répondre maintenant", "The service cannot answer now",
        "Un composant ne répond pas, ou est en doute; rien n’a été communiqué.",
        "A component does not answer, or is in doubt; nothing was released.",
        "Réessayez avec la même clé Idempotency-Key.", "Try again with the same Idempotency-Key.";
}

impl Kind {
    /// Title, cause and mend in both languages.
    pub(super) fn texts(&self) -> [Text; 3] {
        [self.title, self.cause, self.mend].map(|(fr, en)| Text { fr: fr.to_owned(), en: en.to_owned() })
    }
}

/// The kind of a refusal.
fn kind_of(refusal: &Refusal) -> &'static Kind {
    match refusal {
        Refusal::Denied(_) => &DENIED,
        Refusal::Changed(_) => &CHANGED,
        Refusal::KeyReused => &KEY_REUSED,
        Refusal::Unknown => &NOT_FOUND,
        Refusal::BadValues => &VALUES,
        Refusal::Answered | Refusal::State => &STATE,
        Refusal::NotNow(_) => &NOT_NOW,
    }
}

/// A refusal on `/v1`: a problem document. A body is told what rests on its request, and one reason for the rest (P4).
pub(super) fn problem(issuer: &str, refusal: &Refusal) -> Response {
    let more = match refusal {
        Refusal::Denied(denial) => json!({"reasons": told(denial), "rules": crate::jose::b64::encode(denial.bundle())}),
        Refusal::Changed(release) => json!({"release_id": release}),
        _ => json!({}),
    };
    document(issuer, kind_of(refusal), more)
}

/// A problem document of a kind, with further members.
pub(super) fn document(issuer: &str, kind: &Kind, more: Value) -> Response {
    let (fr, en) = kind.title;
    let mut body = json!({
        "type": format!("{issuer}/problems/{}", kind.slug),
        "title": fr, "title_en": en, "status": kind.status.as_u16(),
        "detail": kind.cause.0, "detail_en": kind.cause.1,
        "mend": kind.mend.0, "mend_en": kind.mend.1,
    });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    let mut response = (kind.status, Json(body)).into_response();
    let problem = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, problem);
    if kind.status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// A refusal on `/oauth`: an OAuth error (RFC 6749 5.2). `denied` is the code for what the rules refuse.
pub(super) fn oauth(refusal: &Refusal, denied: &'static str) -> Response {
    match refusal {
        Refusal::Denied(denial) => {
            let reasons = told(denial);
            let first = denial.told_to_body().into_iter().next();
            let description = first.map_or_else(String::new, |reason| describe(&reason));
            let body = json!({"error": denied, "error_description": description, "reasons": reasons});
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
        Refusal::NotNow(_) => oauth_error(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"),
        _ => oauth_error(StatusCode::BAD_REQUEST, "invalid_request"),
    }
}

/// An OAuth error without more.
pub(super) fn oauth_error(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({"error": error}))).into_response()
}

/// Why a caller at the token endpoints is not authenticated.
pub(super) fn not_authenticated_oauth(fault: NotAuthenticated) -> Response {
    match fault {
        NotAuthenticated::Client | NotAuthenticated::Token => oauth_error(StatusCode::UNAUTHORIZED, "invalid_client"),
        NotAuthenticated::Proof => oauth_error(StatusCode::BAD_REQUEST, "invalid_dpop_proof"),
        NotAuthenticated::Nonce | NotAuthenticated::Guard(Lost::Stale) => {
            oauth_error(StatusCode::BAD_REQUEST, "use_dpop_nonce")
        }
        NotAuthenticated::Guard(Lost::Unavailable) => {
            oauth_error(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
        }
    }
}

/// Why a caller with a token is not authenticated: a problem document and a challenge (RFC 9449 7.1, RFC 9728 5.1).
pub(super) fn not_authenticated(issuer: &str, path: &str, fault: NotAuthenticated) -> Response {
    let error = match fault {
        NotAuthenticated::Nonce | NotAuthenticated::Guard(Lost::Stale) => "use_dpop_nonce",
        NotAuthenticated::Proof => "invalid_dpop_proof",
        NotAuthenticated::Client | NotAuthenticated::Token => "invalid_token",
        NotAuthenticated::Guard(Lost::Unavailable) => return document(issuer, &NOT_NOW, json!({})),
    };
    let mut response = document(issuer, &NOT_AUTHENTICATED, json!({}));
    let metadata = format!("{issuer}/.well-known/oauth-protected-resource{path}");
    let challenge = format!("DPoP error=\"{error}\", algs=\"ES256 EdDSA\", resource_metadata=\"{metadata}\"");
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// A refusal on a page.
pub(super) fn outcome(refusal: &Refusal) -> (StatusCode, Outcome) {
    let outcome = match refusal {
        Refusal::Denied(_) | Refusal::KeyReused | Refusal::Changed(_) => Outcome::Refused,
        Refusal::BadValues => Outcome::BadRequest,
        Refusal::Unknown => Outcome::NotFound,
        Refusal::Answered => Outcome::Answered,
        Refusal::State => Outcome::LinkExpired,
        Refusal::NotNow(_) => Outcome::Unavailable,
    };
    (kind_of(refusal).status, outcome)
}

fn told(denial: &Denial) -> Value {
    denial.told_to_body().iter().map(reason).collect()
}

fn reason(reason: &Reason) -> Value {
    let citations: Vec<Value> = reason
        .citations
        .iter()
        .map(|citation| json!({"cite": citation.cite, "read": citation.read, "to_confirm": citation.to_confirm}))
        .collect();
    let mut told = json!({
        "id": reason.id, "citations": citations, "fr": reason.text.fr, "en": reason.text.en,
        "mend_fr": reason.mend.fr, "mend_en": reason.mend.en,
    });
    if !reason.which.is_empty() {
        told["which"] = json!(reason.which);
    }
    told
}

/// Section and mend in the characters that `error_description` may hold (RFC 6749 5.2): English, ASCII.
fn describe(reason: &Reason) -> String {
    let sections: Vec<&str> = reason.citations.iter().map(|citation| citation.cite.as_str()).collect();
    let text = format!("{} [{}] {}", reason.text.en, sections.join("; "), reason.mend.en);
    let plain = text.replace(['\u{2019}', '\u{2018}'], "'").replace(['"', '\\'], "'");
    plain.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect()
}

#[cfg(test)]
mod tests {
    use super::KINDS;

    #[test]
    fn slugs_are_addresses_and_unique() {
        let mut slugs: Vec<_> = KINDS.iter().map(|kind| kind.slug).collect();
        assert!(slugs.iter().all(|slug| slug.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), KINDS.len());
    }
}
