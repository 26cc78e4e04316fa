//! A subject's status: that a person died, or that a mandate ended before its time. Recorded by an officer, on evidence.
//!
//! Not here: what follows from it (`policy`, at each decision). Nothing is told of it to any body.
//! INVARIANT: the status moves with the subject's version, so that what was decided before it is decided anew.

use super::{Broker, Refusal, Setback, TRIES, moved};
use crate::domain::{OfficerFacts, StatusChange, StatusRecord, SubjectId};
use crate::identity::AuthenticatedOfficer;
use crate::ledger::Refused;
use crate::store::{Precondition, Write};

/// What an officer records, and why.
#[derive(Clone, Debug)]
pub struct Recording {
    /// An entry about the subject: officers know subjects by the entries that they opened.
    pub entry: u64,
    /// What changes.
    pub change: StatusChange,
    /// What shows it.
    pub evidence: String,
    /// Why it is recorded.
    pub reason: String,
}

impl Broker {
    /// Records what changes in the status of the subject of an entry; the index of the new entry.
    pub async fn record_status(&self, officer: &AuthenticatedOfficer, recording: &Recording) -> Result<u64, Refusal> {
        let row = self.ledger.entry(recording.entry)?.ok_or(Refusal::Unknown)?;
        let subject = row.subject.ok_or(Refusal::Unknown)?;
        for _ in 0..TRIES {
            match self.attempt_status(officer, subject, recording).await {
                Ok(index) => return Ok(index),
                Err(Setback::Moved) => self.refresh()?,
                Err(Setback::Refused(refusal)) => return Err(refusal),
            }
        }
        Err(Refusal::NotNow("the subject keeps moving".to_owned()))
    }

    async fn attempt_status(
        &self,
        officer: &AuthenticatedOfficer,
        subject: SubjectId,
        recording: &Recording,
    ) -> Result<u64, Setback> {
        let in_force = self.in_force();
        let version = self.store.subject_version(&subject)?;
        let status = self.safe.status(&subject)?.after(&recording.change);
        let facts = OfficerFacts { epoch: in_force.epoch(), custodian: self.custodian.clone() };
        let trimmed = |text: &str| text.trim().to_owned();
        let Recording { change, evidence, reason, .. } = recording;
        let act =
            StatusRecord { subject, change: change.clone(), evidence: trimmed(evidence), reason: trimmed(reason) };
        let permit = match in_force.decide(officer, act, &facts, self.clock.now()) {
            Ok(permit) => permit,
            Err(denial) => {
                let refused = Refused {
                    client: None,
                    asked: "status",
                    purpose: None,
                    attributes: Vec::new(),
                    subject: Some(subject),
                    consent: None,
                };
                return Err(self.refuse(denial, refused).await.into());
            }
        };
        let writes = vec![self.safe.put_status(subject, &status)?, Write::MoveSubject(subject)];
        let unmoved = Precondition::Subject(subject, version);
        let officer = (officer.issuer(), officer.name());
        Ok(self.ledger.status(&permit, officer, unmoved, writes).await.map_err(moved)?.index())
    }
}
