//! A reform: the consents to a body that is gone follow each function to the body that an instrument puts in its place,
//! or wait. Nothing moves by itself, and nothing needs this job to be refused: the body that is gone gets nothing from
//! the first hour of its end (`body-gone`), the one in its place gets nothing before a consent is carried to it.
//!
//! Not here: where a function leads (`domain::succession`), whether a consent follows it (`policies/rules`).
//!
//! INVARIANTS
//! - One proposal for each consent: its new stage, the succeeding body's name for the person and its grant, the end of the
//!   former grants, and the notice to the person, or none of them.
//! - Done again, or after an interruption, it goes on where it stopped and changes nothing twice. A withdrawal that comes
//!   first stays: what rests on an older version of a consent is not entered.

use serde::{Deserialize, Serialize};

use super::{Broker, Refusal, Setback, TRIES, moved};
use crate::clock::Moment;
use crate::crypto::random;
use crate::domain::{
    BodyId, Carried, Carry, CarryFacts, Consent, ConsentId, GrantId, Hop, NoticeId, Operator, Stage, Suspension,
};
use crate::ledger::Moving;
use crate::policy::{Denial, InForce, Permit};
use crate::store::{GrantRow, GrantedOn, NoticeRow, Precondition, Write};

/// Consents looked at in one go.
const PAGE: usize = 256;

/// What became of the consents of one page.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Reformed {
    /// Carried to the succeeding body.
    pub carried: u64,
    /// Suspended: nothing says who succeeds, or the person must be asked anew.
    pub suspended: u64,
    /// Left as they are: taken back, run out, or waiting already.
    pub left: u64,
    /// Where the next page begins; none after the last.
    pub next: Option<ConsentId>,
}

/// What became of one consent.
enum Became {
    Carried,
    Suspended,
    Left,
}

/// A notice of it to the person, as it is sealed.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Told<'a> {
    /// The consent was carried, by these hops.
    Carried { consent: ConsentId, hops: &'a [Hop] },
    /// It waits, for these reasons.
    Suspended { consent: ConsentId, body: &'a BodyId, rules: Vec<&'a str> },
}

impl Broker {
    /// Carries or suspends the consents to `from`, a body that is gone: one page of them, after `after`.
    pub async fn reform(
        &self,
        operator: &Operator,
        from: &BodyId,
        after: Option<ConsentId>,
    ) -> Result<Reformed, Refusal> {
        self.refresh()?;
        let in_force = self.in_force();
        let catalogue = in_force.catalogue();
        if !catalogue.bodies.contains_key(from) {
            return Err(Refusal::Unknown);
        }
        if catalogue.exists(from, self.now().day()) {
            return Err(Refusal::State);
        }
        let page = self.store.consents_for(from, None, after, PAGE)?;
        let mut reformed =
            Reformed { next: page.last().filter(|_| page.len() == PAGE).map(|row| row.id), ..Reformed::default() };
        for row in page {
            match self.follow(operator, from, &row.id).await? {
                Became::Carried => reformed.carried += 1,
                Became::Suspended => reformed.suspended += 1,
                Became::Left => reformed.left += 1,
            }
        }
        Ok(reformed)
    }

    async fn follow(&self, operator: &Operator, from: &BodyId, id: &ConsentId) -> Result<Became, Refusal> {
        for _ in 0..TRIES {
            match self.attempt_follow(operator, from, id).await {
                Ok(became) => return Ok(became),
                Err(Setback::Moved) => self.refresh()?,
                Err(Setback::Refused(refusal)) => return Err(refusal),
            }
        }
        Err(Refusal::NotNow("the consent keeps moving".to_owned()))
    }

    async fn attempt_follow(&self, operator: &Operator, from: &BodyId, id: &ConsentId) -> Result<Became, Setback> {
        let (in_force, now) = (self.in_force(), self.clock.now());
        let stands =
            |consent: &Consent| consent.receiving() == from && !consent.expired(now) && may_follow(&consent.stage);
        let Some(consent) = self.safe.consent(id)?.filter(stands) else { return Ok(Became::Left) };
        let facts = CarryFacts {
            subject_version: self.store.subject_version(&consent.subject)?,
            epoch: in_force.epoch(),
            consent: consent.clone(),
        };
        match in_force.decide(operator, Carry { consent: *id }, &facts, now) {
            Ok(permit) => self.carry(operator, &permit, consent, now).await,
            Err(_) if matches!(consent.stage, Stage::Suspended { .. }) => Ok(Became::Left),
            Err(denial) => self.suspend(operator, &denial, consent, &in_force, now).await,
        }
    }

    async fn carry(
        &self,
        operator: &Operator,
        permit: &Permit<Carry>,
        consent: Consent,
        now: Moment,
    ) -> Result<Became, Setback> {
        let (client, hops) = (permit.kept().client(), permit.kept().hops());
        let from = consent.receiving().clone();
        let carried = hops.iter().map(|hop| Carried { hop: hop.clone(), client: client.clone(), at: now });
        let consent = consent.carried(carried.collect()).map_err(|_| Refusal::State)?;
        let Consent { id, subject, .. } = consent;
        let (_, named) = self.pseudonym(&subject, consent.receiving())?;
        let grant = GrantRow {
            id: GrantId::new(random()?),
            client: client.clone(),
            on: GrantedOn::Consent(id),
            until: consent.terms.until,
            revoked: false,
        };
        let mut writes = vec![self.safe.put_consent(&consent)?, Write::RevokeGrantsOf(id), Write::PutGrant(grant)];
        // A name for the person is given once: who gives another at the same time goes back to the facts.
        writes.extend(named.into_iter().flat_map(|named| [named, Write::MoveSubject(subject)]));
        writes.push(self.notice(&consent, now, &Told::Carried { consent: id, hops })?);
        let moving = Moving { consent: &consent, from: &from, operator };
        self.ledger.consent_carried(permit, moving, writes).await.map_err(moved)?;
        Ok(Became::Carried)
    }

    async fn suspend(
        &self,
        operator: &Operator,
        denial: &Denial,
        consent: Consent,
        in_force: &InForce,
        now: Moment,
    ) -> Result<Became, Setback> {
        let before = Precondition::Consent(consent.id, consent.version);
        let body = consent.receiving().clone();
        let purpose = in_force.catalogue().purposes.get(&consent.terms.purpose);
        let function = purpose.and_then(|purpose| purpose.function.clone());
        let why = Suspension::NoSuccessor { body: body.clone(), function };
        let consent = consent.suspended(now, why).map_err(|_| Refusal::State)?;
        let rules = denial.reasons().iter().map(|reason| reason.id.as_str()).collect();
        let told = Told::Suspended { consent: consent.id, body: &body, rules };
        let writes = vec![self.safe.put_consent(&consent)?, self.notice(&consent, now, &told)?];
        let moving = Moving { consent: &consent, from: &body, operator };
        let preconditions = vec![before, Precondition::Epoch(in_force.epoch())];
        self.ledger.consent_suspended(denial, moving, preconditions, writes).await.map_err(moved)?;
        Ok(Became::Suspended)
    }

    fn notice(&self, consent: &Consent, at: Moment, told: &Told<'_>) -> Result<Write, Refusal> {
        let row =
            NoticeRow { id: NoticeId::new(random()?), subject: consent.subject, at, sealed: Vec::new(), read: None };
        self.safe.put_notice(&row, told)
    }
}

/// Whether a consent at this stage can follow its body's function: given, or waiting for that.
const fn may_follow(stage: &Stage) -> bool {
    matches!(stage, Stage::Given { .. } | Stage::Suspended { why: Suspension::NoSuccessor { .. }, .. })
}
