//! Uses taken under each consent, counted without touching a row per release: recent uses are in memory, and rebuilt at
//! start from the tail of `links` by the same function that counts them every day; older ones are folded into `counts`
//! in sorted chunks, a few with each batch.
//!
//! INVARIANT: uses = row + older (unless the row already holds them: `upto` ≥ boundary) + recent.

use std::collections::HashMap;

use rusqlite::{OptionalExtension as _, Transaction, params};

use crate::domain::ConsentId;

/// Recent uses held in memory before they are folded; few under test, so that every test run folds.
const HELD: usize = if cfg!(test) { 8 } else { 65_536 };
/// Rows folded with one batch.
const CHUNK: usize = if cfg!(test) { 2 } else { 512 };

/// Uses not yet in `counts`.
#[derive(Debug, Default)]
pub(super) struct Counts {
    recent: HashMap<ConsentId, u64>,
    recent_uses: usize,
    older: HashMap<ConsentId, u64>,
    /// Keys of `older` still to be folded, sorted; empty when no fold is under way.
    to_fold: Vec<ConsentId>,
    /// Index below which entries are in `older` or in `counts`.
    boundary: u64,
}

/// How far a batch folded; becomes true when the batch is durable.
pub(super) struct Folded(usize);

impl Counts {
    /// Rebuilds what was in memory from the links above the folded mark.
    pub(super) fn load(tx: &Transaction<'_>) -> rusqlite::Result<Self> {
        let (folded, folding): (u64, u64) =
            tx.query_row("SELECT folded, folding FROM head", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut counts = Self { boundary: folding.max(folded), ..Self::default() };
        let mut links = tx.prepare("SELECT idx, used FROM links WHERE idx >= ?1 AND used IS NOT NULL ORDER BY idx")?;
        let mut rows = links.query([folded])?;
        while let Some(row) = rows.next()? {
            let (index, consent): (u64, [u8; 16]) = (row.get(0)?, row.get(1)?);
            counts.take(ConsentId::new(consent), index);
        }
        counts.to_fold = counts.older.keys().copied().collect();
        counts.to_fold.sort_unstable();
        Ok(counts)
    }

    /// Uses of `consent` so far.
    pub(super) fn uses(&self, tx: &rusqlite::Connection, consent: &ConsentId) -> rusqlite::Result<u64> {
        let row: Option<(u64, u64)> = tx
            .prepare_cached("SELECT uses, upto FROM counts WHERE consent = ?1")?
            .query_row([consent.bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (folded, upto) = row.unwrap_or_default();
        let older = if upto < self.boundary { self.older.get(consent).copied().unwrap_or(0) } else { 0 };
        Ok(folded + older + self.recent.get(consent).copied().unwrap_or(0))
    }

    /// Counts a use taken by the entry at `index`.
    pub(super) fn take(&mut self, consent: ConsentId, index: u64) {
        if index < self.boundary {
            *self.older.entry(consent).or_default() += 1;
        } else {
            *self.recent.entry(consent).or_default() += 1;
            self.recent_uses += 1;
        }
    }

    /// Folds the next chunk into `counts`, within the batch's transaction, before the batch's own uses are taken.
    pub(super) fn fold(&mut self, tx: &Transaction<'_>, size: u64) -> rusqlite::Result<Folded> {
        if self.to_fold.is_empty() {
            if self.recent_uses < HELD {
                return Ok(Folded(0));
            }
            self.begin(size);
        }
        // With every chunk, not the first alone: the transaction that began the fold may have been undone.
        tx.execute("UPDATE head SET folding = ?1", [self.boundary])?;
        let mut fold = tx.prepare_cached(
            "INSERT INTO counts VALUES (?1, ?2, ?3) ON CONFLICT (consent) DO UPDATE
             SET uses = uses + excluded.uses, upto = excluded.upto WHERE upto < excluded.upto",
        )?;
        let chunk = self.to_fold.len().min(CHUNK);
        for consent in self.to_fold.iter().rev().take(chunk) {
            fold.execute(params![consent.bytes(), self.older.get(consent).copied().unwrap_or(0), self.boundary])?;
        }
        if chunk == self.to_fold.len() {
            tx.execute("UPDATE head SET folded = ?1", [self.boundary])?;
        }
        Ok(Folded(chunk))
    }

    /// The chunk is durable: it need not be folded again.
    pub(super) fn folded(&mut self, done: &Folded) {
        self.to_fold.truncate(self.to_fold.len().saturating_sub(done.0));
        if self.to_fold.is_empty() && done.0 > 0 {
            self.older.clear();
        }
    }

    fn begin(&mut self, size: u64) {
        self.older = std::mem::take(&mut self.recent);
        self.recent_uses = 0;
        self.boundary = size;
        self.to_fold = self.older.keys().copied().collect();
        self.to_fold.sort_unstable();
    }
}
