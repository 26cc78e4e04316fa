//! Public bodies, and how to reach and encrypt to them.

use serde::{Deserialize, Deserializer, Serialize, de};

use super::Text;
use crate::clock::Day;

/// A public body (*organisme public*), as it exists between two days.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Its legal name, as it stands or last stood.
    pub name: Text,
    /// The names that it had before, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<FormerName>,
    /// The provisions under which it is public, for example `A-2.1, art. 3`.
    pub public_under: Vec<String>,
    /// First day of its existence.
    pub from: Day,
    /// First day on which it no longer exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// Where it is: the laws of which Canadian province, or of which State, govern what it receives.
    #[serde(default, skip_serializing_if = "Jurisdiction::is_quebec")]
    pub jurisdiction: Jurisdiction,
    /// Whom a person may turn to: the person in charge of the protection of personal information (s. 8).
    pub contact: Contact,
    /// Key to which its data tokens are encrypted; without one it gets no sensitive attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_key: Option<PublicJwk>,
}

/// A name that a body had until it changed it: what was done under it keeps it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FormerName {
    /// The name.
    pub name: Text,
    /// First day on which it was no longer the body's.
    pub until: Day,
}

impl Body {
    /// Its name on `day`.
    pub fn named(&self, day: Day) -> &Text {
        self.former.iter().find(|former| day < former.until).map_or(&self.name, |former| &former.name)
    }

    /// Whether what it receives leaves Québec (s. 70.1).
    pub fn outside_quebec(&self) -> bool {
        !self.jurisdiction.is_quebec()
    }
}

/// A State or one of its parts, by its ISO 3166 code; Québec where none is given.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Jurisdiction(String);

impl Jurisdiction {
    /// Whether it is Québec.
    pub fn is_quebec(&self) -> bool {
        self.0 == QUEBEC
    }

    /// Its code, for example `CA-ON` or `US`.
    pub fn code(&self) -> &str {
        &self.0
    }
}

/// ISO 3166-2.
const QUEBEC: &str = "CA-QC";

impl Default for Jurisdiction {
    fn default() -> Self {
        Self(QUEBEC.to_owned())
    }
}

impl<'de> Deserialize<'de> for Jurisdiction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (state, part) = text.split_once('-').unwrap_or((&text, "A"));
        let upper = |text: &str| text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let formed = state.len() == 2 && upper(state) && (1..=3).contains(&part.len()) && upper(part);
        if formed { Ok(Self(text)) } else { Err(de::Error::custom("an ISO 3166 code, for example CA-ON or US")) }
    }
}

/// How to reach a body's person in charge.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Title of the function.
    pub title: Text,
    /// E-mail address.
    pub email: String,
    /// Telephone, for help without a computer.
    pub phone: String,
}

/// A public key, inline: there is no `jwks_uri`. Checked by `jose` when the bundle is loaded.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PublicJwk {
    /// `EC` or `OKP`.
    pub kty: String,
    /// `P-256` or `Ed25519`.
    pub crv: String,
    /// First coordinate, base64url.
    pub x: String,
    /// Second coordinate, base64url; absent for `OKP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// Key identifier; without one, the RFC 7638 thumbprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// `sig` or `enc`.
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// Algorithm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
}
