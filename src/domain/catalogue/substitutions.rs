//! Substitutions of bodies (*substitution d'organismes*): who takes the place of whom, for which function, from which day,
//! and what says so.
//!
//! Not here: where a function leads on a day (`domain::succession`), what follows it there (`policy`, `broker`).

use serde::{Deserialize, Serialize};

use super::{Provision, Text};
use crate::clock::Day;
use crate::domain::{BodyId, FunctionId};

/// One body takes the place of another in one function, from a day on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Substitution {
    /// The body that is gone.
    pub predecessor: BodyId,
    /// The body that takes its place; none where the instrument ends the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<BodyId>,
    /// In which function, and in no other.
    pub function: FunctionId,
    /// First day; it begins at 00:00 in America/Toronto.
    pub from: Day,
    /// The day that the instrument first named, where it was put off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<Day>,
    /// The provision that says so.
    pub instrument: Provision,
    /// What passes.
    pub nature: Nature,
}

/// What passes from one body to the other.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nature {
    /// The function, with its rights, obligations and records.
    Substitution,
    /// Information assets alone: the personal information stays whose it was (G-1.03, s. 22.1), and nothing follows.
    AssetTransfer,
}

/// A function of a body that is gone, which is known to have no successor: what rests on it waits for an officer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Unmapped {
    /// The body.
    pub body: BodyId,
    /// The function.
    pub function: FunctionId,
    /// Why nothing leads on.
    pub reason: Text,
}
