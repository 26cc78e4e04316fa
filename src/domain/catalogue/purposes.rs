//! Purposes: what is needed, why, for how long.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Assessment, Text};
use crate::domain::{AttributeId, Basis, BodyId, Declared};

/// A purpose (*fin*), versioned: one question, one consent, one token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Purpose {
    /// Version; any change of what a person is told raises it.
    pub version: u32,
    /// The question's title.
    pub label: Text,
    /// Why, in one sentence.
    pub why: Text,
    /// Bodies that may ask for it.
    pub recipients: BTreeSet<BodyId>,
    /// The bases on which bodies get what it needs; none listed is the will of the subject, for each recipient.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bases: Vec<BasisFor>,
    /// Attributes without which the purpose cannot be achieved, each with the reason (s. 64).
    pub necessary: Declared<AttributeId, Text>,
    /// Attributes that the person may leave out.
    #[serde(default)]
    pub optional: Declared<AttributeId, Text>,
    /// What each release is for, where the purpose wants that said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occasion: Option<OccasionFor>,
    /// Longest validity of a consent, in days.
    pub longest_days: u32,
    /// Most releases under one consent; none is unlimited while the consent lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_uses: Option<u32>,
    /// What refusing leads to (s. 65).
    pub refusal: Text,
    /// How to do without the broker, at no cost.
    pub alternative: Text,
    /// How long the body keeps what it gets.
    pub kept: Text,
    /// What gives the body this programme or power: a provision as the rules cite it, or words.
    pub powers: Vec<Text>,
    /// What its effect on privacy was found to be (s. 63.5); a demonstration has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessment: Option<Assessment>,
}

/// For what a purpose is served: not a person's file, but something that closes on a day.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OccasionFor {
    /// What.
    pub kind: OccasionKind,
    /// The amount, in dollars, from which the information is needed; for any amount where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_from: Option<u64>,
}

/// What closes on a day.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OccasionKind {
    /// A call for tenders.
    CallForTenders,
}

/// The basis on which some of a purpose's recipients get what it needs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BasisFor {
    /// Those recipients.
    pub recipients: BTreeSet<BodyId>,
    /// The basis.
    pub basis: Basis,
}

impl Purpose {
    /// The attributes that it knows, in the order in which persons read them: the necessary ones first.
    pub fn attributes(&self) -> impl Iterator<Item = &AttributeId> + Clone {
        self.necessary.keys().chain(self.optional.keys())
    }

    /// Whether the purpose knows `attribute`, as necessary or optional.
    pub fn allows(&self, attribute: &AttributeId) -> bool {
        self.necessary.contains_key(attribute) || self.optional.contains_key(attribute)
    }
}
