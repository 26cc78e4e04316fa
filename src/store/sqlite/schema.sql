-- Format 3. Personal information is in sealed columns only; subjects are random ids that die with their keys.
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    size INTEGER NOT NULL, root BLOB NOT NULL, range BLOB NOT NULL, time INTEGER NOT NULL,
    epoch INTEGER NOT NULL, bundle BLOB NOT NULL,
    ephemeral INTEGER NOT NULL, ephemeral_since INTEGER NOT NULL,
    folded INTEGER NOT NULL, folding INTEGER NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0, zeroblob(32), x'', 0, 0, zeroblob(32), 0, 0, 0, 0);

CREATE TABLE entries (idx INTEGER PRIMARY KEY, leaf BLOB NOT NULL, act BLOB NOT NULL, person BLOB NOT NULL) STRICT;
CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
CREATE TABLE nodes (level INTEGER, position INTEGER, hash BLOB NOT NULL, PRIMARY KEY (level, position)) STRICT, WITHOUT ROWID;

-- Without this one, INSERT OR REPLACE would go past the two that follow.
CREATE TRIGGER entries_follow BEFORE INSERT ON entries
    WHEN NEW.idx <> (SELECT coalesce(max(idx), -1) + 1 FROM entries)
    BEGIN SELECT RAISE(ABORT, 'log rows follow each other'); END;
CREATE TRIGGER entries_stay BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'log rows are never changed'); END;
CREATE TRIGGER entries_remain BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'log rows are never deleted'); END;
CREATE TRIGGER checkpoints_stay BEFORE UPDATE ON checkpoints BEGIN SELECT RAISE(ABORT, 'log rows are never changed'); END;
CREATE TRIGGER checkpoints_remain BEFORE DELETE ON checkpoints BEGIN SELECT RAISE(ABORT, 'log rows are never deleted'); END;
CREATE TRIGGER checkpoints_rise BEFORE INSERT ON checkpoints
    WHEN NEW.size <= (SELECT coalesce(max(size), 0) FROM checkpoints)
    BEGIN SELECT RAISE(ABORT, 'checkpoint sizes rise'); END;

-- Ties entries to subjects, apart from the log so that erasure can cut them; counts of uses are rebuilt from its tail.
CREATE TABLE links (idx INTEGER PRIMARY KEY, subject BLOB NOT NULL, used BLOB) STRICT;
-- Uses taken by entries below `upto`; the rest is in `links`.
CREATE TABLE counts (consent BLOB PRIMARY KEY, uses INTEGER NOT NULL, upto INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE subjects (id BLOB PRIMARY KEY, version INTEGER NOT NULL, status BLOB) STRICT, WITHOUT ROWID;
CREATE TABLE identities (lookup BLOB PRIMARY KEY, subject BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE sign_outs (lookup BLOB PRIMARY KEY, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE keys (subject BLOB, class TEXT, epoch INTEGER NOT NULL, wrapped BLOB NOT NULL, PRIMARY KEY (subject, class)) STRICT, WITHOUT ROWID;
CREATE TABLE log_keys (year INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, wrapped BLOB NOT NULL) STRICT;
CREATE TABLE records (
    subject BLOB, kind TEXT, version INTEGER, holder TEXT NOT NULL, purpose TEXT NOT NULL, origin TEXT NOT NULL, via TEXT,
    at INTEGER NOT NULL, issued TEXT, valid_until TEXT, concerns BLOB, sealed BLOB NOT NULL,
    PRIMARY KEY (subject, kind, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE consents (
    id BLOB PRIMARY KEY, subject BLOB NOT NULL, receiving TEXT NOT NULL, purpose TEXT NOT NULL, version INTEGER NOT NULL,
    max_uses INTEGER, entry INTEGER NOT NULL, sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX consents_of ON consents (subject, entry);
CREATE INDEX consents_for ON consents (receiving, purpose, id);
CREATE TABLE pseudonyms (subject BLOB, body TEXT, pseudonym BLOB NOT NULL UNIQUE, PRIMARY KEY (subject, body)) STRICT, WITHOUT ROWID;
-- A grant rests on a consent, or on a basis for one subject and purpose.
CREATE TABLE grants (
    id BLOB PRIMARY KEY, client TEXT NOT NULL, consent BLOB, subject BLOB, purpose TEXT,
    until INTEGER NOT NULL, revoked INTEGER NOT NULL,
    CHECK ((subject IS NULL) = (purpose IS NULL) AND (consent IS NULL) <> (subject IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_of ON grants (consent) WHERE consent IS NOT NULL;
CREATE INDEX grants_for ON grants (subject) WHERE subject IS NOT NULL;
-- How often an agreement was used for a subject in the period that began on a local day.
CREATE TABLE basis_uses (subject BLOB, agreement TEXT, from_day TEXT, uses INTEGER NOT NULL, PRIMARY KEY (subject, agreement, from_day)) STRICT, WITHOUT ROWID;
CREATE TABLE key_uses (client TEXT, key TEXT, entry INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (client, key)) STRICT, WITHOUT ROWID;
CREATE TABLE spent (digest BLOB PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- What has run out is purged with each write: by its end, not by a scan.
CREATE INDEX spent_until ON spent (until);
CREATE TABLE drafts (id BLOB PRIMARY KEY, subject BLOB NOT NULL, kind TEXT NOT NULL, client TEXT NOT NULL, until INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX drafts_of ON drafts (subject);
CREATE INDEX drafts_until ON drafts (until);
CREATE TABLE notices (id BLOB PRIMARY KEY, subject BLOB NOT NULL, at INTEGER NOT NULL, sealed BLOB NOT NULL, read_at INTEGER) STRICT, WITHOUT ROWID;
CREATE INDEX notices_of ON notices (subject, at);
CREATE TABLE due (key BLOB PRIMARY KEY, at INTEGER NOT NULL, job TEXT NOT NULL, target BLOB NOT NULL, subject BLOB) STRICT, WITHOUT ROWID;
CREATE INDEX due_at ON due (at);
CREATE INDEX due_of ON due (subject) WHERE subject IS NOT NULL;
CREATE TABLE bundles (digest BLOB PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE stopped (client TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
