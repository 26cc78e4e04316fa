//! Written instruments, and the capacity that each gives.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Text;
use crate::clock::Day;
use crate::domain::{AgreementId, BodyId, InstrumentId, KindId, PurposeId};

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
    /// The agreement that it is, of an instrument under s. 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<AgreementId>,
    /// First day in force; an agreement's own dates count too.
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

/// A provision of an Act, as it is cited, with the consolidation that was read.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Provision {
    /// Chapter and article, for example `S-1.3, art. 12`.
    pub cite: String,
    /// The consolidation date of the copy that was read; none where no dated copy was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Day>,
}

/// A mandate or a contract for services (s. 67.2).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// What it is called.
    pub title: Text,
    /// The body that gives it.
    pub principal: BodyId,
    /// The body that carries it out.
    pub contractor: BodyId,
    /// First day.
    pub from: Day,
    /// First day on which it no longer binds; the information is then destroyed.
    pub until: Day,
    /// What it says of what s. 67.2 asks a contract to say.
    #[serde(default)]
    pub clauses: BTreeSet<Clause>,
}

/// What s. 67.2 asks a contract to say.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clause {
    /// Which provisions of the Act apply.
    Provisions,
    /// How confidentiality is protected.
    Confidentiality,
    /// That the information serves the mandate alone.
    UseLimit,
    /// That nothing is kept once it ends.
    NoRetention,
    /// That each person who has access signs an agreement, unless the officer waives it.
    Undertakings,
    /// That a breach is told without delay.
    BreachNotice,
    /// That the principal may verify.
    Audit,
}

impl Clause {
    /// The clause as the rules name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provisions => "provisions",
            Self::Confidentiality => "confidentiality",
            Self::UseLimit => "use-limit",
            Self::NoRetention => "no-retention",
            Self::Undertakings => "undertakings",
            Self::BreachNotice => "breach-notice",
            Self::Audit => "audit",
        }
    }
}

/// An order that makes a body an official source (G-1.03, s. 12.14).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Its number.
    pub number: String,
    /// The official source.
    pub source: BodyId,
    /// What it is the source of.
    pub kinds: BTreeSet<KindId>,
    /// For which purposes.
    pub purposes: BTreeSet<PurposeId>,
    /// First day.
    pub from: Day,
    /// First day on which it no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// Day on which the evaluation was sent to the Commission (s. 12.16).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation_sent: Option<Day>,
    /// Day on which the governance rules were sent to the Commission (s. 12.16).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules_sent: Option<Day>,
    /// The managers' authorisations of mobility under it (s. 12.12), by reference.
    #[serde(default)]
    pub authorisations: BTreeSet<String>,
}
