//! Sealed rows as the things they are: records, consents, drafts, a subject's status.
//!
//! INVARIANT: a ciphertext opens only at the table, row, field and version it was sealed for.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Refusal, due};
use crate::crypto::{Address, SealingKey};
use crate::domain::{Consent, ConsentId, KindId, Known, RecordKind, SubjectId, SubjectStatus, Version};
use crate::policy;
use crate::store::{
    Class, ConsentRow, DraftRow, Fault, GrantedOn, NoticeRow, RecordRow, Standing, Store, Vault, VaultFault,
    WrappedKey, Write,
};

/// A record's row with its values.
pub(super) type Record = (RecordRow, Map<String, Value>);

/// The record, with what opens it.
pub(super) struct Safe {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
}

impl Safe {
    pub(super) fn new(store: Arc<dyn Store>, vault: Arc<Vault>) -> Self {
        Self { store, vault }
    }

    pub(super) fn vault(&self) -> &Vault {
        &self.vault
    }

    /// A consent; none where there is none, or its evidence is destroyed.
    pub(super) fn consent(&self, id: &ConsentId) -> Result<Option<Consent>, VaultFault> {
        self.store.consent(id)?.map_or(Ok(None), |row| self.open_consent(&row))
    }

    pub(super) fn open_consent(&self, row: &ConsentRow) -> Result<Option<Consent>, VaultFault> {
        self.open(&row.subject, &Class::Evidence, &consent_at(row.id.bytes(), row.version), &row.sealed)
    }

    /// What a release rests on, with the subject's key of evidence: its consent, or the subject of a grant on another
    /// basis. Nothing, where that key is destroyed.
    pub(super) fn standing_on(&self, standing: &Standing) -> Result<Option<(Known, SealingKey)>, VaultFault> {
        let Some(key) = &standing.evidence else { return Ok(None) };
        let opened = |subject: &SubjectId| self.vault.opened(subject, &Class::Evidence, key);
        match (&standing.consent, standing.grant.as_ref().map(|grant| &grant.on)) {
            (Some(row), _) => {
                let key = opened(&row.subject)?;
                let consent = open(&key, &consent_at(row.id.bytes(), row.version), &row.sealed)?;
                Ok(Some((Known::Consent(Box::new(consent)), key)))
            }
            (None, Some(GrantedOn::Basis { subject, .. })) => Ok(Some((Known::Basis(*subject), opened(subject)?))),
            (None, _) => Ok(None),
        }
    }

    /// The records that a release rests on, to be opened as far as it is permitted.
    pub(super) fn standing_records(&self, standing: Standing) -> StandingRecords<'_> {
        StandingRecords { vault: &self.vault, records: standing.records }
    }

    /// The write that keeps a consent.
    pub(super) fn put_consent(&self, consent: &Consent) -> Result<Write, Refusal> {
        let at = consent_at(consent.id.bytes(), consent.version);
        let sealed = self.seal(&consent.subject, &Class::Evidence, &at, consent)?;
        let Consent { id, subject, version, terms, .. } = consent;
        Ok(Write::PutConsent(ConsentRow {
            id: *id,
            subject: *subject,
            receiving: consent.receiving().clone(),
            purpose: terms.purpose.clone(),
            version: *version,
            max_uses: terms.max_uses,
            sealed,
            entry: 0,
        }))
    }

    /// What is known of the subject besides the identity service; nothing where its evidence is destroyed.
    pub(super) fn status(&self, subject: &SubjectId) -> Result<SubjectStatus, VaultFault> {
        let Some(sealed) = self.store.status(subject)? else { return Ok(SubjectStatus::default()) };
        Ok(self.open(subject, &Class::Evidence, &status_at(subject), &sealed)?.unwrap_or_default())
    }

    /// The status of the subject whose values are asked for.
    pub(super) fn standing_status(&self, standing: &Standing) -> Result<SubjectStatus, VaultFault> {
        let granted = standing.grant.as_ref().and_then(|grant| match &grant.on {
            GrantedOn::Basis { subject, .. } => Some(*subject),
            GrantedOn::Consent(_) => None,
        });
        let subject = granted.or(standing.consent.as_ref().map(|row| row.subject));
        let sealed = standing.status.as_ref().zip(standing.evidence.as_ref());
        let Some((subject, (sealed, key))) = subject.zip(sealed) else { return Ok(SubjectStatus::default()) };
        let key = self.vault.opened(&subject, &Class::Evidence, key)?;
        open(&key, &status_at(&subject), sealed)
    }

    /// The write that keeps a subject's status.
    pub(super) fn put_status(&self, subject: SubjectId, status: &SubjectStatus) -> Result<Write, Refusal> {
        let sealed = self.seal(&subject, &Class::Evidence, &status_at(&subject), status)?;
        Ok(Write::PutStatus(subject, sealed))
    }

    /// The newest record of a kind, with its values; none where there is none, or its key is destroyed.
    pub(super) fn record(&self, subject: &SubjectId, kind: &KindId) -> Result<Option<Record>, VaultFault> {
        let Some(row) = self.store.record(subject, kind)? else { return Ok(None) };
        let values = self.open(subject, &Class::Values(kind.clone()), &record_at(&row), &row.sealed)?;
        Ok(values.map(|values| (row, values)))
    }

    /// The writes that keep a record of a kind: with a new key where the class has none, and with its day of destruction
    /// where it has one.
    pub(super) fn put_record(
        &self,
        kind: &RecordKind,
        row: RecordRow,
        values: &Map<String, Value>,
    ) -> Result<Vec<Write>, Refusal> {
        let (key, new) = self.vault.key_or_new(&row.subject, &Class::Values(row.kind.clone()))?;
        let sealed = key.seal(&record_at(&row), &json(values)?).map_err(VaultFault::from)?;
        let due = due::of_record(kind, &row);
        Ok(new.into_iter().chain(due).chain([Write::PutRecord(RecordRow { sealed, ..row })]).collect())
    }

    /// The values of a draft.
    pub(super) fn draft(&self, row: &DraftRow) -> Result<Option<Map<String, Value>>, VaultFault> {
        self.open(&row.subject, &Class::Values(row.kind.clone()), &draft_at(row), &row.sealed)
    }

    /// The writes that keep a draft.
    pub(super) fn put_draft(&self, row: DraftRow, values: &Map<String, Value>) -> Result<Vec<Write>, Refusal> {
        let (key, new) = self.vault.key_or_new(&row.subject, &Class::Values(row.kind.clone()))?;
        let sealed = key.seal(&draft_at(&row), &json(values)?).map_err(VaultFault::from)?;
        Ok(new.into_iter().chain([Write::PutDraft(DraftRow { sealed, ..row })]).collect())
    }

    /// The write that keeps a notice.
    pub(super) fn put_notice(&self, row: &NoticeRow, says: &impl Serialize) -> Result<Write, Refusal> {
        let at = Address { table: "notices", row: row.id.bytes(), field: "notice", version: 1 };
        let sealed = self.seal(&row.subject, &Class::Evidence, &at, says)?;
        Ok(Write::PutNotice(NoticeRow { sealed, ..row.clone() }))
    }

    fn seal(
        &self,
        subject: &SubjectId,
        class: &Class,
        at: &Address<'_>,
        value: &impl Serialize,
    ) -> Result<Vec<u8>, Refusal> {
        let key = self.vault.key(subject, class)?.ok_or(Refusal::Unknown)?;
        Ok(key.seal(at, &json(value)?).map_err(VaultFault::from)?)
    }

    fn open<T: DeserializeOwned>(
        &self,
        subject: &SubjectId,
        class: &Class,
        at: &Address<'_>,
        sealed: &[u8],
    ) -> Result<Option<T>, VaultFault> {
        self.vault.key(subject, class)?.map(|key| open(&key, at, sealed)).transpose()
    }
}

fn open<T: DeserializeOwned>(key: &SealingKey, at: &Address<'_>, sealed: &[u8]) -> Result<T, VaultFault> {
    let plain = key.open(at, sealed)?;
    let value = serde_json::from_slice(&plain);
    value.map_err(|_| Fault::Broken(format!("a sealed row of {} is not what it was", at.table)).into())
}

impl policy::Vault for Safe {
    fn values(&self, subject: &SubjectId, kind: &KindId) -> Result<Option<Record>, Fault> {
        self.record(subject, kind).map_err(as_of_store)
    }
}

/// Records read together with the facts, still sealed.
pub(super) struct StandingRecords<'a> {
    vault: &'a Vault,
    records: Vec<(RecordRow, WrappedKey)>,
}

impl policy::Vault for StandingRecords<'_> {
    fn values(&self, subject: &SubjectId, kind: &KindId) -> Result<Option<Record>, Fault> {
        let found = self.records.iter().find(|(row, _)| row.subject == *subject && row.kind == *kind);
        let Some((row, key)) = found else { return Ok(None) };
        let key = self.vault.opened(subject, &Class::Values(kind.clone()), key).map_err(as_of_store)?;
        let values = open(&key, &record_at(row), &row.sealed).map_err(as_of_store)?;
        Ok(Some((row.clone(), values)))
    }
}

fn as_of_store(fault: VaultFault) -> Fault {
    match fault {
        VaultFault::Store(fault) => fault,
        other => Fault::Broken(other.to_string()),
    }
}

fn json(value: &impl Serialize) -> Result<zeroize::Zeroizing<Vec<u8>>, Refusal> {
    let bytes = serde_json::to_vec(value).map_err(|_| Refusal::BadValues)?;
    Ok(zeroize::Zeroizing::new(bytes))
}

fn consent_at(id: &[u8; 16], version: Version) -> Address<'_> {
    Address { table: "consents", row: id, field: "consent", version }
}

fn status_at(subject: &SubjectId) -> Address<'_> {
    Address { table: "subjects", row: subject.bytes(), field: "status", version: 1 }
}

fn record_at(row: &RecordRow) -> Address<'_> {
    Address { table: "records", row: row.subject.bytes(), field: row.kind.as_str(), version: row.version }
}

fn draft_at(row: &DraftRow) -> Address<'_> {
    Address { table: "drafts", row: row.id.bytes(), field: row.kind.as_str(), version: 1 }
}
