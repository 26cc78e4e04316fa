//! An operator rehearses rules: entered before anything is counted, then counted over the log's last days.
//!
//! Not here: what a decision comes to under a draft (`policy/rehearse`).
//! INVARIANT: a page of the log at a time, whatever its length; nothing of a person leaves but how many there are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::spawn_blocking;

use super::{Broker, GovernFault, Refusal};
use crate::clock::Moment;
use crate::domain::{Catalogue, OfficerFacts, Rehearsing};
use crate::jose::b64;
use crate::ledger::{EntryFault, Ledger, NotEntered, Refused};
use crate::policy::{Bundle, Rehearsal, Rehearsed, Tally, Widened, widened};

/// Entries of one page.
const PAGE: u64 = 1_024;
/// Pages decided side by side.
const SIDE_BY_SIDE: usize = 2;

/// What an operator asks to have rehearsed.
#[derive(Clone, Debug)]
pub struct AskedRehearsal {
    /// The draft's files; the catalogue in force where they hold none.
    pub draft: BTreeMap<String, String>,
    /// Over how many days before today.
    pub days: u16,
    /// The operator's name.
    pub operator: String,
    /// Why.
    pub reason: String,
}

/// What is in force beside a draft.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The bundle in force.
    pub in_force: Bundle,
    /// The purposes of which the draft makes another question, with the consents that it would ask again.
    pub asked_again: Vec<Widened>,
}

/// Told how many entries of how many are done.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

impl Broker {
    /// Decides again, by a draft, what was decided in the last days.
    pub async fn rehearse(&self, asked: AskedRehearsal, progress: Progress<'_>) -> Result<Rehearsed, GovernFault> {
        let AskedRehearsal { draft, days, operator, reason } = asked;
        let draft = Bundle::from_files(draft).or_catalogue_of(&self.bundle_in_force()?);
        let rehearsal = Arc::new(Rehearsal::of(&draft).map_err(GovernFault::Findings)?);
        let from = self.clock.now().day().plus_days(-i32::from(days));
        let (first, size) = (self.ledger.since(from.start()).map_err(not_opened)?, self.ledger.head()?.size);
        let entries = size.saturating_sub(first);
        let act = Rehearsing { operator, reason: reason.trim().to_owned(), entries };
        let entry = self.enter_rehearsal(act, &rehearsal).await?;

        let begun = Instant::now();
        let tally = self.replay(&rehearsal, (first, size), progress).await?;
        let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let asked_again = self.asked_again(rehearsal.draft().catalogue()).await?;
        let digest = b64::encode(rehearsal.draft().digest());
        Ok(tally.report(digest, entry, (from, entries), asked_again, milliseconds))
    }

    /// What is in force, beside a draft.
    pub async fn compare(&self, draft: BTreeMap<String, String>) -> Result<Compared, GovernFault> {
        let in_force = self.bundle_in_force()?;
        let draft = Bundle::from_files(draft).or_catalogue_of(&in_force).load().map_err(GovernFault::Findings)?;
        let asked_again = self.asked_again(draft.catalogue()).await?;
        Ok(Compared { in_force, asked_again })
    }

    async fn enter_rehearsal(&self, act: Rehearsing, rehearsal: &Rehearsal) -> Result<u64, GovernFault> {
        let in_force = self.in_force();
        let facts = OfficerFacts { epoch: in_force.epoch(), custodian: self.custodian.clone() };
        match in_force.decide(&(), act, &facts, self.clock.now()) {
            Ok(permit) => Ok(self.ledger.rehearsal(&permit, rehearsal.draft().digest()).await?.index()),
            Err(denial) => {
                let refused = Refused {
                    client: None,
                    asked: "read-log",
                    purpose: None,
                    attributes: Vec::new(),
                    subject: None,
                    consent: None,
                };
                Err(match self.refuse(denial, refused).await {
                    Refusal::Denied(denial) => GovernFault::Denied(denial),
                    fault => GovernFault::Refusal(fault.to_string()),
                })
            }
        }
    }

    async fn replay(
        &self,
        rehearsal: &Arc<Rehearsal>,
        (first, size): (u64, u64),
        progress: Progress<'_>,
    ) -> Result<Tally, GovernFault> {
        let next = Arc::new(AtomicU64::new(first));
        let (told, mut heard) = unbounded_channel();
        let mut workers = Vec::new();
        for _ in 0..SIDE_BY_SIDE {
            let (ledger, rehearsal) = (Arc::clone(&self.ledger), Arc::clone(rehearsal));
            let (next, told) = (Arc::clone(&next), told.clone());
            workers.push(spawn_blocking(move || replay_pages(&ledger, &rehearsal, &next, size, &told)));
        }
        drop(told);
        let (mut done, of) = (0, size.saturating_sub(first));
        while let Some(more) = heard.recv().await {
            done += more;
            progress(done, of);
        }
        let mut tally = Tally::default();
        for worker in workers {
            let counted = worker.await.map_err(|fault| GovernFault::Refusal(fault.to_string()))?;
            tally = tally.and(counted.map_err(not_opened)?);
        }
        Ok(tally)
    }

    /// The purposes of which `draft` makes another question, with the consents that it would ask again.
    async fn asked_again(&self, draft: &Catalogue) -> Result<Vec<Widened>, GovernFault> {
        let in_force = self.in_force();
        let purposes = widened(in_force.catalogue(), draft);
        let (ledger, now) = (Arc::clone(&self.ledger), self.clock.now());
        let counted = spawn_blocking(move || {
            let counted = |purpose| counted(&ledger, in_force.catalogue(), purpose, now);
            purposes.into_iter().map(counted).collect::<Result<_, _>>()
        });
        counted.await.map_err(|fault| GovernFault::Refusal(fault.to_string()))?.map_err(not_opened)
    }

    fn bundle_in_force(&self) -> Result<Bundle, GovernFault> {
        let digest = *self.in_force().loaded().digest();
        let bytes = self.store.bundle(&digest)?.ok_or(GovernFault::Departs)?;
        Bundle::from_bytes(&bytes).map_err(GovernFault::Findings)
    }
}

/// Decides page after page, until none is left to take.
fn replay_pages(
    ledger: &Ledger,
    rehearsal: &Rehearsal,
    next: &AtomicU64,
    size: u64,
    told: &UnboundedSender<u64>,
) -> Result<Tally, EntryFault> {
    let mut tally = Tally::default();
    loop {
        let from = next.fetch_add(PAGE, Ordering::Relaxed);
        let page = PAGE.min(size.saturating_sub(from));
        if page == 0 {
            return Ok(tally);
        }
        let decisions = ledger.decisions(from, usize::try_from(page).unwrap_or_default())?;
        for kept in &decisions {
            rehearsal.replay(kept, &mut tally);
        }
        // Who asked is told as long as they listen.
        let _ = told.send(page);
    }
}

/// The purpose, with how many consents to it as it is in force would be asked again.
fn counted(ledger: &Ledger, in_force: &Catalogue, purpose: Widened, now: Moment) -> Result<Widened, EntryFault> {
    let mut consents = 0;
    if let Some(before) = in_force.purposes.get(&purpose.purpose) {
        let since = now.plus(-i64::from(before.longest_days) * 86_400);
        for body in &before.recipients {
            consents += ledger.consents_standing(body, (&purpose.purpose, before.version), since)?;
        }
    }
    Ok(Widened { consents: Some(consents), ..purpose })
}

fn not_opened(fault: EntryFault) -> GovernFault {
    GovernFault::Log(NotEntered::from(fault))
}
