//! Step three: from the claims of a token that held to who signed in, and for whom they may act.

use std::fmt;

use openidconnect::core::{CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm};
use openidconnect::{AdditionalClaims, IdToken, IdTokenClaims};
use serde::de::value::{Error as PlainError, StrDeserializer};
use serde::{Deserialize, Serialize};

use super::{Audience, Login};
use crate::clock::{Day, Moment};
use crate::domain::{Identified, Mandate, MandateKind, SubjectKind};

/// Longest text, in characters, that we take for a name, a `sub` or a reference.
const LONGEST_TEXT: usize = 255;

pub(super) type Claims = IdTokenClaims<MandateClaims, CoreGenderClaim>;

pub(super) type Token =
    IdToken<MandateClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

/// Somebody signed in, as the service says.
#[derive(Clone, Deserialize, Serialize)]
pub struct SignedIn {
    /// The service.
    pub issuer: String,
    /// Its identifier of the person: with `issuer`, the way to the subject.
    pub sub: String,
    /// Who it is.
    pub who: Identified,
    /// Their own *numéro d’entreprise du Québec*, of a sole proprietor: a person all the same.
    #[serde(default)]
    pub neq: Option<String>,
    /// The subjects for whom they may act.
    pub mandates: Vec<Representable>,
    /// When they signed in at the service, where it says.
    pub auth_time: Option<Moment>,
    /// With what assurance, where it says.
    pub acr: Option<String>,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// A subject for whom the signed-in person holds a mandate.
#[derive(Clone, Deserialize, Serialize)]
pub struct Representable {
    /// The same service's identifier of that subject.
    pub sub: String,
    /// Who it is.
    pub who: Identified,
    /// The *numéro d'entreprise du Québec*, of an enterprise.
    pub neq: Option<String>,
    /// The power.
    pub mandate: Mandate,
}

impl fmt::Debug for Representable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Representable(redacted)")
    }
}

/// Our private claims.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct MandateClaims {
    #[serde(default)]
    unefois_mandates: Vec<MandateClaim>,
    #[serde(default)]
    unefois_neq: Option<String>,
}

impl AdditionalClaims for MandateClaims {}

/// A mandate as the service writes it. Kinds to come may have other members, so none is required to parse.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct MandateClaim {
    sub: String,
    kind: String,
    name: String,
    birthdate: Option<String>,
    neq: Option<String>,
    evidence: String,
    until: Option<Moment>,
}

impl MandateClaim {
    /// The mandate, if its kind is known and it has all that the kind needs. No evidence, no act.
    fn read(&self, issuer: &str) -> Option<Representable> {
        let kind = MandateKind::deserialize(StrDeserializer::<PlainError>::new(&self.kind)).ok()?;
        let (subject, born, neq) = match kind {
            MandateKind::Parent | MandateKind::Tutor => {
                (SubjectKind::Person, Some(birth_day(self.birthdate.as_deref()?)?), None)
            }
            MandateKind::SigningOfficer => (SubjectKind::Enterprise, None, Some(neq(self.neq.as_deref()?)?)),
        };
        let evidence = text(&self.evidence)?;
        Some(Representable {
            sub: text(&self.sub)?,
            who: Identified { kind: subject, name: text(&self.name)?, born },
            neq,
            mandate: Mandate { kind, evidence, verifier: issuer.to_owned(), until: self.until },
        })
    }
}

impl Login {
    pub(super) fn signed_in(&self, claims: &Claims) -> Option<SignedIn> {
        let sub = text(claims.subject().as_str())?;
        let name = text(claims.name()?.get(None)?.as_str())?;
        let mut born = claims.birthdate().and_then(|born| birth_day(born.as_str()));
        let (mut mandates, mut own) = (Vec::new(), None);
        match self.settings.audience {
            Audience::Officers => born = None,
            Audience::Persons => {
                own = claims.additional_claims().unefois_neq.as_deref().and_then(neq);
                for claim in &claims.additional_claims().unefois_mandates {
                    match claim.read(&self.settings.issuer) {
                        Some(mandate) if mandate.sub != sub => mandates.push(mandate),
                        _ => tracing::warn!(issuer = self.settings.issuer, "mandate ignored: kind or evidence unknown"),
                    }
                }
            }
        }
        Some(SignedIn {
            issuer: self.settings.issuer.clone(),
            sub,
            who: Identified { kind: SubjectKind::Person, name, born },
            neq: own,
            mandates,
            auth_time: claims.auth_time().map(|at| Moment::from_unix(at.timestamp())),
            acr: claims.auth_context_ref().map(|acr| acr.to_string()),
        })
    }
}

/// A text that can be shown and kept: something, not too long, without control characters.
fn text(text: &str) -> Option<String> {
    let fit = !text.trim().is_empty() && text.chars().count() <= LONGEST_TEXT && !text.chars().any(char::is_control);
    fit.then(|| text.to_owned())
}

/// A whole birth date; OpenID Connect also lets services give the year 0000, or the year alone, which tell no age.
fn birth_day(text: &str) -> Option<Day> {
    text.parse().ok().filter(|day: &Day| day.parts().0 > 0)
}

fn neq(text: &str) -> Option<String> {
    (text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.to_owned())
}
