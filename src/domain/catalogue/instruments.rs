//! Written instruments, and the capacity that each gives.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Text;
use crate::clock::Day;
use crate::domain::{BodyId, InstrumentId};

/// A written instrument that gives a capacity: an agreement, a mandate contract, an order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    /// What it is called.
    pub title: Text,
    /// The provision under which it was made.
    pub under: Capacity,
    /// The bodies it binds.
    pub bodies: BTreeSet<BodyId>,
    /// First day in force (for s. 64 and 68: 30 days after receipt by the CAI, computed before it is written here).
    pub from: Day,
    /// First day out of force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
}

/// In which legal capacity a body acts for others.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Capacity {
    /// Collector for another body (s. 64).
    #[serde(rename = "64")]
    Collector,
    /// Mandatary under a contract (s. 67.2).
    #[serde(rename = "67.2")]
    Mandatary,
    /// Official source by order (G-1.03 s. 12.14).
    #[serde(rename = "12.14")]
    OfficialSource,
}

impl Capacity {
    /// The section, as cited.
    pub const fn section(self) -> &'static str {
        match self {
            Self::Collector => "A-2.1, art. 64",
            Self::Mandatary => "A-2.1, art. 67.2",
            Self::OfficialSource => "G-1.03, art. 12.14",
        }
    }
}

/// The body that runs the broker (*dépositaire*), in one capacity. Set in the configuration, not in the catalogue.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Custodian {
    /// The body.
    pub body: BodyId,
    /// Its instrument in the catalogue, which states the capacity.
    pub instrument: InstrumentId,
}
