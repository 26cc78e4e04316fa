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
use crate::domain::{AgreementId, BadName, Consent, ConsentId, Giver, Lapse, PartB, Version};
use crate::ledger::Lane;
use crate::store::{DueRow, Precondition, Write};

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
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expiry => "expiry",
            Self::Review => "review",
        })
    }
}

impl FromStr for Job {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        [Self::Expiry, Self::Review].into_iter().find(|job| job.to_string() == text).ok_or(BadName("job"))
    }
}

/// What a consent given at `now` makes due.
pub(super) fn of_consent(consent: &Consent, now: Moment) -> Vec<Write> {
    let expiry = planned(Job::Expiry, consent, consent.terms.until);
    let review = matches!(consent.terms.giver, Giver::Representative { .. }).then(|| next_review(consent, now));
    [Some(expiry), review].into_iter().flatten().collect()
}

fn next_review(consent: &Consent, now: Moment) -> Write {
    const LONGER_THAN_A_MONTH: i32 = 32;
    let month = now.day().first_of(Period::Month).plus_days(LONGER_THAN_A_MONTH).first_of(Period::Month);
    planned(Job::Review, consent, month.start())
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
        let job: Job = row.job.parse().map_err(unknown)?;
        let target = <[u8; 16]>::try_from(row.target.as_slice()).map_err(|_| Refusal::State)?;
        let consent = self.safe.consent(&ConsentId::new(target)).map_err(Refusal::from)?;
        match (job, consent) {
            (_, None) => self.strike(row, Vec::new()).await,
            (Job::Expiry, Some(consent)) => self.expire(row, consent).await,
            (Job::Review, Some(consent)) => self.look_again(row, consent).await,
        }
    }

    /// Records that a consent has run out; one that is not given any more stays as it is.
    async fn expire(&self, row: &DueRow, consent: Consent) -> Result<(), Setback> {
        let before = consent.version;
        let Ok(expired) = consent.expired_at(self.clock.now()) else { return self.strike(row, Vec::new()).await };
        let writes = vec![self.safe.put_consent(&expired)?, Write::DoneDue(row.key)];
        self.ledger.consent_expired(&expired, before, stands(row), writes).await.map_err(moved)?;
        Ok(())
    }

    /// Records that the power under which a consent was given has ended; looks again next month where it has not.
    async fn look_again(&self, row: &DueRow, consent: Consent) -> Result<(), Setback> {
        let now = self.clock.now();
        let before = consent.version;
        let Some(why) = lapse(&consent, now) else {
            let again = consent.active(now).then(|| next_review(&consent, now));
            return match again {
                Some(again) => self.put_off(row, again).await,
                None => self.strike(row, Vec::new()).await,
            };
        };
        let Ok(lapsed) = consent.lapsed(now, why) else { return self.strike(row, Vec::new()).await };
        let writes = vec![self.safe.put_consent(&lapsed)?, Write::DoneDue(row.key)];
        self.ledger.consent_lapsed(&lapsed, before, stands(row), writes).await.map_err(moved)?;
        Ok(())
    }

    /// Takes work off the list.
    async fn strike(&self, row: &DueRow, mut writes: Vec<Write>) -> Result<(), Setback> {
        writes.push(Write::DoneDue(row.key));
        self.ledger.write(Lane::Client, vec![stands(row)], writes).await.map_err(moved)?;
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
