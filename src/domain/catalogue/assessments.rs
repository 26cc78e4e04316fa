//! Privacy impact assessments (*évaluation des facteurs relatifs à la vie privée*), s. 63.5.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Day;

/// An assessment, as a record of what was done: the document itself is kept elsewhere, under its reference.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    /// The document.
    pub reference: String,
    /// First day of the project that it assesses.
    pub started: Day,
    /// Day on which the committee on access to information was consulted.
    pub committee: Day,
    /// Day on which it was approved, once it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<Day>,
    /// What it is proportionate to, each with its score.
    pub scores: BTreeMap<Score, u8>,
}

/// What an assessment is proportionate to (s. 63.5, para. 4).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Score {
    /// How sensitive the information is.
    Sensitivity,
    /// What it is to be used for.
    Purpose,
    /// How much of it there is.
    Quantity,
    /// How widely it goes.
    Distribution,
    /// What it is kept on.
    Medium,
}

impl Score {
    /// The word by which the rules know it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sensitivity => "sensitivity",
            Self::Purpose => "purpose",
            Self::Quantity => "quantity",
            Self::Distribution => "distribution",
            Self::Medium => "medium",
        }
    }
}

impl Assessment {
    /// Whether it is approved on `day`.
    pub fn is_approved(&self, day: Day) -> bool {
        self.approved.is_some_and(|approved| approved <= day)
    }

    /// Whether the committee was consulted from the start.
    pub fn consulted_first(&self) -> bool {
        self.committee <= self.started
    }
}
