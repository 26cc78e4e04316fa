//! Writes, made inside the transaction once their proposal's preconditions hold.

use rusqlite::{Connection, params};

use super::Tx;
use super::counts::Counts;
use super::judge::Sight;
use super::read::origin_text;
use crate::clock::Moment;
use crate::domain::{BodyId, ConsentId, PurposeId, SubjectId};
use crate::store::{
    Appended, Class, Committed, ConsentRow, Draft, DraftRow, DueRow, GrantRow, GrantedOn, Hash, Head, Leaf, NoticeRow,
    Outcome, Proposal, RecordRow, Write,
};

/// Of the tree's nodes, those of every eighth level are kept; the rest follow from them.
const KEPT_LEVELS: usize = 8;

/// One batch under way.
pub(super) struct Run<'a> {
    tx: &'a Tx<'a>,
    counts: &'a Counts,
    head: Head,
    time: Moment,
    next: u64,
    taken: Vec<(ConsentId, u64)>,
    bundles: Vec<Hash>,
}

impl<'a> Run<'a> {
    pub(super) fn new(tx: &'a Tx<'a>, counts: &'a Counts, before: &Head, time: Moment) -> Self {
        Self { tx, counts, head: before.clone(), time, next: before.size, taken: Vec::new(), bundles: Vec::new() }
    }

    /// Judges and writes the proposals in order.
    pub(super) fn all(&mut self, proposals: &[Proposal]) -> rusqlite::Result<Vec<Outcome>> {
        proposals.iter().map(|proposal| self.one(proposal)).collect()
    }

    /// The head's other members after the batch, the bundle in force at each entry, and the uses that were taken.
    pub(super) fn into_after(self) -> (Head, Vec<Hash>, Vec<(ConsentId, u64)>) {
        (self.head, self.bundles, self.taken)
    }

    fn one(&mut self, proposal: &Proposal) -> rusqlite::Result<Outcome> {
        let sight = Sight { db: self.tx, counts: self.counts, head: &self.head, time: self.time, taken: &self.taken };
        for condition in &proposal.preconditions {
            if !sight.holds(condition)? {
                return Ok(Err(condition.clone()));
            }
        }
        let index = self.next;
        for write in &proposal.writes {
            self.write(write, index)?;
        }
        if let Some(entry) = &proposal.entry {
            self.link(entry, index)?;
            self.bundles.push(self.head.bundle);
            self.next += 1;
        }
        Ok(Ok(Committed { index: proposal.entry.is_some().then_some(index), time: self.time }))
    }

    fn link(&mut self, entry: &Draft, index: u64) -> rusqlite::Result<()> {
        let Some(link) = &entry.link else { return Ok(()) };
        let used = link.used.as_ref().map(ConsentId::bytes);
        self.run("INSERT INTO links VALUES (?1, ?2, ?3)", params![index, link.subject.bytes(), used])?;
        self.taken.extend(link.used.map(|consent| (consent, index)));
        Ok(())
    }

    fn write(&mut self, write: &Write, index: u64) -> rusqlite::Result<()> {
        match write {
            Write::Activate(digest, body) => self.activate(digest, body),
            Write::StopClient(client) => {
                self.head.epoch += 1;
                self.run("INSERT OR IGNORE INTO stopped VALUES (?1)", [client.as_str()])
            }
            Write::RaiseEphemeral => {
                self.head.ephemeral += 1;
                self.head.ephemeral_since = self.time;
                Ok(())
            }
            Write::PutSubject(id) => self.run("INSERT INTO subjects VALUES (?1, 1, NULL)", [id.bytes()]),
            Write::PutIdentity(lookup, subject) => {
                self.run("INSERT INTO identities VALUES (?1, ?2)", params![lookup, subject.bytes()])
            }
            Write::MoveSubject(id) => self.run("UPDATE subjects SET version = version + 1 WHERE id = ?1", [id.bytes()]),
            Write::PutStatus(id, sealed) => {
                self.run("UPDATE subjects SET status = ?2 WHERE id = ?1", params![id.bytes(), sealed])
            }
            Write::PutKey(id, class, key) => self.run(
                "INSERT INTO keys VALUES (?1, ?2, ?3, ?4)",
                params![id.bytes(), class.name(), key.epoch, key.wrapped],
            ),
            Write::DestroyKeys(id, classes) => self.destroy_keys(id, classes),
            Write::CutLinks(indices) => {
                indices.iter().try_for_each(|index| self.run("DELETE FROM links WHERE idx = ?1", [index]))
            }
            Write::PutLogKey(year, key) => {
                self.run("INSERT INTO log_keys VALUES (?1, ?2, ?3)", params![year, key.epoch, key.wrapped])
            }
            Write::PutRecord(record) => self.put_record(record),
            Write::PutConsent(consent) => self.put_consent(consent, index),
            Write::PutPseudonym(id, body, pseudonym) => self.run(
                "INSERT INTO pseudonyms VALUES (?1, ?2, ?3)",
                params![id.bytes(), body.as_str(), pseudonym.bytes()],
            ),
            Write::DropPseudonyms(id) => {
                self.run("DELETE FROM pseudonyms WHERE subject = ?1", [id.bytes()])?;
                self.run("DELETE FROM basis_uses WHERE subject = ?1", [id.bytes()])
            }
            Write::PutGrant(grant) => self.put_grant(grant),
            Write::RevokeGrantsOf(id) => self.run("UPDATE grants SET revoked = 1 WHERE consent = ?1", [id.bytes()]),
            Write::TakeBasisUse { agreement, subject, from } => self.run(
                "INSERT INTO basis_uses VALUES (?1, ?2, ?3, 1) ON CONFLICT DO UPDATE SET uses = uses + 1",
                params![subject.bytes(), agreement.as_str(), from.to_string()],
            ),
            Write::PutKeyUse(client, key, body) => {
                self.run("INSERT INTO key_uses VALUES (?1, ?2, ?3, ?4)", params![client.as_str(), key, index, body])
            }
            Write::Spend(digest, until) => {
                self.run("DELETE FROM spent WHERE until <= ?1", [self.time.unix()])?;
                self.run("INSERT INTO spent VALUES (?1, ?2)", params![digest, until.unix()])
            }
            Write::PutDraft(draft) => self.put_draft(draft),
            Write::SignOut(lookup) => self.run(
                "INSERT INTO sign_outs VALUES (?1, 1) ON CONFLICT (lookup) DO UPDATE SET count = count + 1",
                [lookup],
            ),
            Write::DropDraft(id) => self.run("DELETE FROM drafts WHERE id = ?1", [id.bytes()]),
            Write::PutNotice(notice) => self.put_notice(notice),
            Write::ReadNotice(id, at) => self.run(
                "UPDATE notices SET read_at = ?2 WHERE id = ?1 AND read_at IS NULL",
                params![id.bytes(), at.unix()],
            ),
            Write::PutDue(due) => self.put_due(due),
            Write::DoneDue(key) => self.run("DELETE FROM due WHERE key = ?1", [key]),
        }
    }

    fn activate(&mut self, digest: &Hash, body: &[u8]) -> rusqlite::Result<()> {
        self.head.bundle = *digest;
        self.head.epoch += 1;
        self.run("INSERT OR IGNORE INTO bundles VALUES (?1, ?2)", params![digest, body])
    }

    fn destroy_keys(&self, id: &SubjectId, classes: &[Class]) -> rusqlite::Result<()> {
        for class in classes {
            self.run("DELETE FROM keys WHERE subject = ?1 AND class = ?2", params![id.bytes(), class.name()])?;
            if let Class::Values(kind) = class {
                self.run("DELETE FROM records WHERE subject = ?1 AND kind = ?2", params![id.bytes(), kind.as_str()])?;
            } else {
                self.run("UPDATE subjects SET status = NULL WHERE id = ?1", [id.bytes()])?;
                self.run("DELETE FROM notices WHERE subject = ?1", [id.bytes()])?;
                self.run("UPDATE grants SET revoked = 1 WHERE subject = ?1", [id.bytes()])?;
            }
        }
        self.run("DELETE FROM drafts WHERE subject = ?1", [id.bytes()])?;
        // Not before the last: the keys that stay have dates of their own.
        let last = "DELETE FROM due WHERE subject = ?1 AND NOT EXISTS (SELECT 1 FROM keys WHERE subject = ?1)";
        self.run(last, [id.bytes()])
    }

    fn put_record(&self, record: &RecordRow) -> rusqlite::Result<()> {
        self.run(
            "INSERT INTO records VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                record.subject.bytes(),
                record.kind.as_str(),
                record.version,
                record.holder.as_str(),
                record.purpose.as_str(),
                origin_text(record.origin),
                record.via.as_ref().map(BodyId::as_str),
                record.at.unix(),
                record.issued.map(|day| day.to_string()),
                record.valid_until.map(|day| day.to_string()),
                record.concerns,
                record.sealed
            ],
        )
    }

    fn put_consent(&self, consent: &ConsentRow, index: u64) -> rusqlite::Result<()> {
        self.run(
            "INSERT INTO consents VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO UPDATE
             SET receiving = excluded.receiving, version = excluded.version, entry = excluded.entry,
                 sealed = excluded.sealed",
            params![
                consent.id.bytes(),
                consent.subject.bytes(),
                consent.receiving.as_str(),
                consent.purpose.as_str(),
                consent.version,
                consent.max_uses,
                index,
                consent.sealed
            ],
        )
    }

    fn put_grant(&self, grant: &GrantRow) -> rusqlite::Result<()> {
        let (consent, subject, purpose) = match &grant.on {
            GrantedOn::Consent(consent) => (Some(consent), None, None),
            GrantedOn::Basis { subject, purpose } => (None, Some(subject), Some(purpose)),
        };
        self.run(
            "INSERT INTO grants VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                grant.id.bytes(),
                grant.client.as_str(),
                consent.map(ConsentId::bytes),
                subject.map(SubjectId::bytes),
                purpose.map(PurposeId::as_str),
                grant.until.unix(),
                grant.revoked
            ],
        )
    }

    fn put_notice(&self, notice: &NoticeRow) -> rusqlite::Result<()> {
        self.run(
            "INSERT INTO notices VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                notice.id.bytes(),
                notice.subject.bytes(),
                notice.at.unix(),
                notice.sealed,
                notice.read.map(Moment::unix)
            ],
        )
    }

    fn put_due(&self, due: &DueRow) -> rusqlite::Result<()> {
        self.run(
            "INSERT INTO due VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (key) DO UPDATE SET at = excluded.at",
            params![due.key, due.at.unix(), due.job, due.target, due.subject.as_ref().map(SubjectId::bytes)],
        )
    }

    fn put_draft(&self, draft: &DraftRow) -> rusqlite::Result<()> {
        self.run("DELETE FROM drafts WHERE until <= ?1", [self.time.unix()])?;
        self.run(
            "INSERT INTO drafts VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                draft.id.bytes(),
                draft.subject.bytes(),
                draft.kind.as_str(),
                draft.client.as_str(),
                draft.until.unix(),
                draft.sealed
            ],
        )
    }

    fn run(&self, sql: &str, params: impl rusqlite::Params) -> rusqlite::Result<()> {
        self.tx.prepare_cached(sql)?.execute(params).map(|_| ())
    }
}

/// Inserts the batch's entries and reads their leaves back.
pub(super) fn entries(
    tx: &Tx<'_>,
    from: u64,
    new: &Appended,
    drafts: &[(&Draft, Hash)],
) -> rusqlite::Result<Vec<Leaf>> {
    let mut insert = tx.prepare_cached("INSERT INTO entries VALUES (?1, ?2, ?3, ?4)")?;
    for ((index, leaf), draft) in (from..).zip(&new.leaves).zip(drafts.iter().map(|(draft, _)| draft)) {
        insert.execute(params![index, leaf, draft.act, draft.person])?;
    }
    let mut node = tx.prepare_cached("INSERT INTO nodes VALUES (?1, ?2, ?3)")?;
    for (number, level) in new.nodes.iter().enumerate().skip(KEPT_LEVELS).step_by(KEPT_LEVELS) {
        for (position, hash) in (level.first..).zip(&level.hashes) {
            node.execute(params![number, position, hash])?;
        }
    }
    super::read::leaves(tx, from, new.leaves.len())
}

/// Keeps the batch's checkpoint.
pub(super) fn checkpoint(tx: &Tx<'_>, size: u64, note: &str) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO checkpoints VALUES (?1, ?2)")?.execute(params![size, note]).map(|_| ())
}

/// Writes the head.
pub(super) fn head(db: &Connection, head: &Head) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE head SET size = ?1, root = ?2, range = ?3, time = ?4, epoch = ?5, bundle = ?6, ephemeral = ?7,
         ephemeral_since = ?8",
    )?
    .execute(params![
        head.size,
        head.root,
        head.range.concat(),
        head.time.unix(),
        head.epoch,
        head.bundle,
        head.ephemeral,
        head.ephemeral_since.unix()
    ])
    .map(|_| ())
}
