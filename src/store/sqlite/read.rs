//! Rows, read back as the types of the port.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Params, Row, params};

use super::{Fault, Sqlite, broken, judge, truncate_wal};
use crate::clock::Moment;
use crate::domain::{
    Ask, AttributeId, BodyId, ClientId, ConsentId, DraftId, GrantId, KindId, NoticeId, Origin, Pseudonym, PurposeId,
    SubjectId, Version,
};
use crate::store::{
    Batch, Class, ConsentRow, DraftRow, DueRow, EntryRow, GrantRow, GrantedOn, Hash, Head, KeyUse, Leaf, NoticeRow,
    Proposal, RecordRow, Seal, Standing, Store, WrappedKey, Write,
};

impl Store for Sqlite {
    fn health(&self) -> Result<(), Fault> {
        self.writer().broken.clone().map_or(Ok(()), Err)
    }

    fn commit(&self, proposals: &[Proposal], now: Moment, seal: &dyn Seal) -> Result<Batch, Fault> {
        let mut writer = self.writer();
        if let Some(fault) = &writer.broken {
            return Err(fault.clone());
        }
        let result = writer.commit(proposals, now, seal);
        match &result {
            Err(fault @ Fault::Broken(_)) => writer.broken = Some(fault.clone()),
            Ok(_) if destroys(proposals) => truncate_wal(&writer.db),
            _ => {}
        }
        result
    }

    fn head(&self) -> Result<Head, Fault> {
        self.read(head)
    }

    fn subject_version(&self, subject: &SubjectId) -> Result<Version, Fault> {
        self.read(|db| judge::subject_version(db, subject))
    }

    fn status(&self, subject: &SubjectId) -> Result<Option<Vec<u8>>, Fault> {
        self.read(|db| subject_row(db, subject)).map(|(_, status)| status)
    }

    fn identity(&self, lookup: &Hash) -> Result<Option<SubjectId>, Fault> {
        self.one("SELECT subject FROM identities WHERE lookup = ?1", [lookup], |row| row.get(0).map(SubjectId::new))
    }

    fn sign_outs(&self, lookup: &Hash) -> Result<u64, Fault> {
        let count = self.one("SELECT count FROM sign_outs WHERE lookup = ?1", [lookup], |row| row.get(0))?;
        Ok(count.unwrap_or(0))
    }

    fn key(&self, subject: &SubjectId, class: &Class) -> Result<Option<WrappedKey>, Fault> {
        self.read(|db| key(db, subject, class))
    }

    fn classes(&self, subject: &SubjectId) -> Result<Vec<Class>, Fault> {
        self.all("SELECT class FROM keys WHERE subject = ?1 ORDER BY class", [subject.bytes()], |row| {
            let name = text(row, 0)?;
            match name.strip_prefix("values:") {
                Some(kind) => parse(kind).map(Class::Values),
                None => Ok(Class::Evidence),
            }
        })
    }

    fn log_key(&self, year: i16) -> Result<Option<WrappedKey>, Fault> {
        self.one("SELECT epoch, wrapped FROM log_keys WHERE year = ?1", [year], wrapped_key)
    }

    fn record(&self, subject: &SubjectId, kind: &KindId) -> Result<Option<RecordRow>, Fault> {
        self.read(|db| record(db, subject, kind))
    }

    fn consent(&self, id: &ConsentId) -> Result<Option<ConsentRow>, Fault> {
        self.read(|db| consent(db, id))
    }

    fn consents_of(&self, subject: &SubjectId) -> Result<Vec<ConsentRow>, Fault> {
        self.all(&format!("{CONSENTS} WHERE subject = ?1 ORDER BY entry DESC"), [subject.bytes()], consent_row)
    }

    fn consents_for(
        &self,
        receiving: &BodyId,
        purpose: Option<&PurposeId>,
        after: Option<ConsentId>,
        limit: usize,
    ) -> Result<Vec<ConsentRow>, Fault> {
        let id = after.as_ref().map_or(&[][..], |id| id.bytes());
        if let Some(purpose) = purpose {
            let page = format!("{CONSENTS} WHERE receiving = ?1 AND purpose = ?2 AND id > ?3 ORDER BY id LIMIT ?4");
            return self.all(&page, params![receiving.as_str(), purpose.as_str(), id, limit], consent_row);
        }
        let place = after.map(|after| self.consent(&after)).transpose()?.flatten();
        let purpose = place.as_ref().map_or("", |row| row.purpose.as_str());
        let page = "WHERE receiving = ?1 AND (purpose, id) > (?2, ?3) ORDER BY purpose, id LIMIT ?4";
        self.all(&format!("{CONSENTS} {page}"), params![receiving.as_str(), purpose, id, limit], consent_row)
    }

    fn uses(&self, id: &ConsentId) -> Result<u64, Fault> {
        let writer = self.writer();
        writer.counts.uses(&writer.db, id).map_err(|fault| broken(&fault))
    }

    fn pseudonym(&self, subject: &SubjectId, body: &BodyId) -> Result<Option<Pseudonym>, Fault> {
        self.read(|db| pseudonym(db, subject, body))
    }

    fn standing(&self, ask: &Ask, client: &ClientId, body: &BodyId) -> Result<Standing, Fault> {
        self.read(|db| {
            // One transaction: a lock taken once, and one moment for all of it.
            let tx = db.unchecked_transaction()?;
            let standing = standing(&tx, ask, client, body)?;
            tx.commit()?;
            Ok(standing)
        })
    }

    fn key_use(&self, client: &ClientId, key: &str) -> Result<Option<KeyUse>, Fault> {
        self.read(|db| key_use(db, client, key))
    }

    fn draft(&self, id: &DraftId) -> Result<Option<DraftRow>, Fault> {
        self.one("SELECT id, subject, kind, client, until, sealed FROM drafts WHERE id = ?1", [id.bytes()], |row| {
            Ok(DraftRow {
                id: DraftId::new(row.get(0)?),
                subject: SubjectId::new(row.get(1)?),
                kind: parse(&text(row, 2)?)?,
                client: parse(&text(row, 3)?)?,
                until: Moment::from_unix(row.get(4)?),
                sealed: row.get(5)?,
            })
        })
    }

    fn notices_of(&self, subject: &SubjectId, limit: usize) -> Result<Vec<NoticeRow>, Fault> {
        self.all(
            "SELECT id, subject, at, sealed, read_at FROM notices WHERE subject = ?1 ORDER BY at DESC, id DESC LIMIT ?2",
            params![subject.bytes(), limit],
            |row| {
                Ok(NoticeRow {
                    id: NoticeId::new(row.get(0)?),
                    subject: SubjectId::new(row.get(1)?),
                    at: Moment::from_unix(row.get(2)?),
                    sealed: row.get(3)?,
                    read: row.get::<_, Option<i64>>(4)?.map(Moment::from_unix),
                })
            },
        )
    }

    fn due(&self, before: Moment, limit: usize) -> Result<Vec<DueRow>, Fault> {
        self.all(
            "SELECT key, at, job, target, subject FROM due WHERE at < ?1 ORDER BY at, key LIMIT ?2",
            params![before.unix(), limit],
            |row| {
                Ok(DueRow {
                    key: row.get(0)?,
                    at: Moment::from_unix(row.get(1)?),
                    job: row.get(2)?,
                    target: row.get(3)?,
                    subject: row.get::<_, Option<[u8; 16]>>(4)?.map(SubjectId::new),
                })
            },
        )
    }

    fn bundle(&self, digest: &Hash) -> Result<Option<Vec<u8>>, Fault> {
        self.one("SELECT body FROM bundles WHERE digest = ?1", [digest], |row| row.get(0))
    }

    fn stopped(&self) -> Result<Vec<ClientId>, Fault> {
        self.all("SELECT client FROM stopped ORDER BY client", [], |row| parse(&text(row, 0)?))
    }

    fn entries(&self, from: u64, limit: usize) -> Result<Vec<EntryRow>, Fault> {
        self.all(
            "SELECT entries.idx, leaf, act, person, subject FROM entries LEFT JOIN links USING (idx)
             WHERE entries.idx >= ?1 ORDER BY entries.idx LIMIT ?2",
            params![from, limit],
            |row| {
                Ok(EntryRow {
                    index: row.get(0)?,
                    leaf: row.get(1)?,
                    act: row.get(2)?,
                    person: row.get(3)?,
                    subject: row.get::<_, Option<[u8; 16]>>(4)?.map(SubjectId::new),
                })
            },
        )
    }

    fn leaves(&self, from: u64, limit: usize) -> Result<Vec<Leaf>, Fault> {
        self.read(|db| leaves(db, from, limit))
    }

    fn node(&self, level: u8, position: u64) -> Result<Option<Hash>, Fault> {
        self.one("SELECT hash FROM nodes WHERE level = ?1 AND position = ?2", params![level, position], |row| {
            row.get(0)
        })
    }

    fn checkpoints(&self, after: u64, limit: usize) -> Result<Vec<(u64, String)>, Fault> {
        self.all(
            "SELECT size, note FROM checkpoints WHERE size > ?1 ORDER BY size LIMIT ?2",
            params![after, limit],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }
}

impl Sqlite {
    fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Fault> {
        self.read(|db| db.prepare_cached(sql)?.query_row(params, read).optional())
    }

    fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Fault> {
        self.read(|db| db.prepare_cached(sql)?.query_map(params, read)?.collect())
    }
}

const CONSENTS: &str = "SELECT id, subject, receiving, purpose, version, max_uses, entry, sealed FROM consents";

pub(super) fn head(db: &Connection) -> rusqlite::Result<Head> {
    db.prepare_cached("SELECT size, root, range, time, epoch, bundle, ephemeral, ephemeral_since FROM head")?.query_row(
        [],
        |row| {
            let range: Vec<u8> = row.get(2)?;
            Ok(Head {
                size: row.get(0)?,
                root: row.get(1)?,
                range: range.chunks_exact(32).filter_map(|hash| hash.try_into().ok()).collect(),
                time: Moment::from_unix(row.get(3)?),
                epoch: row.get(4)?,
                bundle: row.get(5)?,
                ephemeral: row.get(6)?,
                ephemeral_since: Moment::from_unix(row.get(7)?),
            })
        },
    )
}

pub(super) fn leaves(db: &Connection, from: u64, limit: usize) -> rusqlite::Result<Vec<Leaf>> {
    db.prepare_cached("SELECT leaf FROM entries WHERE idx >= ?1 ORDER BY idx LIMIT ?2")?
        .query_map(params![from, limit], |row| row.get(0))?
        .collect()
}

fn standing(db: &Connection, ask: &Ask, client: &ClientId, body: &BodyId) -> rusqlite::Result<Standing> {
    let mut standing = Standing {
        key_use: key_use(db, client, &ask.idempotency_key)?,
        grant: grant(db, &ask.grant)?,
        ..Standing::default()
    };
    let subject = match standing.grant.as_ref().map(|grant| &grant.on) {
        Some(GrantedOn::Basis { subject, .. }) => Some(*subject),
        Some(GrantedOn::Consent(_)) | None => {
            standing.consent = ask.on.consent().map_or(Ok(None), |id| consent(db, &id))?;
            standing.consent.as_ref().map(|consent| consent.subject)
        }
    };
    let Some(subject) = subject else { return Ok(standing) };
    (standing.subject_version, standing.status) = subject_row(db, &subject)?;
    standing.evidence = key(db, &subject, &Class::Evidence)?;
    standing.pseudonym = pseudonym(db, &subject, body)?;
    let kinds: BTreeSet<KindId> = ask.attributes.iter().map(AttributeId::kind).collect();
    for kind in kinds {
        let row = record(db, &subject, &kind)?;
        standing.records.extend(row.zip(key(db, &subject, &Class::Values(kind))?));
    }
    Ok(standing)
}

fn key_use(db: &Connection, client: &ClientId, key: &str) -> rusqlite::Result<Option<KeyUse>> {
    db.prepare_cached("SELECT entry, body FROM key_uses WHERE client = ?1 AND key = ?2")?
        .query_row(params![client.as_str(), key], |row| Ok(KeyUse { entry: row.get(0)?, body: row.get(1)? }))
        .optional()
}

fn grant(db: &Connection, id: &GrantId) -> rusqlite::Result<Option<GrantRow>> {
    db.prepare_cached("SELECT id, client, consent, subject, purpose, until, revoked FROM grants WHERE id = ?1")?
        .query_row([id.bytes()], |row| {
            let on = match row.get::<_, Option<[u8; 16]>>(2)? {
                Some(consent) => GrantedOn::Consent(ConsentId::new(consent)),
                None => GrantedOn::Basis { subject: SubjectId::new(row.get(3)?), purpose: parse(&text(row, 4)?)? },
            };
            Ok(GrantRow {
                id: GrantId::new(row.get(0)?),
                client: parse(&text(row, 1)?)?,
                on,
                until: Moment::from_unix(row.get(5)?),
                revoked: row.get(6)?,
            })
        })
        .optional()
}

/// The subject's version, 0 when there is none, and its status.
fn subject_row(db: &Connection, id: &SubjectId) -> rusqlite::Result<(Version, Option<Vec<u8>>)> {
    let row = db
        .prepare_cached("SELECT version, status FROM subjects WHERE id = ?1")?
        .query_row([id.bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(row.unwrap_or_default())
}

fn consent(db: &Connection, id: &ConsentId) -> rusqlite::Result<Option<ConsentRow>> {
    db.prepare_cached(&format!("{CONSENTS} WHERE id = ?1"))?.query_row([id.bytes()], consent_row).optional()
}

fn key(db: &Connection, subject: &SubjectId, class: &Class) -> rusqlite::Result<Option<WrappedKey>> {
    db.prepare_cached("SELECT epoch, wrapped FROM keys WHERE subject = ?1 AND class = ?2")?
        .query_row(params![subject.bytes(), class.name()], wrapped_key)
        .optional()
}

fn pseudonym(db: &Connection, subject: &SubjectId, body: &BodyId) -> rusqlite::Result<Option<Pseudonym>> {
    db.prepare_cached("SELECT pseudonym FROM pseudonyms WHERE subject = ?1 AND body = ?2")?
        .query_row(params![subject.bytes(), body.as_str()], |row| row.get(0).map(Pseudonym::new))
        .optional()
}

fn record(db: &Connection, subject: &SubjectId, kind: &KindId) -> rusqlite::Result<Option<RecordRow>> {
    db.prepare_cached(
        "SELECT subject, kind, version, holder, purpose, origin, via, at, issued, valid_until, concerns, sealed FROM records
         WHERE subject = ?1 AND kind = ?2 ORDER BY version DESC LIMIT 1",
    )?
    .query_row(params![subject.bytes(), kind.as_str()], record_row)
    .optional()
}

fn record_row(row: &Row<'_>) -> rusqlite::Result<RecordRow> {
    Ok(RecordRow {
        subject: SubjectId::new(row.get(0)?),
        kind: parse(&text(row, 1)?)?,
        version: row.get(2)?,
        holder: parse(&text(row, 3)?)?,
        purpose: parse(&text(row, 4)?)?,
        origin: origin(&text(row, 5)?)?,
        via: parsed(row, 6)?,
        at: Moment::from_unix(row.get(7)?),
        issued: parsed(row, 8)?,
        valid_until: parsed(row, 9)?,
        concerns: row.get(10)?,
        sealed: row.get(11)?,
    })
}

fn consent_row(row: &Row<'_>) -> rusqlite::Result<ConsentRow> {
    Ok(ConsentRow {
        id: ConsentId::new(row.get(0)?),
        subject: SubjectId::new(row.get(1)?),
        receiving: parse(&text(row, 2)?)?,
        purpose: parse(&text(row, 3)?)?,
        version: row.get(4)?,
        max_uses: row.get(5)?,
        entry: row.get(6)?,
        sealed: row.get(7)?,
    })
}

fn wrapped_key(row: &Row<'_>) -> rusqlite::Result<WrappedKey> {
    Ok(WrappedKey { epoch: row.get(0)?, wrapped: row.get(1)? })
}

fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    row.get(column)
}

/// A name that may be missing.
fn parsed<T: FromStr<Err: Display>>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    row.get::<_, Option<String>>(column)?.map(|name| parse(&name)).transpose()
}

/// A name that no longer parses means that the file was changed from outside.
fn parse<T: FromStr<Err: Display>>(name: &str) -> rusqlite::Result<T> {
    name.parse().map_err(|fault: T::Err| changed_outside(fault.to_string()))
}

fn changed_outside(why: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, why.into())
}

fn destroys(proposals: &[Proposal]) -> bool {
    proposals.iter().flat_map(|proposal| &proposal.writes).any(|write| matches!(write, Write::DestroyKeys(..)))
}

pub(super) fn origin_text(origin: Origin) -> &'static str {
    match origin {
        Origin::Subject => "subject",
        Origin::IdentityService => "identity-service",
        Origin::Attested => "attested",
    }
}

fn origin(name: &str) -> rusqlite::Result<Origin> {
    let origins = [Origin::Subject, Origin::IdentityService, Origin::Attested];
    let found = origins.into_iter().find(|origin| origin_text(*origin) == name);
    found.ok_or_else(|| changed_outside(format!("no origin is called {name}")))
}
