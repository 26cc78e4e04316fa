//! The search projection: what officers and persons look through. Follows the log in a file of its own and can be
//! rebuilt from it; losing it loses nothing.
//!
//! INVARIANT: clear columns only: index, time, type, bodies, purpose, basis, outcome; the subject as a blind index.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Row, params, params_from_iter};

use super::{Fault, Hash};
use crate::clock::Moment;

/// One entry as it is searched.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SearchRow {
    /// Index of the entry.
    pub index: u64,
    /// Its time.
    pub time: Moment,
    /// Its event.
    pub event: String,
    /// The body that releases or holds.
    pub releasing: Option<String>,
    /// The body that receives or asks.
    pub receiving: Option<String>,
    /// The purpose.
    pub purpose: Option<String>,
    /// The basis.
    pub basis: Option<String>,
    /// The outcome: what was decided, in one word.
    pub outcome: Option<String>,
    /// Blind index of the subject; none where the entry names nobody, or the subject was erased.
    pub subject: Option<Hash>,
}

/// What to look for; every member given must match.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Events of this type.
    pub event: Option<String>,
    /// Released or received by this body.
    pub body: Option<String>,
    /// For this purpose.
    pub purpose: Option<String>,
    /// Of this subject.
    pub subject: Option<Hash>,
    /// Not before.
    pub from: Option<Moment>,
    /// Before.
    pub until: Option<Moment>,
    /// Index below this one: the key of the page.
    pub before: Option<u64>,
}

/// The projection.
pub struct Search {
    db: Mutex<Connection>,
}

const FILE: &str = "search.sqlite";
const TABLES: &str = "
PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY CHECK (one = 1), next INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO place VALUES (1, 0);
CREATE TABLE IF NOT EXISTS rows (
    idx INTEGER PRIMARY KEY, time INTEGER NOT NULL, event TEXT NOT NULL, releasing TEXT, receiving TEXT, purpose TEXT,
    basis TEXT, outcome TEXT, subject BLOB
) STRICT;
CREATE INDEX IF NOT EXISTS by_event ON rows (event, idx);
CREATE INDEX IF NOT EXISTS by_purpose ON rows (purpose, idx);
CREATE INDEX IF NOT EXISTS by_receiving ON rows (receiving, idx);
CREATE INDEX IF NOT EXISTS by_subject ON rows (subject, idx) WHERE subject IS NOT NULL;
";

impl Search {
    /// Opens the projection in `folder`, empty if there is none.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        let db = Connection::open(folder.join(FILE)).map_err(|fault| broken(&fault))?;
        db.execute_batch(TABLES).map_err(|fault| broken(&fault))?;
        Ok(Self { db: Mutex::new(db) })
    }

    /// Index of the next entry to be projected.
    pub fn next(&self) -> Result<u64, Fault> {
        let db = self.db();
        let next =
            db.prepare_cached("SELECT next FROM place").and_then(|mut next| next.query_row([], |row| row.get(0)));
        next.map_err(|fault| broken(&fault))
    }

    /// Adds rows that adjoin what is there, and moves on to `next`.
    pub fn add(&self, rows: &[SearchRow], next: u64) -> Result<(), Fault> {
        let mut db = self.db();
        insert(&mut db, rows, next).map_err(|fault| broken(&fault))
    }

    /// Rows that match, newest first, at most `limit`.
    pub fn find(&self, filter: &Filter, limit: usize) -> Result<Vec<SearchRow>, Fault> {
        let (clause, values) = filter.clause();
        let sql = format!(
            "SELECT idx, time, event, releasing, receiving, purpose, basis, outcome, subject FROM rows {clause}
             ORDER BY idx DESC LIMIT {limit}"
        );
        let db = self.db();
        let read = || {
            db.prepare_cached(&sql)?.query_map(params_from_iter(&values), search_row)?.collect::<rusqlite::Result<_>>()
        };
        read().map_err(|fault| broken(&fault))
    }

    /// Forgets whose the subject's rows were; the indices of those entries.
    pub fn forget(&self, subject: &Hash) -> Result<Vec<u64>, Fault> {
        let db = self.db();
        let forget = || {
            let indices = db
                .prepare_cached("SELECT idx FROM rows WHERE subject = ?1 ORDER BY idx")?
                .query_map([subject], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<u64>>>()?;
            db.execute("UPDATE rows SET subject = NULL WHERE subject = ?1", [subject])?;
            // What was forgotten still lies in the log of pages until they are moved.
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            Ok(indices)
        };
        forget().map_err(|fault: rusqlite::Error| broken(&fault))
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Filter {
    fn clause(&self) -> (String, Vec<rusqlite::types::Value>) {
        let mut terms = Vec::new();
        let mut values: Vec<rusqlite::types::Value> = Vec::new();
        let mut add = |term: &str, value: rusqlite::types::Value| {
            values.push(value);
            terms.push(term.replace('?', &format!("?{}", values.len())));
        };
        if let Some(event) = &self.event {
            add("event = ?", event.clone().into());
        }
        if let Some(body) = &self.body {
            add("(receiving = ? OR releasing = ?)", body.clone().into());
        }
        if let Some(purpose) = &self.purpose {
            add("purpose = ?", purpose.clone().into());
        }
        if let Some(subject) = &self.subject {
            add("subject = ?", subject.to_vec().into());
        }
        if let Some(from) = self.from {
            add("time >= ?", from.unix().into());
        }
        if let Some(until) = self.until {
            add("time < ?", until.unix().into());
        }
        if let Some(before) = self.before {
            add("idx < ?", i64::try_from(before).unwrap_or(i64::MAX).into());
        }
        let clause = if terms.is_empty() { String::new() } else { format!("WHERE {}", terms.join(" AND ")) };
        (clause, values)
    }
}

fn insert(db: &mut Connection, rows: &[SearchRow], next: u64) -> rusqlite::Result<()> {
    let tx = db.transaction()?;
    {
        let mut insert =
            tx.prepare_cached("INSERT OR REPLACE INTO rows VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
        for row in rows {
            insert.execute(params![
                row.index,
                row.time.unix(),
                row.event,
                row.releasing,
                row.receiving,
                row.purpose,
                row.basis,
                row.outcome,
                row.subject
            ])?;
        }
        tx.prepare_cached("UPDATE place SET next = ?1")?.execute([next])?;
    }
    tx.commit()
}

fn search_row(row: &Row<'_>) -> rusqlite::Result<SearchRow> {
    Ok(SearchRow {
        index: row.get(0)?,
        time: Moment::from_unix(row.get(1)?),
        event: row.get(2)?,
        releasing: row.get(3)?,
        receiving: row.get(4)?,
        purpose: row.get(5)?,
        basis: row.get(6)?,
        outcome: row.get(7)?,
        subject: row.get(8)?,
    })
}

fn broken(fault: &rusqlite::Error) -> Fault {
    Fault::Broken(format!("search projection: {fault}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Folder;

    const SUBJECT: Hash = [1; 32];
    const OTHER: Hash = [2; 32];

    /// Thirty rows that differ in every column.
    fn rows() -> Vec<SearchRow> {
        let pick =
            |index: u64, names: [&str; 2]| (index % 3 != 2).then(|| names[usize::from(index % 3 == 1)].to_owned());
        let row = |index| SearchRow {
            index,
            time: Moment::from_unix(1_000 + i64::try_from(index / 2).unwrap()),
            event: if index % 2 == 0 { "release" } else { "refusal" }.to_owned(),
            releasing: pick(index, ["ville", "ministere"]),
            receiving: pick(index / 3, ["agence", "ville"]),
            purpose: pick(index / 2, ["aide", "bail"]),
            basis: pick(index, ["consent", "act"]),
            outcome: pick(index / 4, ["authorised", "refused"]),
            subject: [Some(SUBJECT), Some(OTHER), None][usize::try_from(index % 3).unwrap()],
        };
        (0..30).map(row).collect()
    }

    fn filled() -> (Folder, Search) {
        let folder = Folder::new();
        let search = Search::open(folder.path()).unwrap();
        search.add(&rows()[..20], 20).unwrap();
        search.add(&rows()[20..], 30).unwrap();
        (folder, search)
    }

    #[track_caller]
    fn finds(filter: &Filter, matches: impl Fn(&SearchRow) -> bool) {
        let (_folder, search) = filled();
        let expected: Vec<SearchRow> = rows().into_iter().rev().filter(matches).collect();
        assert!(!expected.is_empty() && (expected.len() < 30 || filter.clause().0.is_empty()), "the filter filters");
        assert_eq!(search.find(filter, 99).unwrap(), expected);
    }

    #[test]
    fn each_member_filters() {
        let is = |value: &Option<String>, name: &str| value.as_deref() == Some(name);
        let all = Filter::default();
        finds(&all, |_| true);
        finds(&Filter { event: Some("refusal".into()), ..all.clone() }, |row| row.event == "refusal");
        finds(&Filter { body: Some("ville".into()), ..all.clone() }, |row| {
            is(&row.releasing, "ville") || is(&row.receiving, "ville")
        });
        finds(&Filter { purpose: Some("bail".into()), ..all.clone() }, |row| is(&row.purpose, "bail"));
        finds(&Filter { subject: Some(OTHER), ..all.clone() }, |row| row.subject == Some(OTHER));
        let five = Moment::from_unix(1_005);
        finds(&Filter { from: Some(five), ..all.clone() }, |row| row.time >= five);
        finds(&Filter { until: Some(five), ..all.clone() }, |row| row.time < five);
        finds(&Filter { before: Some(7), ..all }, |row| row.index < 7);
    }

    #[test]
    fn members_are_joined_by_and() {
        let (from, until) = (Some(Moment::from_unix(1_002)), Some(Moment::from_unix(1_012)));
        let filter = Filter {
            event: Some("release".into()),
            body: Some("ville".into()),
            purpose: Some("aide".into()),
            subject: Some(SUBJECT),
            from,
            until,
            before: Some(26),
        };
        finds(&filter, |row| {
            let bodies = [row.releasing.as_deref(), row.receiving.as_deref()];
            let what = row.event == "release" && row.purpose.as_deref() == Some("aide");
            let when = Some(row.time) >= from && Some(row.time) < until && row.index < 26;
            what && when && bodies.contains(&Some("ville")) && row.subject == Some(SUBJECT)
        });
        let (_folder, search) = filled();
        let quoted = Filter { body: Some("' OR 1=1 --".into()), ..Filter::default() };
        assert_eq!(search.find(&quoted, 99).unwrap(), []);
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let (_folder, search) = filled();
        let mut filter = Filter { event: Some("release".into()), ..Filter::default() };
        let mut found = Vec::new();
        loop {
            let page = search.find(&filter, 4).unwrap();
            let Some(last) = page.last() else { break };
            filter.before = Some(last.index);
            found.extend(page.into_iter().map(|row| row.index));
        }
        assert!(found.into_iter().eq((0..15).rev().map(|half| half * 2)));
    }

    #[test]
    fn the_place_is_kept() {
        let folder = Folder::new();
        assert_eq!(Search::open(folder.path()).unwrap().next().unwrap(), 0);
        Search::open(folder.path()).unwrap().add(&rows(), 31).unwrap();
        let search = Search::open(folder.path()).unwrap();
        assert_eq!(search.next().unwrap(), 31);
        search.add(&rows(), 31).unwrap();
        assert_eq!(search.find(&Filter::default(), 99).unwrap().len(), 30, "what is added twice is there once");
    }

    #[test]
    fn a_subject_is_forgotten_and_the_rows_stay() {
        let (folder, search) = filled();
        let held = || {
            std::fs::read_dir(folder.path()).unwrap().any(|file| {
                let bytes = std::fs::read(file.unwrap().path()).unwrap();
                bytes.windows(32).any(|window| window == SUBJECT)
            })
        };
        assert!(held(), "the search finds what is there");
        let of_subject = Filter { subject: Some(SUBJECT), ..Filter::default() };
        assert!(search.forget(&SUBJECT).unwrap().into_iter().eq((0..30).step_by(3)));
        assert_eq!(search.find(&of_subject, 99).unwrap(), []);
        assert_eq!(search.find(&Filter { subject: Some(OTHER), ..Filter::default() }, 99).unwrap().len(), 10);
        let rows: Vec<u64> = search.find(&Filter::default(), 99).unwrap().iter().map(|row| row.index).collect();
        assert!(rows.into_iter().eq((0..30).rev()));
        assert!(search.forget(&SUBJECT).unwrap().is_empty());
        assert!(!held(), "and nothing is left of it in the folder");
    }
}
