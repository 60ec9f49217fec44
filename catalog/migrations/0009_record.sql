-- Versioned records: answers to a form about a subject, every version kept.
-- Forms are data files (catalog/forms); a version says which version of its form it answers.

CREATE TABLE record (
    id         INTEGER PRIMARY KEY,
    form       TEXT NOT NULL,
    subject    TEXT NOT NULL,
    version    INTEGER NOT NULL CHECK (version >= 1),   -- the latest
    created_us INTEGER NOT NULL,
    UNIQUE (form, subject)
) STRICT;

CREATE TABLE record_version (
    record       INTEGER NOT NULL REFERENCES record (id),
    version      INTEGER NOT NULL CHECK (version >= 1),
    form_version INTEGER NOT NULL,
    answers      TEXT NOT NULL,          -- canonical JSON object
    changed      TEXT NOT NULL,          -- JSON array of field names
    reason       TEXT,
    actor_uid    INTEGER NOT NULL,
    actor_name   TEXT NOT NULL,
    created_us   INTEGER NOT NULL,
    PRIMARY KEY (record, version)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER record_version_no_update BEFORE UPDATE ON record_version
BEGIN SELECT RAISE (ABORT, 'a version of a record is never changed'); END;
CREATE TRIGGER record_version_no_delete BEFORE DELETE ON record_version
BEGIN SELECT RAISE (ABORT, 'a version of a record is never removed'); END;
