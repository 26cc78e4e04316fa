//! What officers decide, as the rules see it: approve a change of the catalogue that another officer proposed.
//!
//! Not here: an officer's reading (`of_persons`), whether what is in force was approved (`broker`).

use std::collections::BTreeSet;

use super::bundle::line_of;
use super::model::{Act, Case, Fact, Regimes, Stated, View};
use super::rules::Action;
use crate::crypto::sha256;
use crate::domain::{Approval, ApprovalFacts, Assessment, Catalogue, Change, Delegation, MayDo, Section, in_force};
use crate::identity::{AuthenticatedOfficer, jwk};
use crate::jose::{self, JoseError};
use crate::store::Hash;

impl Act for Approval {
    type Actor = AuthenticatedOfficer;
    type Facts = ApprovalFacts;
    type Kept = ();

    fn case<'a>(
        &'a self,
        view: &'a View<'a>,
        actor: &'a AuthenticatedOfficer,
        facts: &'a ApprovalFacts,
    ) -> Case<'a, ()> {
        let theirs = |it: &&Delegation| it.issuer == actor.issuer() && it.sub == actor.sub();
        let theirs: Vec<&Delegation> = view.catalogue.delegations.iter().filter(theirs).collect();
        let proposed = |it: &&Delegation| {
            let key = it.key.as_ref().and_then(jwk);
            it.name == facts.proposer.name || key.is_some_and(|key| key.thumbprint() == facts.proposer.key)
        };
        let mut stated = Stated::new();
        stated.insert("approver_is_proposer", theirs.iter().any(proposed).into());
        state_delegation(&mut stated, view, &theirs, facts);
        stated.insert("section", Fact::Word(self.change.section().as_str()));
        let assessment = self.change.purpose().and_then(|(_, purpose)| purpose.assessment.as_ref());
        let scored = assessment.into_iter().flat_map(|it| it.scores.keys()).map(|score| score.as_str());
        stated.insert("assessed", assessment.is_some_and(|it| it.is_approved(view.day)).into());
        stated.insert("committee_first", assessment.is_some_and(Assessment::consulted_first).into());
        stated.insert("scored", Fact::Names(scored.collect()));
        let good_until = view.midnight();
        let preconditions = view.common(facts.epoch, good_until);
        let (action, regimes, grounds) = (Action::Approve, Regimes::new(), Vec::new());
        Case { action, stated, regimes, good_until, preconditions, grounds, kept: Some(()) }
    }
}

/// By which delegation the officer approves for the custodian, if any: whether it holds, and whether the Commission was
/// told of it.
fn state_delegation(stated: &mut Stated<'_>, view: &View<'_>, theirs: &[&Delegation], facts: &ApprovalFacts) {
    let may = |it: &&&Delegation| it.may.contains(&MayDo::Approve) && it.body == facts.custodian.body;
    let approving: Vec<&Delegation> = theirs.iter().filter(may).copied().collect();
    let holds = |it: &&Delegation| in_force(it.from, it.until, view.day);
    let today: Vec<&Delegation> = approving.iter().copied().filter(holds).collect();
    let told = |it: &&Delegation| it.cai_notified.is_some_and(|day| day <= view.day);
    stated.insert("delegated", (!approving.is_empty()).into());
    stated.insert("delegation_in_force", (!today.is_empty()).into());
    stated.insert("cai_told", if today.is_empty() { &approving } else { &today }.iter().any(told).into());
}

/// Why a file is no change of the catalogue.
#[derive(Debug, thiserror::Error)]
pub enum NoChange {
    /// It is not well formed.
    #[error("line {0}: {1}")]
    Form(usize, String),
    /// It holds something else than one entry of the section.
    #[error("the file holds one {0} of the catalogue, and nothing else")]
    NotOne(Section),
}

/// The one entry of `section` in a TOML text, which holds nothing else.
pub fn read_change(section: Section, text: &str) -> Result<Change, NoChange> {
    let form = |error: &toml::de::Error| {
        let line = line_of(text, error.span().map_or(0, |span| span.start));
        NoChange::Form(line, error.message().to_owned())
    };
    let catalogue: Catalogue = toml::from_str(text).map_err(|error| form(&error))?;
    let mut entries = catalogue.entries();
    match (entries.next(), entries.next()) {
        (Some(change), None) if change.section() == section && alone(&catalogue) => Ok(change),
        _ => Err(NoChange::NotOne(section)),
    }
}

/// Whether no other section says anything.
fn alone(catalogue: &Catalogue) -> bool {
    let Catalogue { bodies, purposes, clients, .. } = catalogue.clone();
    *catalogue == Catalogue { bodies, purposes, clients, ..Catalogue::default() }
}

/// What officers sign and activations compare: SHA-256 of section, name and entry as canonical JSON (RFC 8785).
pub fn digest_of(change: &Change) -> Result<Hash, JoseError> {
    Ok(sha256(&[&jose::canonical(change)?]))
}

/// Those of `changes` whose digest is not among `approved`.
pub fn unapproved(changes: Vec<Change>, approved: &BTreeSet<Hash>) -> Result<Vec<Change>, JoseError> {
    let mut left = Vec::new();
    for change in changes {
        if !approved.contains(&digest_of(&change)?) {
            left.push(change);
        }
    }
    Ok(left)
}
