//! A consent (*consentement*) of a person, or an *autorisation* of an enterprise: one purpose, one receiving body.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    AttributeId, BodyId, ClientId, ConsentId, FunctionId, Giver, Hop, Identified, MandateAct, Notice, PurposeId,
    SubjectId, SubjectStatus,
};
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
    /// The bodies that hold what was asked, at the decision: the releasing ones.
    pub sources: BTreeSet<BodyId>,
    /// How surely it is known who decided.
    pub assurance: Assurance,
    /// The affirmative act.
    pub act: ManifestAct,
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

/// With what assurance the identity of who decided was verified, as that still was at the decision.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Assurance {
    /// The identity service's word for it, where it gave one.
    pub acr: Option<String>,
    /// When they signed in.
    pub at: Moment,
    /// Whether it is as strong as an express consent asks for.
    pub strong: bool,
}

/// The act by which a yes or a no is manifest: something done, never something left as it was (s. 53.1).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ManifestAct {
    /// The control used, as the page names it; empty where none was.
    pub control: String,
    /// When.
    pub at: Moment,
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

/// One hop of a consent, as it was carried.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Carried {
    /// From which body to which, and why.
    #[serde(flatten)]
    pub hop: Hop,
    /// The client that asks from then on; of hops passed in one go, that of the last body.
    pub client: ClientId,
    /// When.
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
        /// The function for which it would have received, where the purpose names one.
        function: Option<FunctionId>,
    },
    /// The record was restored with a loss: withdrawals may be missing.
    LossDeclared,
}

/// Why a consent lapsed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
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

    /// The consent, carried by these hops to the body that takes its place: given still, or again where it waited for that
    /// body.
    pub fn carried(self, by: Vec<Carried>) -> Result<Self, NoSuchTransition> {
        let hops = self.hops.iter().cloned().chain(by).collect();
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
        self.hops.last().map_or(&self.terms.receiving, |by| &by.hop.to)
    }

    /// Its client, which may ask today.
    pub fn client(&self) -> &ClientId {
        self.hops.last().map_or(&self.terms.client, |by| &by.client)
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

/// On what the validity of a consent depends besides itself.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The moment.
    pub now: Moment,
    /// What is known of the subject besides the identity service.
    pub status: &'a SubjectStatus,
    /// The bodies that hold what is asked, today.
    pub sources: &'a BTreeSet<&'a BodyId>,
}

/// What makes a consent void, spent or unfit for an ask (s. 53.1).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Defect {
    /// No affirmative act shows it.
    NotManifest,
    /// Nothing proves what the person had before their eyes.
    NotInformed,
    /// Another body holds what is asked than when it was given.
    OtherSource,
    /// Who gave it was not identified as strongly as an express consent asks for.
    NotStrong,
    /// A person under 14 decided alone.
    MinorAlone,
    /// Who decided could not, or no longer can.
    NotMandated,
    /// It has lapsed.
    Lapsed(Lapse),
    /// Its time has run out.
    Expired,
    /// The person died.
    Dead,
}

impl Consent {
    /// All that is wrong with it: computed whenever it matters, never stored.
    pub fn defects(&self, of: &Situation<'_>) -> BTreeSet<Defect> {
        let Terms { sources, assurance, act, notice, who, giver, purpose, .. } = &self.terms;
        let decided = self.decided_at();
        let alone = *giver == Giver::Subject && who.under_14(decided.day());
        let could = alone || giver.may(MandateAct::Decide, who, decided) && giver.covers(purpose);
        let lapsed = self.lapse(of, could);
        let can = lapsed.is_some() || alone || giver.may(MandateAct::Decide, who, of.now);
        let found = [
            (!act.shows(notice, decided), Defect::NotManifest),
            (!notice.is_proof(decided), Defect::NotInformed),
            (!of.sources.iter().all(|body| sources.contains(*body)), Defect::OtherSource),
            (!assurance.strong, Defect::NotStrong),
            (alone, Defect::MinorAlone),
            (!could || !can || of.status.has_ended(giver), Defect::NotMandated),
            (self.expired(of.now), Defect::Expired),
            (of.status.died.is_some(), Defect::Dead),
        ];
        found
            .into_iter()
            .filter(|(found, _)| *found)
            .map(|(_, defect)| defect)
            .chain(lapsed.map(Defect::Lapsed))
            .collect()
    }

    /// Why it is to be recorded as lapsed at `now`, if it is: nothing will ever be released under it again.
    pub fn due_to_lapse(&self, status: &SubjectStatus, now: Moment) -> Option<Lapse> {
        let Terms { giver, who, .. } = &self.terms;
        let ended = giver.mandate().is_some_and(|it| it.until.is_some_and(|end| end <= now)) || status.has_ended(giver);
        let found = [
            (status.died.is_some(), Lapse::Death),
            (ended, Lapse::MandateEnded),
            (giver.outgrown(who, now.day()), Lapse::Majority),
        ];
        found.into_iter().find(|(found, _)| *found).map(|(_, why)| why)
    }

    /// Why it has lapsed, whether that was recorded or not. What was void when it was given never lapses.
    fn lapse(&self, of: &Situation<'_>, could: bool) -> Option<Lapse> {
        let Terms { giver, who, .. } = &self.terms;
        match self.stage {
            Stage::Lapsed { why, .. } => Some(why),
            _ => (could && giver.outgrown(who, of.now.day())).then_some(Lapse::Majority),
        }
    }
}

impl ManifestAct {
    /// Whether it was done after the notice was shown, and by the decision.
    pub fn shows(&self, notice: &Notice, decided: Moment) -> bool {
        !self.control.is_empty() && notice.shown <= self.at && self.at <= decided
    }
}

impl Notice {
    /// Whether it is kept well enough to prove what was shown before `decided`.
    pub fn is_proof(&self, decided: Moment) -> bool {
        const DIGEST_CHARS: usize = 43;
        let digest = |text: &str| text.len() == DIGEST_CHARS;
        !self.template.is_empty() && digest(&self.sha256_fr) && digest(&self.sha256) && self.shown <= decided
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Mandate, MandateKind, MandateScope, StatusChange};
    use crate::policy::tests as sample;

    /// A change of stage, by number, some days after the consent was given.
    fn changed(consent: Consent, change: usize, days: i64) -> Result<Consent, NoSuchTransition> {
        let at = sample::now().plus(days * 86_400);
        let (from, function): (BodyId, FunctionId) = (consent.receiving().clone(), "inscriptions".parse().unwrap());
        match change {
            0 => consent.withdrawn(at, Giver::Subject),
            1 => consent.suspended(at, Suspension::NoSuccessor { body: from, function: Some(function) }),
            2 => consent.suspended(at, Suspension::LossDeclared),
            3 => {
                let (to, client) = ("saaq".parse().unwrap(), "saaq-permis".parse().unwrap());
                let hop = Hop { from, to, function, since: at.day(), instrument: "2020, c. 2".to_owned() };
                consent.carried(vec![Carried { hop, client, at }])
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

    #[test]
    fn what_ended_for_ever_is_due_to_lapse() {
        let evidence = || "acte".to_owned();
        let until = Some(sample::now().plus(86_400));
        let mandate = |kind| Mandate {
            kind,
            evidence: evidence(),
            verifier: "service".to_owned(),
            scope: MandateScope::whole(),
            from: None,
            until,
        };
        let by = |kind, born: &str| {
            let who = Identified { born: Some(born.parse().unwrap()), ..sample::terms().who };
            let giver = Giver::Representative { representative: SubjectId::new([9; 16]), mandate: mandate(kind) };
            sample::consent(Terms { who, giver, ..sample::terms() })
        };
        let none = SubjectStatus::default();
        let (parent, adult) = (by(MandateKind::Parent, "2008-11-22"), by(MandateKind::ProtectionMandate, "1950-01-01"));
        let tomorrow = sample::now().day().plus_days(1).start();
        assert_eq!(parent.due_to_lapse(&none, sample::now()), None);
        assert_eq!(parent.due_to_lapse(&none, tomorrow), Some(Lapse::Majority));
        assert_eq!(adult.due_to_lapse(&none, tomorrow), None, "of full age before and after");
        assert_eq!(adult.due_to_lapse(&none, sample::now().plus(86_400)), Some(Lapse::MandateEnded));
        let ended = none.clone().after(&StatusChange::MandateEnded { mandate: evidence() });
        assert_eq!(adult.due_to_lapse(&ended, sample::now()), Some(Lapse::MandateEnded));
        let died = none.after(&StatusChange::Died { on: sample::now().day() });
        assert_eq!(adult.due_to_lapse(&died, sample::now()), Some(Lapse::Death));
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
