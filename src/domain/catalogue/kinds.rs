//! Record kinds and their attributes: what is kept, who holds it, which statute governs it.

use serde::{Deserialize, Serialize};

use super::Text;
use crate::clock::Day;
use crate::domain::{BodyId, Declared, PurposeId, SubjectKind};

/// A record kind (*catégorie*): what its records look like and who holds them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RecordKind {
    /// What it is called.
    pub label: Text,
    /// The body that holds its records.
    pub holder: BodyId,
    /// The purpose for which they are first collected.
    pub collected_for: PurposeId,
    /// The regime that governs them.
    pub regime: Regime,
    /// Where the values come from.
    pub origin: Origin,
    /// Of whom its records speak.
    #[serde(default = "of_a_person")]
    pub subject: SubjectKind,
    /// How long a record is valid, of those that a body attests for a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity: Option<Validity>,
    /// How many days a record is kept after it was made, unless the subject gives it anew or someone may still draw on it
    /// (s. 73); as long as the subject has a file, where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_days: Option<u32>,
    /// Its attributes by member name, in the order in which they are read.
    pub attributes: Declared<String, Attribute>,
    /// JSON Schema of a record's values, as text.
    pub schema: String,
}

const fn of_a_person() -> SubjectKind {
    SubjectKind::Person
}

/// How long an attested record is valid: from the day of its issue to the end of a term.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Validity {
    /// The attribute that holds the day of its issue.
    pub issued: String,
    /// The term.
    pub until: Term,
}

/// A term that the law gives to a document.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Term {
    /// To the end of the three months that follow the month of its issue (C-65.1, r. 2, s. 37.3).
    ThirdMonthEnd,
}

impl Validity {
    /// The last day on which a record issued on that day is valid.
    pub fn last_day(&self, issued: Day) -> Day {
        match self.until {
            Term::ThirdMonthEnd => issued.month_end(3),
        }
    }
}

/// One attribute (*renseignement*).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// What persons and bodies call it.
    pub label: Text,
    /// Sensitive in the sense of s. 59: express consent, encrypted release.
    #[serde(default)]
    pub sensitive: bool,
    /// What a number counts, so that pages say it as one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// The claim of the identity service that gives it, for kinds that come from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Canadian dollars.
    Dollars,
    /// A calendar year.
    Year,
}

/// A claim of an identity service (OpenID Connect Core 5.1).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Claim {
    /// `name`.
    Name,
    /// `birthdate`.
    Birthdate,
}

/// The statute that governs a kind. The rules know the Act; what another statute governs is refused in its name.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Regime {
    /// CQLR c..
    #[serde(rename = "A-2.1")]
    Access,
    /// Civil Code, acts and register of civil status.
    #[serde(rename = "CCQ-CIVIL-STATUS")]
    CivilStatus,
    /// CQLR c., health and social services information.
    #[serde(rename = "R-22.1")]
    Health,
    /// CQLR c., tax information.
    #[serde(rename = "A-6.002")]
    Tax,
    /// Another statute, which the catalogue's comments name.
    #[serde(rename = "OTHER")]
    Other,
}

/// Where a kind's values come from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Declared by the subject.
    Subject,
    /// Vouched for by the identity service at sign-in.
    IdentityService,
    /// Attested by the body that holds it.
    Attested,
}
