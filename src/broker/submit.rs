//! What a portal does for a person who agreed to it: asks what is on file, submits drafts. And what the person does
//! with a draft: confirms it, and it is a record; or not, and it is gone.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Broker, Refusal, Setback, TRIES, moved, next_record};
use crate::clock::Moment;
use crate::crypto::random;
use crate::domain::{
    AttributeId, BodyId, CheckAsk, ClientId, DraftId, KindId, Language, Origin, RecordKind, SessionAsk, SubjectId,
    Submission, Version,
};
use crate::identity::{AuthenticatedBody, AuthenticatedPerson};
use crate::ledger::{Lane, Refused};
use crate::store::{DraftRow, Precondition, RecordRow, Write};

/// Longest a draft waits for its person, in seconds.
const DRAFT_LIFE: i64 = 3_600;

/// What a person let a portal do, in this session.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PortalSession {
    /// The portal's client.
    pub client: ClientId,
    /// For whom.
    pub subject: SubjectId,
    /// What it may check and draft.
    pub ask: SessionAsk,
}

/// Whether a kind is on file: yes or no, and the month.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct OnFile {
    /// The kind.
    pub kind: KindId,
    /// Whether there is a record.
    pub on_file: bool,
    /// The month in which it was last given, `YYYY-MM`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub month: Option<String>,
}

/// A draft as its person sees it.
#[derive(Clone)]
pub struct DraftView {
    /// The draft.
    pub row: DraftRow,
    /// What was submitted.
    pub values: Map<String, Value>,
    /// The portal's body.
    pub via: BodyId,
    /// Whether confirming replaces a record.
    pub replaces: bool,
}

impl Broker {
    /// A portal asks at PAR to check and draft; nobody is there yet.
    pub async fn ask_session(&self, portal: &AuthenticatedBody, ask: SessionAsk) -> Result<SessionAsk, Refusal> {
        let in_force = self.in_force();
        let facts = self.client_facts(&in_force);
        match in_force.decide(portal, ask, &facts, self.clock.now()) {
            Ok(permit) => Ok(permit.into_act()),
            Err(denial) => Err(self.refuse_portal(portal, "open-session", None, denial).await),
        }
    }

    /// A portal asks what is on file.
    pub async fn check(
        &self,
        portal: &AuthenticatedBody,
        session: &PortalSession,
        kinds: BTreeSet<KindId>,
    ) -> Result<Vec<OnFile>, Refusal> {
        let in_force = self.in_force();
        let facts = self.client_facts(&in_force);
        let ask = CheckAsk { subject: session.subject, kinds: kinds.clone(), agreed: session.ask.checks.clone() };
        let permit = match in_force.decide(portal, ask, &facts, self.clock.now()) {
            Ok(permit) => permit,
            Err(denial) => return Err(self.refuse_portal(portal, "check", Some(session.subject), denial).await),
        };
        self.ledger.check(&permit, portal.client(), portal.body()).await?;
        let answer = |kind: KindId| {
            let record = self.safe.record(&session.subject, &kind)?;
            let month = record.as_ref().map(|(row, _)| row.at.day().month());
            Ok(OnFile { kind, on_file: record.is_some(), month })
        };
        kinds.into_iter().map(answer).collect()
    }

    /// A portal submits a draft: sealed, seen by nobody but the person.
    pub async fn draft(
        &self,
        portal: &AuthenticatedBody,
        session: &PortalSession,
        kind: KindId,
        values: Map<String, Value>,
    ) -> Result<DraftId, Refusal> {
        let in_force = self.in_force();
        let facts = self.client_facts(&in_force);
        let again = SessionAsk { checks: BTreeSet::new(), drafts: BTreeSet::from([kind.clone()]) };
        // Decided anew: the instrument may have ended since the session was opened.
        if let Err(denial) = in_force.decide(portal, again, &facts, self.clock.now()) {
            return Err(self.refuse_portal(portal, "draft", Some(session.subject), denial).await);
        }
        if !session.ask.drafts.contains(&kind) {
            return Err(Refusal::Unknown);
        }
        let departures = in_force.loaded().departures(&kind, &Value::Object(values.clone()));
        if departures.is_none_or(|departures| !departures.is_empty()) {
            return Err(Refusal::BadValues);
        }
        let row = DraftRow {
            id: DraftId::new(random()?),
            subject: session.subject,
            kind,
            client: portal.client().clone(),
            until: self.clock.now().plus(DRAFT_LIFE),
            sealed: Vec::new(),
        };
        let id = row.id;
        let version = self.store.subject_version(&session.subject)?;
        let mut writes = self.safe.put_draft(row, &values)?;
        let mut preconditions = vec![Precondition::ClientRuns(portal.client().clone())];
        if writes.len() > 1 {
            // A new key comes with it: nobody else may make one meanwhile.
            preconditions.push(Precondition::Subject(session.subject, version));
            writes.push(Write::MoveSubject(session.subject));
        }
        self.ledger.write(Lane::Client, preconditions, writes).await?;
        Ok(id)
    }

    /// The kind of a draft that still waits.
    pub fn draft_kind(&self, id: &DraftId) -> Result<Option<KindId>, Refusal> {
        Ok(self.store.draft(id)?.map(|row| row.kind))
    }

    /// The newest record of each kind on file for the subject.
    pub fn records(&self, person: &AuthenticatedPerson) -> Result<Vec<RecordRow>, Refusal> {
        let in_force = self.in_force();
        let newest = |kind: &KindId| self.safe.record(person.subject(), kind);
        let records = in_force.catalogue().kinds.keys().filter_map(|kind| newest(kind).transpose());
        let rows = records.map(|record| record.map(|(row, _)| row)).collect::<Result<_, _>>();
        Ok(rows?)
    }

    /// A draft, for its person.
    pub fn draft_view(&self, person: &AuthenticatedPerson, id: &DraftId) -> Result<DraftView, Refusal> {
        let row = self.store.draft(id)?.filter(|row| row.subject == *person.subject() && self.clock.now() < row.until);
        let row = row.ok_or(Refusal::Unknown)?;
        let values = self.safe.draft(&row)?.ok_or(Refusal::Unknown)?;
        let via = self.in_force().catalogue().clients.get(&row.client).map(|client| client.body.clone());
        let replaces = self.safe.record(&row.subject, &row.kind)?.is_some();
        Ok(DraftView { row, values, via: via.ok_or(Refusal::Unknown)?, replaces })
    }

    /// The person confirms a draft: it is a record. The index of the entry.
    pub async fn confirm(
        &self,
        person: &AuthenticatedPerson,
        id: &DraftId,
        language: Language,
        same_session: bool,
    ) -> Result<u64, Refusal> {
        for _ in 0..TRIES {
            match self.attempt_confirm(person, id, language, same_session).await {
                Ok(index) => return Ok(index),
                Err(Setback::Moved) => self.refresh()?,
                Err(Setback::Refused(refusal)) => return Err(refusal),
            }
        }
        Err(Refusal::NotNow("what the submission rests on keeps moving".to_owned()))
    }

    async fn attempt_confirm(
        &self,
        person: &AuthenticatedPerson,
        id: &DraftId,
        language: Language,
        same_session: bool,
    ) -> Result<u64, Setback> {
        let DraftView { row, values, via, .. } = self.draft_view(person, id)?;
        let in_force = self.in_force();
        let facts = self.person_facts(person, same_session)?;
        let act =
            Submission { draft: *id, kind: row.kind.clone(), via: via.clone(), client: row.client.clone(), language };
        let now = self.clock.now();
        let permit = match in_force.decide(person, act, &facts, now) {
            Ok(permit) => permit,
            Err(denial) => {
                let none = BTreeSet::<AttributeId>::new();
                return Err(self.refuse_person(person, "submit", None, &none, denial).await.into());
            }
        };
        let kind = in_force.catalogue().kinds.get(&row.kind).ok_or(Refusal::Unknown)?;
        let version = next_record(facts.subject_version);
        let writes = self.record_writes(&row, kind, via, &values, version, now)?;
        let record = (&kind.holder, &kind.collected_for, version);
        let entered = self.ledger.submission(&permit, row.subject, record, writes).await.map_err(moved)?;
        Ok(entered.index())
    }

    fn record_writes(
        &self,
        draft: &DraftRow,
        kind: &RecordKind,
        via: BodyId,
        values: &Map<String, Value>,
        version: Version,
        now: Moment,
    ) -> Result<Vec<Write>, Refusal> {
        let row = RecordRow {
            subject: draft.subject,
            kind: draft.kind.clone(),
            version,
            holder: kind.holder.clone(),
            purpose: kind.collected_for.clone(),
            origin: Origin::Subject,
            via: Some(via),
            at: now,
            issued: None,
            valid_until: None,
            concerns: None,
            sealed: Vec::new(),
        };
        let mut writes = self.safe.put_record(kind, row, values)?;
        writes.push(Write::DropDraft(draft.id));
        writes.push(Write::MoveSubject(draft.subject));
        Ok(writes)
    }

    /// The person does not confirm a draft: it is gone.
    pub async fn discard(&self, person: &AuthenticatedPerson, id: &DraftId) -> Result<(), Refusal> {
        let draft = self.draft_view(person, id)?;
        self.ledger.write(Lane::Person, Vec::new(), vec![Write::DropDraft(draft.row.id)]).await?;
        Ok(())
    }

    async fn refuse_portal(
        &self,
        portal: &AuthenticatedBody,
        asked: &str,
        subject: Option<SubjectId>,
        denial: crate::policy::Denial,
    ) -> Refusal {
        let refused = Refused {
            client: Some((portal.client(), portal.body())),
            asked,
            purpose: None,
            attributes: Vec::new(),
            subject,
            consent: None,
        };
        self.refuse(denial, refused).await
    }
}
