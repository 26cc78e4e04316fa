//! Public bodies, and how to reach and encrypt to them.

use serde::{Deserialize, Serialize};

use super::Text;
use crate::clock::Day;

/// A public body (*organisme public*), as it exists between two days.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Its legal name.
    pub name: Text,
    /// The provisions under which it is public, for example `A-2.1, art. 3`.
    pub public_under: Vec<String>,
    /// First day of its existence.
    pub from: Day,
    /// First day on which it no longer exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// Whom a person may turn to: the person in charge of the protection of personal information (s. 8).
    pub contact: Contact,
    /// Key to which its data tokens are encrypted; without one it gets no sensitive attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_key: Option<PublicJwk>,
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
