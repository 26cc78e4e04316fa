//! What leaves Québec (s. 70.1): where the broker's own hosts are, and the file that must exist before information goes
//! to a body or a host elsewhere.

use serde::{Deserialize, Serialize};

use super::{Jurisdiction, Text};
use crate::clock::Day;
use crate::domain::{BodyId, HostId};

/// Who keeps or handles information on the custodian's behalf: hosting, support, backups.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Its name.
    pub name: Text,
    /// Where it does it.
    pub place: Jurisdiction,
    /// What it does.
    pub does: Text,
}

/// An assessment before information leaves Québec, with the written agreement that follows from it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OutsideFile {
    /// To whom: `{ body = "…" }` or `{ host = "…" }`.
    pub to: Abroad,
    /// How sensitive the information is.
    pub sensitivity: Text,
    /// What it is used for there.
    pub purpose: Text,
    /// How it is protected, by contract too.
    pub protection: Text,
    /// The legal framework of the State where it goes.
    pub framework: Text,
    /// Whether it would be adequately protected.
    pub adequate: bool,
    /// Reference of the written agreement.
    pub agreement: String,
    /// Day on which it was concluded.
    pub on: Day,
}

/// Where information goes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Abroad {
    /// A body that receives it.
    Body(BodyId),
    /// A host of the broker.
    Host(HostId),
}
