//! Rows, read back as the types of the port.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Params, Row, params};

use super::{Fault, Sqlite, broken, judge, truncate_wal};
use crate::clock::Moment;
use crate::domain::{
    Ask, AttributeId, BodyId, ClientId, ConsentId, DraftId, GrantId, KindId, Origin, Pseudonym, SubjectId, Version,
};
use crate::store::{
    Batch, Class, ConsentRow, DraftRow, EntryRow, GrantRow, Hash, Head, KeyUse, Leaf, Proposal, RecordRow, Seal,
    Standing, Store, WrappedKey, Write,
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

const CONSENTS: &str = "SELECT id, subject, version, max_uses, entry, sealed FROM consents";

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
        consent: consent(db, &ask.consent)?,
        ..Standing::default()
    };
    let Some(subject) = standing.consent.as_ref().map(|consent| consent.subject) else { return Ok(standing) };
    standing.subject_version = judge::subject_version(db, &subject)?;
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
    db.prepare_cached("SELECT id, client, consent, until, revoked FROM grants WHERE id = ?1")?
        .query_row([id.bytes()], |row| {
            Ok(GrantRow {
                id: GrantId::new(row.get(0)?),
                client: parse(&text(row, 1)?)?,
                consent: ConsentId::new(row.get(2)?),
                until: Moment::from_unix(row.get(3)?),
                revoked: row.get(4)?,
            })
        })
        .optional()
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
        "SELECT subject, kind, version, holder, purpose, origin, via, at, sealed FROM records
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
        origin: if text(row, 5)? == origin_text(Origin::Subject) { Origin::Subject } else { Origin::IdentityService },
        via: row.get::<_, Option<String>>(6)?.map(|body| parse(&body)).transpose()?,
        at: Moment::from_unix(row.get(7)?),
        sealed: row.get(8)?,
    })
}

fn consent_row(row: &Row<'_>) -> rusqlite::Result<ConsentRow> {
    Ok(ConsentRow {
        id: ConsentId::new(row.get(0)?),
        subject: SubjectId::new(row.get(1)?),
        version: row.get(2)?,
        max_uses: row.get(3)?,
        entry: row.get(4)?,
        sealed: row.get(5)?,
    })
}

fn wrapped_key(row: &Row<'_>) -> rusqlite::Result<WrappedKey> {
    Ok(WrappedKey { epoch: row.get(0)?, wrapped: row.get(1)? })
}

fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    row.get(column)
}

/// A name that no longer parses means that the file was changed from outside.
fn parse<T: FromStr<Err: Display>>(name: &str) -> rusqlite::Result<T> {
    name.parse()
        .map_err(|fault: T::Err| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, fault.to_string().into()))
}

fn destroys(proposals: &[Proposal]) -> bool {
    proposals.iter().flat_map(|proposal| &proposal.writes).any(|write| matches!(write, Write::DestroyKeys(..)))
}

pub(super) fn origin_text(origin: Origin) -> &'static str {
    match origin {
        Origin::Subject => "subject",
        Origin::IdentityService => "identity-service",
    }
}
