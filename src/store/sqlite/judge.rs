//! Preconditions, judged inside the transaction.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::counts::Counts;
use crate::clock::{Day, Moment};
use crate::domain::{AgreementId, ConsentId, SubjectId, Version};
use crate::store::{Head, Precondition};

/// What a batch has changed so far in memory, on top of the tables.
pub(super) struct Sight<'a> {
    pub(super) db: &'a Connection,
    pub(super) counts: &'a Counts,
    pub(super) head: &'a Head,
    pub(super) time: Moment,
    pub(super) taken: &'a [(ConsentId, u64)],
}

impl Sight<'_> {
    /// Whether `condition` holds.
    pub(super) fn holds(&self, condition: &Precondition) -> rusqlite::Result<bool> {
        match condition {
            Precondition::Epoch(version) => Ok(self.head.epoch == *version),
            Precondition::Subject(id, version) => Ok(subject_version(self.db, id)? == *version),
            Precondition::Consent(id, version) => Ok(consent_version(self.db, id)? == *version),
            Precondition::UseLeft(id) => self.use_left(id),
            Precondition::BasisUseLeft { agreement, subject, from, most } => {
                Ok(basis_uses(self.db, agreement, subject, *from)? < u64::from(*most))
            }
            Precondition::FreshKey(client, key) => {
                self.absent("SELECT 1 FROM key_uses WHERE client = ?1 AND key = ?2", params![client.as_str(), key])
            }
            Precondition::Unspent(digest) => self.absent("SELECT 1 FROM spent WHERE digest = ?1", params![digest]),
            Precondition::Before(moment) => Ok(self.time < *moment),
            Precondition::GrantStands(id) => self.grant_stands(id.bytes()),
            Precondition::DraftStands(id) => self
                .absent("SELECT 1 FROM drafts WHERE id = ?1 AND until > ?2", params![id.bytes(), self.time.unix()])
                .map(|absent| !absent),
            Precondition::NewIdentity(lookup) => {
                self.absent("SELECT 1 FROM identities WHERE lookup = ?1", params![lookup])
            }
            Precondition::ClientRuns(client) => {
                self.absent("SELECT 1 FROM stopped WHERE client = ?1", params![client.as_str()])
            }
            Precondition::DueStands(key) => {
                self.absent("SELECT 1 FROM due WHERE key = ?1", params![key]).map(|absent| !absent)
            }
        }
    }

    fn absent(&self, sql: &str, params: impl rusqlite::Params) -> rusqlite::Result<bool> {
        Ok(!self.db.prepare_cached(sql)?.exists(params)?)
    }

    fn use_left(&self, id: &ConsentId) -> rusqlite::Result<bool> {
        let most: Option<Option<u64>> = self
            .db
            .prepare_cached("SELECT max_uses FROM consents WHERE id = ?1")?
            .query_row([id.bytes()], |row| row.get(0))
            .optional()?;
        match most {
            None => Ok(false),
            Some(None) => Ok(true),
            Some(Some(most)) => {
                let here = self.taken.iter().filter(|(taken, _)| taken == id).count();
                Ok((self.counts.uses(self.db, id)? + here as u64) < most)
            }
        }
    }

    fn grant_stands(&self, id: &[u8; 16]) -> rusqlite::Result<bool> {
        self.db
            .prepare_cached("SELECT 1 FROM grants WHERE id = ?1 AND revoked = 0 AND until > ?2")?
            .exists(params![id, self.time.unix()])
    }
}

pub(super) fn subject_version(db: &Connection, id: &SubjectId) -> rusqlite::Result<Version> {
    let version = db
        .prepare_cached("SELECT version FROM subjects WHERE id = ?1")?
        .query_row([id.bytes()], |row| row.get(0))
        .optional()?;
    Ok(version.unwrap_or(0))
}

fn consent_version(db: &Connection, id: &ConsentId) -> rusqlite::Result<Version> {
    let version = db
        .prepare_cached("SELECT version FROM consents WHERE id = ?1")?
        .query_row([id.bytes()], |row| row.get(0))
        .optional()?;
    Ok(version.unwrap_or(0))
}

fn basis_uses(db: &Connection, agreement: &AgreementId, subject: &SubjectId, from: Day) -> rusqlite::Result<u64> {
    let uses = db
        .prepare_cached("SELECT uses FROM basis_uses WHERE subject = ?1 AND agreement = ?2 AND from_day = ?3")?
        .query_row(params![subject.bytes(), agreement.as_str(), from.to_string()], |row| row.get(0))
        .optional()?;
    Ok(uses.unwrap_or(0))
}
