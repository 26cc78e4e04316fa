//! A consent (*consentement*) of a person, or an *autorisation* of an enterprise: one purpose, one receiving body.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{AttributeId, BodyId, ClientId, ConsentId, Giver, Identified, Notice, PurposeId, SubjectId};
use crate::clock::Moment;

/// What was asked and shown, fixed at the decision.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Terms {
    /// The one purpose.
    pub purpose: PurposeId,
    /// Its version, as shown.
    pub purpose_version: u32,
    /// The body that may receive.
    pub receiving: BodyId,
    /// The client that asked.
    pub client: ClientId,
    /// The attributes that may be released.
    pub attributes: BTreeSet<AttributeId>,
    /// Those consented to by an act of their own, as s. 59 asks for sensitive ones.
    pub express: BTreeSet<AttributeId>,
    /// First moment at which it is no longer valid.
    pub until: Moment,
    /// Most releases; none is unlimited while it lasts.
    pub max_uses: Option<u32>,
    /// The asking body's own reference, as quoted to the person.
    pub case: Option<String>,
    /// What the person had before their eyes.
    pub notice: Notice,
    /// Whose information it is, as identified at that moment.
    pub who: Identified,
    /// Who decided.
    pub giver: Giver,
}

impl Terms {
    /// What a yes to these terms is: `consent` of a person, `authorisation` of an enterprise.
    pub const fn basis(&self) -> &'static str {
        self.who.kind.basis()
    }
}

/// A consent at some version.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Consent {
    /// Its identifier.
    pub id: ConsentId,
    /// Whose.
    pub subject: SubjectId,
    /// The terms.
    pub terms: Terms,
    /// The stage it is in.
    pub stage: Stage,
    /// Raised by each change of stage.
    pub version: u64,
}

/// The stages of a consent, each with what is true in it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub enum Stage {
    /// The person agreed.
    Given {
        /// When.
        at: Moment,
    },
    /// The person did not agree.
    Refused {
        /// When.
        at: Moment,
    },
    /// The person took it back.
    Withdrawn {
        /// When it was given.
        given: Moment,
        /// When it was taken back.
        at: Moment,
        /// By whom.
        by: Giver,
    },
}

impl Stage {
    /// The stage's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Given { .. } => "given",
            Self::Refused { .. } => "refused",
            Self::Withdrawn { .. } => "withdrawn",
        }
    }
}

/// A change of stage that the law does not know.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a consent that is {from} cannot become {to}")]
pub struct NoSuchTransition {
    /// The stage it is in.
    pub from: &'static str,
    /// The stage asked for.
    pub to: &'static str,
}

impl Consent {
    /// A consent decided now: given or refused.
    pub fn decided(id: ConsentId, subject: SubjectId, terms: Terms, given: bool, at: Moment) -> Self {
        let stage = if given { Stage::Given { at } } else { Stage::Refused { at } };
        Self { id, subject, terms, stage, version: 1 }
    }

    /// The consent, taken back at `at` by `by`. Only a given one can be; an expired one too, since withdrawing states a will.
    pub fn withdrawn(self, at: Moment, by: Giver) -> Result<Self, NoSuchTransition> {
        match self.stage {
            Stage::Given { at: given } => {
                Ok(Self { stage: Stage::Withdrawn { given, at, by }, version: self.version + 1, ..self })
            }
            other => Err(NoSuchTransition { from: other.name(), to: "withdrawn" }),
        }
    }

    /// Whether it has run out by `now`.
    pub fn expired(&self, now: Moment) -> bool {
        now >= self.terms.until
    }

    /// Whether it can carry a release at `now`: given and not run out.
    pub fn active(&self, now: Moment) -> bool {
        matches!(self.stage, Stage::Given { .. }) && !self.expired(now)
    }
}
