//! Dated work: what the calendar asks for. Each piece is done once, in the proposal that takes it off the list, by
//! whoever comes to it first.
//!
//! Not here: any refusal. What has run out is refused whether or not this has run; here it is only recorded and told.
//! INVARIANT: work that fails is put off and never stands in the way of other work.

use std::fmt;
use std::str::FromStr;
use std::sync::PoisonError;

use super::{Broker, Refusal, Setback, moved};
use crate::clock::{Day, Moment, Period};
use crate::crypto::sha256;
use crate::domain::{
    AgreementId, BadName, Consent, ConsentId, Giver, KindId, Lapse, PartB, RecordKind, SubjectId, Version,
};
use crate::ledger::Lane;
use crate::store::{DueRow, Precondition, RecordRow, Write};

/// Most pieces of work taken up at a time.
const PAGE: usize = 64;
/// How long work that failed is put off, in seconds.
const PUT_OFF: i64 = 3_600;
/// For how long it is remembered that a register has its row: longer than any agreement lasts.
const REMEMBERED: i64 = 100 * 366 * 86_400;

/// What is to be done on some day.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Job {
    /// A consent runs out.
    Expiry,
    /// A consent that a representative gave is looked at again, each month: the person grows up, mandates end. By the
    /// month for all alike, so that no date says when anyone was born.
    Review,
    /// The values of one kind have been kept for as long as they are to be.
    Destruction,
}

impl Job {
    const ALL: [Self; 3] = [Self::Expiry, Self::Review, Self::Destruction];
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expiry => "expiry",
            Self::Review => "review",
            Self::Destruction => "destruction",
        })
    }
}

impl FromStr for Job {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        Self::ALL.into_iter().find(|job| job.to_string() == text).ok_or(BadName("job"))
    }
}

/// What a consent given at `now` makes due.
pub(super) fn of_consent(consent: &Consent, now: Moment) -> Vec<Write> {
    let expiry = planned(Job::Expiry, consent, consent.terms.until);
    let review = matches!(consent.terms.giver, Giver::Representative { .. }).then(|| next_review(consent, now));
    [Some(expiry), review].into_iter().flatten().collect()
}

/// What a record made now makes due, where its kind is kept for a time: the date of an earlier one moves.
pub(super) fn of_record(kind: &RecordKind, row: &RecordRow) -> Option<Write> {
    let days = i32::try_from(kind.kept_days?).unwrap_or(i32::MAX);
    let at = row.at.day().plus_days(days).start();
    let target = row.kind.as_str().as_bytes().to_vec();
    let key = sha256(&[b"due\ndestruction\n", row.subject.bytes(), &target]);
    Some(Write::PutDue(DueRow { key, at, job: Job::Destruction.to_string(), target, subject: Some(row.subject) }))
}

fn next_review(consent: &Consent, now: Moment) -> Write {
    planned(Job::Review, consent, next_month(now))
}

/// The first moment of the next local month.
fn next_month(now: Moment) -> Moment {
    const LONGER_THAN_A_MONTH: i32 = 32;
    now.day().first_of(Period::Month).plus_days(LONGER_THAN_A_MONTH).first_of(Period::Month).start()
}

fn planned(job: Job, consent: &Consent, at: Moment) -> Write {
    let target = consent.id.bytes().to_vec();
    let key = sha256(&[b"due\n", job.to_string().as_bytes(), b"\n", &target]);
    Write::PutDue(DueRow { key, at, job: job.to_string(), target, subject: Some(consent.subject) })
}

impl Broker {
    /// Does what is due by now; how many pieces of work were done.
    pub async fn do_due(&self) -> Result<usize, Refusal> {
        let mut done = self.register_agreements().await?;
        loop {
            let rows = self.store.due(self.clock.now(), PAGE)?;
            if rows.is_empty() {
                return Ok(done);
            }
            for row in rows {
                match self.do_one(&row).await {
                    Ok(()) => done += 1,
                    // Someone else did it, or what it is about has moved: it is looked at again at the next round.
                    Err(Setback::Moved) => return Ok(done),
                    Err(Setback::Refused(refusal)) => {
                        tracing::warn!(job = row.job, %refusal, "dated work is put off");
                        let later = DueRow { at: self.clock.now().plus(PUT_OFF), ..row };
                        self.ledger.write(Lane::Client, Vec::new(), vec![Write::PutDue(later)]).await?;
                    }
                }
            }
        }
    }

    async fn do_one(&self, row: &DueRow) -> Result<(), Setback> {
        let unknown = |_| Refusal::NotNow(format!("no such work: {}", row.job));
        match row.job.parse().map_err(unknown)? {
            Job::Expiry => self.expire(row).await,
            Job::Review => self.look_again(row).await,
            Job::Destruction => self.destroy(row).await,
        }
    }

    /// The consent that the work is about; none where it was erased.
    fn consent_of(&self, row: &DueRow) -> Result<Option<Consent>, Refusal> {
        let id = <[u8; 16]>::try_from(row.target.as_slice()).map_err(|_| Refusal::State)?;
        Ok(self.safe.consent(&ConsentId::new(id))?)
    }

    /// Records that a consent has run out; one that is not given any more stays as it is.
    async fn expire(&self, row: &DueRow) -> Result<(), Setback> {
        let Some(consent) = self.consent_of(row)? else { return self.strike(row).await };
        let before = consent.version;
        let Ok(expired) = consent.expired_at(self.clock.now()) else { return self.strike(row).await };
        let writes = vec![self.safe.put_consent(&expired)?, Write::DoneDue(row.key)];
        self.ledger.consent_expired(&expired, before, stands(row), writes).await.map_err(moved)?;
        Ok(())
    }

    /// Records that the power under which a consent was given has ended; looks again next month where it has not.
    async fn look_again(&self, row: &DueRow) -> Result<(), Setback> {
        let Some(consent) = self.consent_of(row)? else { return self.strike(row).await };
        let now = self.clock.now();
        let before = consent.version;
        let Some(why) = lapse(&consent, now) else {
            let again = consent.active(now).then(|| next_review(&consent, now));
            return match again {
                Some(again) => self.put_off(row, again).await,
                None => self.strike(row).await,
            };
        };
        let Ok(lapsed) = consent.lapsed(now, why) else { return self.strike(row).await };
        let writes = vec![self.safe.put_consent(&lapsed)?, Write::DoneDue(row.key)];
        self.ledger.consent_lapsed(&lapsed, before, stands(row), writes).await.map_err(moved)?;
        Ok(())
    }

    /// Destroys the values of a kind whose days have run (s. 73), unless someone may still draw on them or a hold keeps
    /// them: then it is looked at again next month.
    async fn destroy(&self, row: &DueRow) -> Result<(), Setback> {
        let kind = std::str::from_utf8(&row.target).ok().and_then(|name| name.parse::<KindId>().ok());
        let (Some(kind), Some(subject)) = (kind, row.subject) else { return Err(Refusal::State.into()) };
        let now = self.clock.now();
        let held = self.in_force().catalogue().held(&kind, now.day());
        if held || self.is_drawn_on(&subject, &kind, now)? {
            return self.put_off(row, Write::PutDue(DueRow { at: next_month(now), ..row.clone() })).await;
        }
        self.destroy_values(subject, kind, row.key).await
    }

    /// Whether somebody may still be given values of the kind.
    fn is_drawn_on(&self, subject: &SubjectId, kind: &KindId, now: Moment) -> Result<bool, Refusal> {
        for row in self.store.consents_of(subject)? {
            let consent = self.safe.open_consent(&row)?.filter(|consent| consent.active(now));
            if consent.is_some_and(|it| it.terms.attributes.iter().any(|attribute| attribute.kind() == *kind)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes work off the list.
    async fn strike(&self, row: &DueRow) -> Result<(), Setback> {
        self.ledger.write(Lane::Client, vec![stands(row)], vec![Write::DoneDue(row.key)]).await.map_err(moved)?;
        Ok(())
    }

    /// The same work at another time.
    async fn put_off(&self, row: &DueRow, again: Write) -> Result<(), Setback> {
        self.ledger.write(Lane::Client, vec![stands(row)], vec![again]).await.map_err(moved)?;
        Ok(())
    }

    /// Enters each agreement on collection into part B of the register of s. 67.3, from the day on which it begins. Looks
    /// once for each bundle and day.
    async fn register_agreements(&self) -> Result<usize, Refusal> {
        let in_force = self.in_force();
        let today = (in_force.epoch(), self.clock.now().day());
        if *self.registered.lock().unwrap_or_else(PoisonError::into_inner) == Some(today) {
            return Ok(0);
        }
        let catalogue = in_force.catalogue();
        let mut entered = 0;
        for (id, agreement) in &catalogue.agreements {
            let begins = agreement.begins(catalogue.law.cai_wait_days).filter(|day| *day <= today.1);
            let Some((begins, part)) = begins.zip(PartB::of(catalogue, agreement)) else { continue };
            match self.register(id, begins, &part, today.0).await {
                Ok(()) => entered += 1,
                // It has its row, or another bundle came into force: then there is another round.
                Err(Setback::Moved | Setback::Refused(Refusal::Answered)) => {}
                Err(Setback::Refused(refusal)) => return Err(refusal),
            }
        }
        *self.registered.lock().unwrap_or_else(PoisonError::into_inner) = Some(today);
        Ok(entered)
    }

    async fn register(&self, id: &AgreementId, begins: Day, part: &PartB, epoch: Version) -> Result<(), Setback> {
        let row = sha256(&[b"register-b\n", id.as_str().as_bytes(), b"\n", begins.to_string().as_bytes()]);
        let once = vec![Precondition::Unspent(row), Precondition::Epoch(epoch)];
        let writes = vec![Write::Spend(row, self.clock.now().plus(REMEMBERED))];
        self.ledger.register(id, begins, part, once, writes).await.map_err(moved)?;
        Ok(())
    }
}

/// That nobody else did it.
const fn stands(row: &DueRow) -> Precondition {
    Precondition::DueStands(row.key)
}

/// Why a consent given by a representative no longer stands at `now`, if it does not.
fn lapse(consent: &Consent, now: Moment) -> Option<Lapse> {
    let Giver::Representative { mandate, .. } = &consent.terms.giver else { return None };
    if consent.terms.giver.may_decide_for(&consent.terms.who, now) {
        return None;
    }
    let ended = mandate.until.is_some_and(|end| end <= now);
    Some(if ended { Lapse::MandateEnded } else { Lapse::Majority })
}
