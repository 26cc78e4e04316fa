//! A consent (*consentement*) of a person, or an *autorisation* of an enterprise: one purpose, one receiving body.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{AttributeId, BodyId, ClientId, ConsentId, FunctionId, Giver, Identified, Notice, PurposeId, SubjectId};
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
    /// The terms, as asked and shown.
    pub terms: Terms,
    /// The stage it is in.
    pub stage: Stage,
    /// From the body that asked to the one that may receive today; empty where they are one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<Carried>,
    /// Raised by each change of stage.
    pub version: u64,
}

/// One hop of a consent, from a body to the one that took its place for a function (*substitution d'organismes*).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Carried {
    /// The body whose place is taken.
    pub from: BodyId,
    /// The body that takes it.
    pub to: BodyId,
    /// Its client.
    pub client: ClientId,
    /// The function that went over.
    pub function: FunctionId,
    /// The provision that says so, as cited.
    pub instrument: String,
    /// When the consent was carried.
    pub at: Moment,
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
    /// Nothing is released under it until it is carried to another body.
    Suspended {
        /// When it was given.
        given: Moment,
        /// When it was suspended.
        at: Moment,
        /// Why.
        why: Suspension,
    },
    /// It lapsed (*caduc*), for ever.
    Lapsed {
        /// When it was given.
        given: Moment,
        /// When it lapsed.
        at: Moment,
        /// Why.
        why: Lapse,
    },
    /// It ran out, and that was recorded. One that ran out is refused whether it was or not.
    Expired {
        /// When it was given.
        given: Moment,
        /// When that was recorded.
        at: Moment,
    },
}

/// Why nothing may be released under a consent for now.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "because", rename_all = "kebab-case")]
pub enum Suspension {
    /// The body that may receive is gone, and no instrument says who took its place.
    NoSuccessor {
        /// That body.
        body: BodyId,
        /// The function for which it would have received.
        function: FunctionId,
    },
    /// The record was restored with a loss: withdrawals may be missing.
    LossDeclared,
}

/// Why a consent lapsed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lapse {
    /// A parent or tutor gave it, and the person is of full age.
    Majority,
    /// The person died.
    Death,
    /// The purpose is fulfilled.
    PurposeClosed,
    /// The purpose asks for more than what was consented to.
    PurposeWidened,
    /// The mandate under which it was given has ended.
    MandateEnded,
}

impl Lapse {
    /// The reason in one word, as the rules know it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Majority => "majority",
            Self::Death => "death",
            Self::PurposeClosed | Self::PurposeWidened => "purpose",
            Self::MandateEnded => "mandate",
        }
    }
}

impl Stage {
    /// The stage's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Given { .. } => "given",
            Self::Refused { .. } => "refused",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Suspended { .. } => "suspended",
            Self::Lapsed { .. } => "lapsed",
            Self::Expired { .. } => "expired",
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
        Self { id, subject, terms, stage, hops: Vec::new(), version: 1 }
    }

    /// The consent, taken back at `at` by `by`. One that carries nothing any more too, since withdrawing states a will.
    pub fn withdrawn(self, at: Moment, by: Giver) -> Result<Self, NoSuchTransition> {
        match self.stage {
            Stage::Given { at: given } | Stage::Suspended { given, .. } | Stage::Expired { given, .. } => {
                Ok(self.at_stage(Stage::Withdrawn { given, at, by }))
            }
            other => Err(NoSuchTransition { from: other.name(), to: "withdrawn" }),
        }
    }

    /// The consent, suspended at `at`. Only a given one can be.
    pub fn suspended(self, at: Moment, why: Suspension) -> Result<Self, NoSuchTransition> {
        match self.stage {
            Stage::Given { at: given } => Ok(self.at_stage(Stage::Suspended { given, at, why })),
            other => Err(NoSuchTransition { from: other.name(), to: "suspended" }),
        }
    }

    /// The consent, carried to the body that takes its place: given still, or again where it waited for that body.
    pub fn carried(self, hop: Carried) -> Result<Self, NoSuchTransition> {
        let hops = self.hops.iter().cloned().chain([hop]).collect();
        match self.stage {
            Stage::Given { at: given } | Stage::Suspended { given, why: Suspension::NoSuccessor { .. }, .. } => {
                Ok(Self { hops, ..self.at_stage(Stage::Given { at: given }) })
            }
            other => Err(NoSuchTransition { from: other.name(), to: "carried" }),
        }
    }

    /// The consent, lapsed at `at`, for ever.
    pub fn lapsed(self, at: Moment, why: Lapse) -> Result<Self, NoSuchTransition> {
        match self.stage {
            Stage::Given { at: given } | Stage::Suspended { given, .. } => {
                Ok(self.at_stage(Stage::Lapsed { given, at, why }))
            }
            other => Err(NoSuchTransition { from: other.name(), to: "lapsed" }),
        }
    }

    /// The consent, which has run out, as recorded at `at`.
    pub fn expired_at(self, at: Moment) -> Result<Self, NoSuchTransition> {
        match self.stage {
            Stage::Given { at: given } if self.expired(at) => Ok(self.at_stage(Stage::Expired { given, at })),
            other => Err(NoSuchTransition { from: other.name(), to: "expired" }),
        }
    }

    fn at_stage(self, stage: Stage) -> Self {
        Self { stage, version: self.version + 1, ..self }
    }

    /// When the person decided.
    pub const fn decided_at(&self) -> Moment {
        match self.stage {
            Stage::Given { at } | Stage::Refused { at } => at,
            Stage::Withdrawn { given, .. }
            | Stage::Suspended { given, .. }
            | Stage::Lapsed { given, .. }
            | Stage::Expired { given, .. } => given,
        }
    }

    /// The body that may receive today.
    pub fn receiving(&self) -> &BodyId {
        self.hops.last().map_or(&self.terms.receiving, |hop| &hop.to)
    }

    /// Its client, which may ask today.
    pub fn client(&self) -> &ClientId {
        self.hops.last().map_or(&self.terms.client, |hop| &hop.client)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::tests as sample;

    /// A change of stage, by number, some days after the consent was given.
    fn changed(consent: Consent, change: usize, days: i64) -> Result<Consent, NoSuchTransition> {
        let at = sample::now().plus(days * 86_400);
        let (from, function) = (consent.receiving().clone(), || "inscriptions".parse().unwrap());
        match change {
            0 => consent.withdrawn(at, Giver::Subject),
            1 => consent.suspended(at, Suspension::NoSuccessor { body: from, function: function() }),
            2 => consent.suspended(at, Suspension::LossDeclared),
            3 => {
                let (to, client) = ("saaq".parse().unwrap(), "saaq-permis".parse().unwrap());
                let instrument = "2020, c. 2".to_owned();
                consent.carried(Carried { from, to, client, function: function(), instrument, at })
            }
            4 => consent.lapsed(at, Lapse::Majority),
            _ => consent.expired_at(at),
        }
    }

    #[test]
    fn a_stage_leads_where_the_law_says_and_nowhere_else() {
        let given = || sample::consent(sample::terms());
        let refused = Consent { stage: Stage::Refused { at: sample::now() }, ..given() };
        let after = |consent: Consent, change| changed(consent, change, 120).map_or("-", |it| it.stage.name());
        let leads = |consent: &Consent| [0, 1, 2, 3, 4, 5].map(|change| after(consent.clone(), change));
        let table = [
            (given(), ["withdrawn", "suspended", "suspended", "given", "lapsed", "expired"]),
            (refused, ["-"; 6]),
            (changed(given(), 0, 1).unwrap(), ["-"; 6]),
            (changed(given(), 1, 1).unwrap(), ["withdrawn", "-", "-", "given", "lapsed", "-"]),
            (changed(given(), 2, 1).unwrap(), ["withdrawn", "-", "-", "-", "lapsed", "-"]),
            (changed(given(), 4, 1).unwrap(), ["-"; 6]),
            (changed(given(), 5, 120).unwrap(), ["withdrawn", "-", "-", "-", "-", "-"]),
        ];
        for (consent, expected) in table {
            assert_eq!(leads(&consent), expected, "{}", consent.stage.name());
        }
        assert!(changed(given(), 5, 89).is_err(), "it has not run out");
    }

    proptest! {
        #[test]
        fn whatever_happens_to_it_a_consent_keeps_what_was_decided(steps in prop::collection::vec((0_usize..6, 0_i64..200), 0..8)) {
            let first = sample::consent(sample::terms());
            let (mut consent, mut carried) = (first.clone(), 0);
            for (change, days) in steps {
                let before = consent.clone();
                let ended = matches!(before.stage, Stage::Withdrawn { .. } | Stage::Lapsed { .. } | Stage::Refused { .. });
                match changed(consent, change, days) {
                    Ok(after) => {
                        prop_assert!(!ended, "{} is final", before.stage.name());
                        prop_assert_eq!(after.version, before.version + 1);
                        carried += usize::from(change == 3);
                        consent = after;
                    }
                    Err(_) => consent = before,
                }
                prop_assert_eq!(&consent.terms, &first.terms);
                prop_assert_eq!(consent.decided_at(), first.decided_at());
                prop_assert_eq!(consent.hops.len(), carried);
                let to = if carried > 0 { ("saaq", "saaq-permis") } else { ("afe", "afe-demandes") };
                prop_assert_eq!((consent.receiving().as_str(), consent.client().as_str()), to);
                let text = serde_json::to_string(&consent).unwrap();
                prop_assert_eq!(serde_json::from_str::<Consent>(&text).unwrap(), consent.clone());
            }
        }
    }
}
