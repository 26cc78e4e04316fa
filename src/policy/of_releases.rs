//! A release, as the rules see it: what is asked, by whom, and on what basis.
//!
//! One act, one action per basis. Here: what every basis shares, and the will of the subject; the other bases, which the
//! catalogue gives, are in `of_bases`.

use std::collections::BTreeSet;

use super::model::{
    Act, Case, Fact, PurposeOf, Reveals, Scope, Stated, View, mandate_end, names, state_asked, state_notice,
    state_purpose,
};
use super::of_attest::state_occasion;
use super::of_bases;
use super::rule::Citation;
use super::rules::Action;
use crate::clock::Moment;
use crate::domain::{
    Ask, AttributeId, Basis, BodyId, Carried, ClientId, Consent, ConsentId, Defect, Facts, Hop, Known, PurposeId,
    Relied, Situation, SubjectKind, SubjectStatus, Terms, Version,
};
use crate::identity::AuthenticatedBody;
use crate::store::Precondition;

/// What a permit to release keeps of the facts: who receives from whom, for what, and on what basis.
#[derive(Clone, Debug)]
pub struct Granted {
    pub(super) client: ClientId,
    pub(super) receiving: BodyId,
    pub(super) purpose: PurposeId,
    pub(super) purpose_version: u32,
    pub(super) case: Option<String>,
    pub(super) on: RestsOn,
    pub(super) hops: Vec<Hop>,
    pub(super) scope: Scope,
}

/// The basis on which a release was permitted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RestsOn {
    /// The will of the subject.
    Will {
        /// Whether it is a person's consent or an enterprise's authorisation.
        of: SubjectKind,
        /// Its identifier.
        consent: ConsentId,
        /// Its version.
        version: Version,
    },
    /// Another basis, as the catalogue states it.
    Basis(Basis),
}

impl RestsOn {
    /// The basis in one word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Will { of, .. } => of.basis(),
            Self::Basis(basis) => basis.word(),
        }
    }

    /// The consent or authorisation, with its version.
    pub const fn consent(&self) -> Option<(ConsentId, Version)> {
        match self {
            Self::Will { consent, version, .. } => Some((*consent, *version)),
            Self::Basis(_) => None,
        }
    }
}

impl Granted {
    /// The client that asks.
    pub const fn client(&self) -> &ClientId {
        &self.client
    }

    /// The body that receives.
    pub const fn receiving(&self) -> &BodyId {
        &self.receiving
    }

    /// The purpose.
    pub const fn purpose(&self) -> &PurposeId {
        &self.purpose
    }

    /// The version of the purpose: the one consented to, or the one in force.
    pub const fn purpose_version(&self) -> u32 {
        self.purpose_version
    }

    /// The receiving body's own reference.
    pub const fn case(&self) -> Option<&String> {
        self.case.as_ref()
    }

    /// The substitutions by which the receiving body is in the place of the one first named.
    pub fn hops(&self) -> &[Hop] {
        &self.hops
    }

    /// The basis.
    pub const fn on(&self) -> &RestsOn {
        &self.on
    }
}

impl Reveals for Ask {
    fn asked(&self) -> &BTreeSet<AttributeId> {
        &self.attributes
    }

    fn scope(kept: &Granted) -> &Scope {
        &kept.scope
    }
}

/// What is asked for, before any grant and any person.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) purpose: &'a PurposeId,
    pub(super) attributes: &'a BTreeSet<AttributeId>,
}

/// What one basis adds to a release's case.
pub(super) struct Resting {
    pub(super) action: Action,
    /// Moments at which it may no longer hold, besides midnight.
    pub(super) ends: Vec<Moment>,
    pub(super) preconditions: Vec<Precondition>,
    /// What the catalogue cites as its ground.
    pub(super) grounds: Vec<Citation>,
    pub(super) kept: Option<Granted>,
}

impl Act for Ask {
    type Actor = AuthenticatedBody;
    type Facts = Facts;
    type Kept = Granted;

    fn case<'a>(&'a self, view: &'a View<'a>, actor: &'a AuthenticatedBody, facts: &'a Facts) -> Case<'a, Granted> {
        let client = view.asking(actor);
        let purpose = PurposeOf::find(view.catalogue, &self.purpose);

        let mut stated = view.stated(client, &facts.custodian);
        state_purpose(&mut stated, view, client, purpose.as_ref());
        state_asked(&mut stated, view, client, self.attributes.iter(), purpose.as_ref());
        stated.insert("grant", facts.grant_stands.into());
        let asked = Asked { purpose: &self.purpose, attributes: &self.attributes };
        let resting = match (&self.on, &facts.on) {
            (Relied::Basis, _) => {
                let known = (&facts.on, &facts.status);
                of_bases::rest(&mut stated, view, asked, actor, known, purpose.as_ref())
            }
            (Relied::Consent(id), known) => {
                let theirs =
                    |it: &&Consent| it.id == *id && it.client() == actor.client() && it.receiving() == actor.body();
                let consent = match known {
                    Known::Consent(consent) => Some(consent.as_ref()).filter(theirs),
                    Known::Nothing | Known::Basis(_) => None,
                };
                rest_on_will(&mut stated, view, asked, consent, &facts.status, purpose.as_ref())
            }
        };

        if matches!(resting.action, Action::ReleaseByConsent | Action::ReleaseByAuthorisation) {
            state_occasion(&mut stated, self, &facts.on_file, purpose.as_ref());
        }

        let good_until = resting.ends.iter().copied().fold(view.midnight(), Ord::min);
        let mut preconditions = view.common(facts.epoch, good_until);
        preconditions.push(Precondition::ClientRuns(actor.client().clone()));
        preconditions.push(Precondition::GrantStands(self.grant));
        if let Some(kept) = &resting.kept {
            preconditions.push(Precondition::Subject(kept.scope.subject, facts.subject_version));
        }
        preconditions.extend_from_slice(&resting.preconditions);
        let Resting { action, grounds, kept, .. } = resting;
        let regimes = view.regimes_of(&self.attributes);
        Case { action, stated, regimes, good_until, preconditions, grounds, kept }
    }
}

/// A release on the subject's will: `consent` is the one named, where it was asked by this client for its body.
pub(super) fn rest_on_will<'a>(
    stated: &mut Stated<'a>,
    view: &View<'a>,
    ask: Asked<'a>,
    consent: Option<&'a Consent>,
    status: &SubjectStatus,
    purpose: Option<&PurposeOf<'a>>,
) -> Resting {
    state_consent(stated, view, ask, consent, purpose);
    state_defects(stated, view, ask, consent, status);
    let action = match consent.map(|found| found.terms.who.kind) {
        Some(SubjectKind::Enterprise) => Action::ReleaseByAuthorisation,
        Some(SubjectKind::Person) | None => Action::ReleaseByConsent,
    };
    let ends = |found: &Consent| mandate_end(&found.terms.giver).into_iter().chain([found.terms.until]).collect();
    let moves = |found: &Consent| vec![Precondition::Consent(found.id, found.version), Precondition::UseLeft(found.id)];
    let kept = consent.zip(purpose).map(|(found, purpose)| Granted {
        client: found.client().clone(),
        receiving: found.receiving().clone(),
        purpose: found.terms.purpose.clone(),
        purpose_version: found.terms.purpose_version,
        case: found.terms.case.clone(),
        hops: found.hops.iter().map(|by| by.hop.clone()).collect(),
        on: RestsOn::Will { of: found.terms.who.kind, consent: found.id, version: found.version },
        scope: Scope {
            subject: found.subject,
            allowed: found.terms.attributes.iter().filter(|id| purpose.purpose.allows(id)).cloned().collect(),
            necessary: purpose.purpose.necessary.keys().cloned().collect(),
        },
    });
    Resting {
        action,
        ends: consent.map(ends).unwrap_or_default(),
        preconditions: consent.map(moves).unwrap_or_default(),
        grounds: consent.into_iter().flat_map(|found| &found.hops).map(instrument).collect(),
        kept,
    }
}

/// The provision by which a consent was carried, as it was cited then.
fn instrument(by: &Carried) -> Citation {
    Citation::new(&by.hop.instrument, None, false)
}

/// What the consent allows of the ask. Without a consent, each fact is the one that refuses nothing more.
fn state_consent<'a>(
    stated: &mut Stated<'a>,
    view: &View<'a>,
    ask: Asked<'a>,
    consent: Option<&'a Consent>,
    purpose: Option<&PurposeOf<'a>>,
) {
    let terms = consent.map(|found| &found.terms);
    let same = terms.is_none_or(|terms| terms.purpose == *ask.purpose);
    let current = |terms: &Terms| purpose.is_none_or(|it| it.purpose.version == terms.purpose_version);
    let within: Vec<_> = ask.attributes.iter().filter(|id| purpose.is_some_and(|it| it.purpose.allows(id))).collect();
    let left = |terms: &Terms| within.is_empty() || within.iter().any(|id| terms.attributes.contains(*id));
    let released = within.iter().copied().filter(|id| terms.is_some_and(|terms| terms.attributes.contains(*id)));

    stated.insert("consent", Fact::Word(consent.map_or("none", |found| found.stage.name())));
    stated.insert("same_purpose", same.into());
    stated.insert("purpose_current", (!same || terms.is_none_or(current)).into());
    stated.insert("nothing_left", (same && !terms.is_none_or(left)).into());
    stated.insert("sensitive", names(released.filter(|id| view.catalogue.sensitive_for(id, ask.purpose))));
    stated.insert("express", names(terms.into_iter().flat_map(|terms| &terms.express)));
    state_notice(stated, view, terms.map(|terms| &terms.notice));
}

/// What is wrong with the consent itself, one fact each.
fn state_defects(
    stated: &mut Stated<'_>,
    view: &View<'_>,
    ask: Asked<'_>,
    consent: Option<&Consent>,
    status: &SubjectStatus,
) {
    let sources = view.holders(ask.attributes.iter());
    let situation = Situation { now: view.now, status, sources: &sources };
    let defects = consent.map(|found| found.defects(&situation)).unwrap_or_default();
    let lapsed =
        defects.iter().find_map(|defect| if let Defect::Lapsed(why) = defect { Some(why.as_str()) } else { None });
    stated.insert("manifest", (!defects.contains(&Defect::NotManifest)).into());
    stated.insert("informed", (!defects.contains(&Defect::NotInformed)).into());
    stated.insert("source_consented", (!defects.contains(&Defect::OtherSource)).into());
    stated.insert("strong", (!defects.contains(&Defect::NotStrong)).into());
    stated.insert("minor_alone", defects.contains(&Defect::MinorAlone).into());
    stated.insert("mandate", (!defects.contains(&Defect::NotMandated)).into());
    stated.insert("lapsed", Fact::Word(lapsed.unwrap_or("none")));
    stated.insert("expired", defects.contains(&Defect::Expired).into());
    stated.insert("alive", (!defects.contains(&Defect::Dead)).into());
}
