//! The two offices of s. 8, and who holds them by delegation.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::PublicJwk;
use crate::clock::Day;
use crate::domain::BodyId;

/// An officer's delegation (s. 8): who may look and approve, for which body, between which days.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// The identity service that knows the officer.
    #[serde(default)]
    pub issuer: String,
    /// The officer's `sub` there.
    pub sub: String,
    /// Name, as shown in the log.
    pub name: String,
    /// The office.
    pub office: Office,
    /// The body whose records the officer may inspect.
    pub body: BodyId,
    /// First day.
    pub from: Day,
    /// First day on which it no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// The writing that delegates.
    pub instrument: String,
    /// What the officer may do besides looking.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub may: BTreeSet<MayDo>,
    /// Day on which the Commission d'accès à l'information was told in writing, once it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cai_notified: Option<Day>,
    /// The officer's key, an Ed25519 one: what it signs, the officer proposes or approves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublicJwk>,
}

/// What a delegation lets an officer do besides looking into the log.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MayDo {
    /// Approve what others propose for the catalogue.
    Approve,
}

/// The two offices of s. 8.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Office {
    /// *Responsable de la protection des renseignements personnels*.
    Privacy,
    /// *Responsable de l'accès aux documents*.
    Access,
}

impl fmt::Display for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Privacy => "privacy",
            Self::Access => "access",
        })
    }
}
