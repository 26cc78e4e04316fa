//! Privacy impact assessments (*évaluation des facteurs relatifs à la vie privée*, s. 63.5), as far as decisions rest on
//! them: that there is one, when the committee was consulted, and how it was proportioned.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Day;

/// An assessment (s. 63.5).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    /// Where it is filed.
    pub reference: String,
    /// Day on which the project began.
    pub started: Day,
    /// Day on which the committee on access to information was consulted.
    pub committee: Day,
    /// Day of its approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<Day>,
    /// What it is proportionate to, each weighed from 1 to 4.
    pub scores: BTreeMap<Score, u8>,
}

/// What an assessment is proportionate to (s. 63.5, al. 4).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Score {
    /// How sensitive the information is.
    Sensitivity,
    /// What it is used for.
    Purpose,
    /// How much of it there is.
    Quantity,
    /// How far it is distributed.
    Distribution,
    /// On what it is kept.
    Medium,
}
