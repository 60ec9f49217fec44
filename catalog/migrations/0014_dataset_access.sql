-- Who keeps a dataset, what its card says that the gate goes by, and who may use it for what.

-- NULL never: filled here for those there are, and by dataset.add from now on.
ALTER TABLE dataset ADD COLUMN keeper_uid INTEGER;
ALTER TABLE dataset ADD COLUMN keeper_name TEXT;
UPDATE dataset SET
    keeper_uid = (SELECT v.actor_uid FROM dataset_version v WHERE v.dataset = dataset.id
                  ORDER BY v.version LIMIT 1),
    keeper_name = (SELECT v.actor_name FROM dataset_version v WHERE v.dataset = dataset.id
                   ORDER BY v.version LIMIT 1);
CREATE INDEX dataset_by_keeper ON dataset (keeper_uid, keeper_name);
ALTER TABLE dataset_version ADD COLUMN retired_reason TEXT;
ALTER TABLE dataset_version ADD COLUMN verified_us INTEGER;   -- every byte was read again then, and was right

-- What decides. The record (form "dataset") has every version of the whole card; these columns are written
-- with it, in the same transaction. Days are texts, 2026-11-24, and are compared as such.
CREATE TABLE dataset_card (
    dataset         INTEGER PRIMARY KEY REFERENCES dataset (id),
    record          INTEGER NOT NULL REFERENCES record (id),
    version         INTEGER NOT NULL,    -- of the record
    personal        INTEGER CHECK (personal IN (0, 1)),   -- NULL: not said, which is not "no"
    pia             TEXT,
    pia_expires     TEXT CHECK (length(pia_expires) = 10),
    purposes        TEXT,                -- JSON array of codes; NULL: not said
    retention       TEXT CHECK (length(retention) = 10),
    confidentiality INTEGER CHECK (confidentiality BETWEEN 1 AND 4),
    integrity       INTEGER CHECK (integrity BETWEEN 1 AND 4),
    availability    INTEGER CHECK (availability BETWEEN 1 AND 4)
) STRICT;

CREATE TABLE dataset_grant (
    id           INTEGER PRIMARY KEY,
    dataset      INTEGER NOT NULL REFERENCES dataset (id),
    project      INTEGER NOT NULL REFERENCES project (id),
    purpose      TEXT NOT NULL,
    expires_us   INTEGER NOT NULL,
    reason       TEXT,
    granted_us   INTEGER NOT NULL,
    granted_uid  INTEGER NOT NULL,
    granted_by   TEXT NOT NULL,
    revoked_us   INTEGER,
    revoked_uid  INTEGER,
    revoked_by   TEXT,
    revoked_reason TEXT,
    CHECK ((revoked_us IS NULL) = (revoked_by IS NULL))
) STRICT;
CREATE INDEX dataset_grant_of ON dataset_grant (dataset, project, purpose, expires_us);
CREATE INDEX dataset_grant_by_project ON dataset_grant (project, id);

-- By which rule a run was let in (grant, public, custodian, admin), and by which grant.
ALTER TABLE run_dataset ADD COLUMN rule TEXT;
ALTER TABLE run_dataset ADD COLUMN grant_id INTEGER REFERENCES dataset_grant (id);
CREATE INDEX run_dataset_by_grant ON run_dataset (grant_id) WHERE grant_id IS NOT NULL;
-- Groups and token that its owner came with: what they may do is asked again when it starts. JSON.
CREATE TABLE run_standing (
    run   INTEGER PRIMARY KEY REFERENCES run (seq),
    gids  TEXT NOT NULL,
    token INTEGER REFERENCES token (id)
) STRICT;
