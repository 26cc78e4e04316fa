//! Officers change the catalogue with four eyes: one proposes an entry, another approves it, and nothing comes into
//! force that was not approved.
//!
//! Not here: who may approve what (`policies/rules`), bringing a bundle into force (`govern`).
//! INVARIANT: an officer acts by a signature of the key in their delegation; a name proves nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::govern::GovernFault;
use super::{Broker, Refusal};
use crate::domain::{Approval, ApprovalFacts, Catalogue, Change, Event, NamedOfficer, in_force};
use crate::identity::{AuthenticatedOfficer, signed_by};
use crate::jose::b64;
use crate::ledger::{NamedSignature, NotCommitted, NotEntered, Refused};
use crate::policy::{Denial, digest_of, unapproved};
use crate::store::Hash;

/// What an officer signs to propose a change of this digest to the log at `origin`.
pub fn proposal_text(origin: &str, change: &Hash) -> Vec<u8> {
    [format!("unefois/proposal/v1\n{origin}\n").as_bytes(), change].concat()
}

/// What an officer signs to approve a change of this digest in the log at `origin`.
pub fn approval_text(origin: &str, change: &Hash) -> Vec<u8> {
    [format!("unefois/approval/v1\n{origin}\n").as_bytes(), change].concat()
}

impl Broker {
    /// An officer proposes a change; the index of its entry.
    pub async fn propose(&self, change: &Change, signature: &NamedSignature) -> Result<u64, GovernFault> {
        let digest = digest_of(change)?;
        let in_force_now = self.in_force();
        let (officer, key) = self.officer(&proposal_text(self.ledger.origin(), &digest), signature)?;
        let (today, delegations) = (self.clock.now().day(), &in_force_now.catalogue().delegations);
        let theirs = |it: &&_| is_of(it, &officer);
        if !delegations.iter().filter(theirs).any(|it| in_force(it.from, it.until, today)) {
            return Err(GovernFault::Officer(officer.name().to_owned()));
        }
        let proposer = NamedOfficer { name: officer.name().to_owned(), key };
        let entered = self.ledger.proposal(change, &digest, &proposer, signature, in_force_now.epoch()).await;
        Ok(entered.map_err(moved)?.index())
    }

    /// An officer approves a change that was proposed; the index of the entry. A refusal is an entry too.
    pub async fn approve(&self, change: Change, signature: &NamedSignature) -> Result<u64, GovernFault> {
        let digest = digest_of(&change)?;
        let (officer, key) = self.officer(&approval_text(self.ledger.origin(), &digest), signature)?;
        let proposals = self.ledger.acts_of(&[Event::Proposal]).map_err(NotEntered::from)?;
        let newest = proposals.into_iter().rfind(|(_, _, act)| names(act, &digest));
        let (proposal, _, act) = newest.ok_or_else(|| GovernFault::NotProposed(change.to_string()))?;
        let proposer = act.get("proposer").cloned().map(serde_json::from_value::<NamedOfficer>);
        let proposer = proposer.and_then(Result::ok).ok_or_else(|| GovernFault::NotProposed(change.to_string()))?;

        let in_force = self.in_force();
        let facts = ApprovalFacts { proposer, epoch: in_force.epoch(), custodian: self.custodian.clone() };
        let approval = Approval { change: change.clone(), proposal };
        match in_force.decide(&officer, approval, &facts, self.clock.now()) {
            Ok(permit) => {
                let approver = NamedOfficer { name: officer.name().to_owned(), key };
                let entered = self.ledger.approval(&permit, &digest, &approver, signature).await;
                Ok(entered.map_err(moved)?.index())
            }
            Err(denial) => Err(self.not_approved(&change, denial).await),
        }
    }

    async fn not_approved(&self, change: &Change, denial: Denial) -> GovernFault {
        let refused = Refused {
            client: None,
            asked: "approve",
            purpose: change.purpose().map(|(id, _)| id),
            attributes: Vec::new(),
            subject: None,
            consent: None,
        };
        match self.refuse(denial, refused).await {
            Refusal::Denied(denial) => GovernFault::Denied(denial),
            fault => GovernFault::Refusal(fault.to_string()),
        }
    }

    fn officer(&self, text: &[u8], signature: &NamedSignature) -> Result<(AuthenticatedOfficer, String), GovernFault> {
        let in_force = self.in_force();
        let bytes = b64::decode(&signature.signature).unwrap_or_default();
        let officer = signed_by(&in_force.catalogue().delegations, text, &bytes);
        officer.ok_or_else(|| GovernFault::Officer(signature.name.clone()))
    }

    /// Everything that `after` changes of `before` was approved by its digest. Demonstrations need no approval.
    pub(super) fn check_approved(&self, before: &Catalogue, after: &Catalogue) -> Result<(), GovernFault> {
        // What was tried out in a demonstration would otherwise stand, unapproved, in what follows it.
        if before.demo != after.demo {
            return Err(GovernFault::Demo);
        }
        let changes = if after.demo { Vec::new() } else { after.changes_since(before) };
        if changes.is_empty() {
            return Ok(());
        }
        let approvals = self.ledger.acts_of(&[Event::Approval]).map_err(NotEntered::from)?;
        let approved: BTreeSet<Hash> = approvals.iter().filter_map(|(_, _, act)| digest(act)).collect();
        let left = unapproved(changes, &approved)?;
        let named: Vec<String> = left.iter().map(ToString::to_string).collect();
        if named.is_empty() { Ok(()) } else { Err(GovernFault::NotApproved(named)) }
    }
}

fn is_of(delegation: &crate::domain::Delegation, officer: &AuthenticatedOfficer) -> bool {
    delegation.issuer == officer.issuer() && delegation.sub == officer.sub()
}

fn digest(act: &Value) -> Option<Hash> {
    b64::decode_array(act.get("digest")?.as_str()?).ok()
}

fn names(act: &Value, change: &Hash) -> bool {
    digest(act).as_ref() == Some(change)
}

fn moved(fault: NotEntered) -> GovernFault {
    match fault {
        NotEntered::Commit(NotCommitted::Moved(_)) => GovernFault::Moved,
        other => other.into(),
    }
}
