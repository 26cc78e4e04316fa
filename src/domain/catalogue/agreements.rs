//! Agreements between bodies (*ententes*, ss. 64 and 68): who, what, how, since when. An agreement in preparation may lack
//! some of it; the rules then refuse, and say what is missing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Assessment, Text, in_force};
use crate::clock::{Day, Period};
use crate::domain::{AttributeId, BodyId, PurposeId};

/// An agreement. Under s. 64, the releasing body is the one that collects, the receiving one the beneficiary.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// What it is called.
    pub title: Text,
    /// The provision under which it was made.
    pub under: Under,
    /// The body that releases.
    pub releasing: BodyId,
    /// The body that receives.
    pub receiving: BodyId,
    /// Its purposes.
    #[serde(default)]
    pub purposes: BTreeSet<PurposeId>,
    /// The information, by attribute.
    #[serde(default)]
    pub attributes: BTreeSet<AttributeId>,
    /// How the information is sent; under s. 64, by what means it is collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Text>,
    /// How it is protected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<Text>,
    /// How often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intervals: Option<Intervals>,
    /// Day of the last signature.
    pub signed: Day,
    /// First day out of force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// The assessment that it rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessment: Option<Assessment>,
    /// What the assessment found (s. 68); none is asked of an agreement under s. 64.
    #[serde(default)]
    pub findings: BTreeMap<Finding, Conclusion>,
    /// Under s. 64: the nature of the service or of the common mission (s. 67.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Text>,
    /// Under s. 64: the categories of persons who have access, in both bodies (s. 67.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Text>,
    /// Its filing with the Commission d'accès à l'information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cai: Option<Filing>,
}

/// The provisions under which agreements are made.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Under {
    /// Collection for another body.
    #[serde(rename = "64")]
    Collection,
    /// Release needed for the powers or a program of the receiving body.
    #[serde(rename = "68(1)")]
    Powers,
    /// Release clearly for the benefit of the person.
    #[serde(rename = "68(1.1)")]
    Benefit,
    /// Release needed for a service to be rendered to the person.
    #[serde(rename = "68(3)")]
    Service,
}

impl Under {
    /// The provision's number, as the rules name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Collection => "64",
            Self::Powers => "68(1)",
            Self::Benefit => "68(1.1)",
            Self::Service => "68(3)",
        }
    }
}

/// How often information moves under an agreement.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Intervals {
    /// In words.
    pub says: Text,
    /// At most so many releases of one person's information …
    pub times: u32,
    /// … in each calendar period.
    pub per: Period,
}

/// What an assessment must find before an agreement under s. 68 is made.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// The aim cannot be reached unless the information identifies the person.
    Identifying,
    /// It would be unreasonable to require the person's consent. The reasons say why the consent that this broker can ask
    /// for was not used.
    ConsentUnreasonable,
    /// The public interest outweighs the effect on privacy.
    InterestOutweighs,
    /// The information is used so that it stays confidential.
    Confidential,
}

impl Finding {
    /// All four.
    pub const ALL: [Self; 4] =
        [Self::Identifying, Self::ConsentUnreasonable, Self::InterestOutweighs, Self::Confidential];

    /// The finding as the rules name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identifying => "identifying",
            Self::ConsentUnreasonable => "consent-unreasonable",
            Self::InterestOutweighs => "interest-outweighs",
            Self::Confidential => "confidential",
        }
    }
}

/// A finding, concluded: whether it holds, why, who says so, since when.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Conclusion {
    /// Whether it holds.
    pub holds: bool,
    /// Why.
    pub reasons: Text,
    /// Who concluded.
    pub author: String,
    /// When.
    pub on: Day,
}

/// A filing with the Commission.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Filing {
    /// Day on which it was sent.
    pub sent: Day,
    /// Day on which the Commission received it, from which the law counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<Day>,
    /// The Commission's reference, or the body's own.
    pub reference: String,
}

impl Agreement {
    /// Day on which the Commission received it.
    pub fn received(&self) -> Option<Day> {
        self.cai.as_ref()?.received
    }

    /// First day in force: `wait` days after the Commission received it (ss. 64 and 68).
    pub fn begins(&self, wait: u16) -> Option<Day> {
        self.received().map(|day| day.plus_days(i32::from(wait)))
    }

    /// Whether it is in force on `day`, by its dates alone.
    pub fn in_force(&self, wait: u16, day: Day) -> bool {
        self.begins(wait).is_some_and(|begins| in_force(begins, self.until, day))
    }

    /// Whether all that is asked of an agreement on collection is there and its days have run (s. 64).
    pub fn carries_collection(&self, wait: u16, day: Day) -> bool {
        self.under == Under::Collection
            && self.items().count() == Self::ITEMS.len()
            && self.assessment.as_ref().is_some_and(|it| it.is_approved(day))
            && self.in_force(wait, day)
    }

    /// The seven items (s. 68; s. 64 names its own seven alike).
    pub const ITEMS: [&str; 7] = ["parties", "purposes", "information", "method", "security", "intervals", "duration"];

    /// Those of the seven items that it has.
    pub fn items(&self) -> impl Iterator<Item = &'static str> + use<> {
        let there = [
            self.releasing != self.receiving,
            !self.purposes.is_empty(),
            !self.attributes.is_empty(),
            self.method.is_some(),
            self.security.is_some(),
            self.intervals.is_some(),
            self.until.is_some(),
        ];
        Self::ITEMS.into_iter().zip(there).filter_map(|(item, there)| there.then_some(item))
    }

    /// The findings that hold on `day`.
    pub fn found(&self, day: Day) -> impl Iterator<Item = Finding> {
        self.findings.iter().filter(move |(_, found)| found.holds && found.on <= day).map(|(name, _)| *name)
    }
}
