//! An officer looks: decided by the rules, entered before anything is shown.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::{Broker, Refusal};
use crate::clock::Moment;
use crate::domain::{BodyId, OfficerFacts, Query, Reading, ReadingPurpose};
use crate::identity::AuthenticatedOfficer;
use crate::ledger::{Entered, Proof, Refused, event_of, time_of};
use crate::policy::Permit;
use crate::store::{Filter, SearchRow};

/// Rows of one page.
const PAGE: usize = 50;
/// How long a search waits for the projection to pass its own entry.
const PATIENCE: Duration = Duration::from_secs(2);

/// A page of what an officer searched.
#[derive(Clone, Debug)]
pub struct Page {
    /// The rows, newest first.
    pub rows: Vec<SearchRow>,
    /// Key of the next page, if there is one.
    pub next: Option<u64>,
    /// Entries that the projection has yet to follow.
    pub lag: u64,
    /// Index of the entry that this reading left.
    pub read: u64,
}

/// One entry as an officer sees it.
#[derive(Clone, Debug)]
pub struct EntryView {
    /// Its index.
    pub index: u64,
    /// Its event.
    pub event: String,
    /// Its time.
    pub time: Moment,
    /// Its act part.
    pub act: Value,
    /// Its person part; none where its key is destroyed.
    pub person: Option<Value>,
    /// Its proof, with the act part opened.
    pub proof: Proof,
    /// Index of the entry that this reading left.
    pub read: u64,
}

impl Broker {
    /// An officer searches the log.
    pub async fn search(&self, officer: &AuthenticatedOfficer, reason: &str, query: Query) -> Result<Page, Refusal> {
        let filter = filter(&query);
        let read = self.read(officer, reason, query).await?.index();
        // What was in the log before the search is found by it; a projection far behind says by how much.
        let search = match timeout(PATIENCE, self.ledger.search(Some(read))).await {
            Ok(search) => search,
            Err(_) => self.ledger.search(None).await,
        };
        let mut rows = search.find(&filter, PAGE + 1)?;
        let more = rows.len() > PAGE;
        rows.truncate(PAGE);
        let next = rows.last().filter(|_| more).map(|row| row.index);
        Ok(Page { rows, next, lag: self.ledger.lag()?, read })
    }

    /// An officer opens one entry.
    pub async fn open_entry(
        &self,
        officer: &AuthenticatedOfficer,
        reason: &str,
        index: u64,
    ) -> Result<EntryView, Refusal> {
        let query = Query { entry: Some(index), ..Query::default() };
        let read = self.read(officer, reason, query).await?.index();
        let row = self.ledger.entry(index)?.ok_or(Refusal::Unknown)?;
        let opening = self.ledger.open_act(&row)?;
        let person = self.ledger.open_person(&row)?.map(|opening| opening.value());
        let mut proof = self.ledger.prove(index)?.ok_or(Refusal::Unknown)?;
        let act = opening.value();
        proof.opening = Some(opening);
        let event = event_of(&row).map_or_else(String::new, |event| event.to_string());
        Ok(EntryView { index, event, time: time_of(&row).unwrap_or_default(), act, person, proof, read })
    }

    /// Decides and enters a reading.
    async fn read(&self, officer: &AuthenticatedOfficer, reason: &str, query: Query) -> Result<Entered, Refusal> {
        let in_force = self.in_force();
        let facts = OfficerFacts { epoch: in_force.epoch(), custodian: self.custodian.clone() };
        let now = self.clock.now();
        let purpose = Some(ReadingPurpose::Audit);
        let act = Reading { reason: reason.trim().to_owned(), purpose, query };
        let permit: Permit<Reading> = match in_force.decide(officer, act, &facts, now) {
            Ok(permit) => permit,
            Err(denial) => {
                let refused = Refused {
                    client: None,
                    asked: "read-log",
                    purpose: None,
                    attributes: Vec::new(),
                    subject: None,
                    consent: None,
                };
                return Err(self.refuse(denial, refused).await);
            }
        };
        let delegation = in_force.catalogue().delegation(officer.issuer(), officer.sub(), now.day());
        let body: BodyId = delegation.map_or_else(|| self.custodian.body.clone(), |found| found.body.clone());
        Ok(self.ledger.officer_read(&permit, (officer.issuer(), officer.name()), &body).await?)
    }
}

fn filter(query: &Query) -> Filter {
    Filter {
        event: query.event.clone(),
        body: query.body.as_ref().map(ToString::to_string),
        purpose: query.purpose.as_ref().map(ToString::to_string),
        subject: None,
        from: query.from.map(crate::clock::Day::start),
        until: query.to.map(|day| day.plus_days(1).start()),
        before: query.before,
    }
}
