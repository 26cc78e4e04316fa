//! The main job: an agency asks, and gets a data token or a reason.

use super::{Broker, Refusal, Setback, TRIES};
use crate::crypto::SealingKey;
use crate::domain::{Ask, Facts, Filed, Known, Occasion, Relied, SubjectId, SubjectStatus};
use crate::identity::AuthenticatedBody;
use crate::ledger::{DataToken, NotReleased, Recorded, Refused, Ties};
use crate::policy::{self, Denial, InForce, OpenFault, minimise};
use crate::store::{GrantedOn, Hash, KeyUse, RecordRow, Standing, WrappedKey};

impl Broker {
    /// Releases what `ask` may have. `body` is the request's body, for its Idempotency-Key.
    pub async fn release(&self, agency: &AuthenticatedBody, ask: Ask, body: &[u8]) -> Result<DataToken, Refusal> {
        let request = self.blind.request(body);
        for _ in 0..TRIES {
            match self.attempt_release(agency, &ask, request).await {
                Ok(recorded) => return Ok(self.ledger.sign(recorded)?),
                Err(Setback::Moved) => self.refresh()?,
                Err(Setback::Refused(refusal)) => return Err(refusal),
            }
        }
        Err(Refusal::NotNow("what the decision rests on keeps moving".to_owned()))
    }

    async fn attempt_release(&self, agency: &AuthenticatedBody, ask: &Ask, request: Hash) -> Result<Recorded, Setback> {
        let in_force = self.in_force();
        let mut standing = self.store.standing(ask, agency.client(), agency.body())?;
        choose(&mut standing.records, ask.occasion.as_ref());
        let before = standing.key_use;
        if before.is_some_and(|used| used.body != request) {
            return Err(Refusal::KeyReused.into());
        }
        let (on, evidence) = self.safe.standing_on(&standing)?.unzip();
        let status = self.safe.standing_status(&standing)?;
        let ties = ties(&standing, evidence);
        let on = on.unwrap_or(Known::Nothing);
        let subject = on.subject();
        let facts = self.facts(agency, ask, on, status, &standing, &in_force);
        let permit = match in_force.decide(agency, ask.clone(), &facts, self.clock.now()) {
            Ok(permit) => permit,
            Err(denial) => return Err(self.refuse_release(agency, ask, subject, denial).await.into()),
        };
        let opened = match policy::open(minimise(permit), &self.safe.standing_records(standing)) {
            Ok(opened) => opened,
            Err(OpenFault::NothingOnFile { denial, .. }) => {
                return Err(self.refuse_release(agency, ask, subject, *denial).await.into());
            }
            Err(OpenFault::Store(fault)) => return Err(fault.into()),
        };
        let ties = ties.ok_or_else(|| Refusal::from(NotReleased::NoPseudonym))?;
        let catalogue = in_force.catalogue();
        let recorded = match before {
            None => self.ledger.release(opened, catalogue, ties, request).await,
            Some(KeyUse { entry, .. }) => {
                let row = self.ledger.entry(entry)?.ok_or(Refusal::Unknown)?;
                self.ledger.redeliver(opened, catalogue, ties, &row).await
            }
        };
        match recorded {
            Ok(recorded) => Ok(recorded),
            Err(NotReleased::Entry(fault)) => Err(super::moved(fault)),
            Err(NotReleased::UsesTaken(denial)) => Err(self.refuse_release(agency, ask, subject, *denial).await.into()),
            Err(other) => Err(Setback::Refused(other.into())),
        }
    }

    /// What is known when this is asked. A consent that is not there, or another's, or erased, is none; a grant on another
    /// basis ends with the evidence of its subject.
    fn facts(
        &self,
        agency: &AuthenticatedBody,
        ask: &Ask,
        on: Known,
        status: SubjectStatus,
        standing: &Standing,
        in_force: &InForce,
    ) -> Facts {
        let grant = standing.grant.as_ref().filter(|grant| {
            !grant.revoked
                && covers(&grant.on, ask)
                && grant.client == *agency.client()
                && self.clock.now() < grant.until
                && !(matches!(grant.on, GrantedOn::Basis { .. }) && on.subject().is_none())
        });
        let grant_stands = grant.is_some();
        let on = if matches!(on, Known::Basis(_)) && !grant_stands { Known::Nothing } else { on };
        Facts {
            on,
            on_file: standing.records.iter().map(|(row, _)| filed(row)).collect(),
            status,
            grant_stands,
            subject_version: standing.subject_version,
            epoch: in_force.epoch(),
            custodian: self.custodian.clone(),
        }
    }

    async fn refuse_release(
        &self,
        agency: &AuthenticatedBody,
        ask: &Ask,
        subject: Option<SubjectId>,
        denial: Denial,
    ) -> Refusal {
        let refused = Refused {
            client: Some((agency.client(), agency.body())),
            asked: "release",
            purpose: Some(&ask.purpose),
            attributes: ask.attributes.iter().collect(),
            subject,
            consent: ask.on.consent(),
        };
        self.refuse(denial, refused).await
    }
}

/// Leaves one record of each kind: the newest that serves the occasion, else the newest. An attestation given after the
/// closing does not take the place of the one that counted then.
fn choose(records: &mut Vec<(RecordRow, WrappedKey)>, occasion: Option<&Occasion>) {
    let Some(occasion) = occasion else { return };
    let serves = |(row, _): &&(RecordRow, WrappedKey)| filed(row).serves(occasion);
    let kinds = records.chunk_by(|(one, _), (next, _)| one.kind == next.kind);
    *records = kinds.filter_map(|versions| versions.iter().find(serves).or(versions.first()).cloned()).collect();
}

/// What a record's row tells in clear.
fn filed(row: &RecordRow) -> Filed {
    Filed { kind: row.kind.clone(), at: row.at, issued: row.issued, valid_until: row.valid_until }
}

/// Whether a grant on this is one for the ask.
fn covers(on: &GrantedOn, ask: &Ask) -> bool {
    match (on, &ask.on) {
        (GrantedOn::Consent(granted), Relied::Consent(asked)) => granted == asked,
        (GrantedOn::Basis { purpose, .. }, Relied::Basis) => *purpose == ask.purpose,
        _ => false,
    }
}

/// What ties the release to the person; none where something of it is gone.
fn ties(standing: &Standing, evidence: Option<SealingKey>) -> Option<Ties> {
    let previous = standing.consent.as_ref().map(|consent| consent.entry);
    Some(Ties { pseudonym: standing.pseudonym?, previous, evidence: evidence? })
}
