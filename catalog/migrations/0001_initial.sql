-- Runs and what they leave, datasets, idempotency keys, the audit log.
-- Never edited after it landed: its digest is recorded in every catalog that has it.
-- Times are microseconds since 1970 (UTC). Digests are lower-case hex.

CREATE TABLE dataset (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    created_us  INTEGER NOT NULL
) STRICT;

CREATE TABLE dataset_version (
    id             INTEGER PRIMARY KEY,
    dataset        INTEGER NOT NULL REFERENCES dataset (id),
    version        INTEGER NOT NULL CHECK (version >= 1),
    title          TEXT,
    description    TEXT,
    classification TEXT NOT NULL
                   CHECK (classification IN ('public', 'interne', 'confidentiel', 'tres_confidentiel')),
    manifest       TEXT NOT NULL CHECK (length(manifest) = 64),
    files          INTEGER NOT NULL,
    size_bytes     INTEGER NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('draft', 'sealed', 'retired')),
    quarantine_us  INTEGER,              -- found changed at this time; NULL: in order
    quarantine_reason TEXT,
    actor_uid      INTEGER NOT NULL,
    actor_name     TEXT NOT NULL,
    created_us     INTEGER NOT NULL,
    sealed_us      INTEGER,
    retired_us     INTEGER,
    UNIQUE (dataset, version)
) STRICT;
CREATE INDEX dataset_version_quarantined ON dataset_version (quarantine_us)
    WHERE quarantine_us IS NOT NULL;

CREATE TABLE run (
    seq           INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    name          TEXT,
    state         TEXT NOT NULL CHECK (state IN ('queued', 'starting', 'running', 'finished')),
    verdict       TEXT,
    exit_code     INTEGER,
    signal        TEXT,
    reason        TEXT,
    actor_uid     INTEGER NOT NULL,
    actor_name    TEXT NOT NULL,
    experiment    TEXT,
    profile       TEXT NOT NULL,
    command       TEXT NOT NULL,         -- JSON array
    env           TEXT NOT NULL,         -- JSON object
    resources     TEXT NOT NULL,         -- JSON object, every key of the spec
    cpus_milli    INTEGER NOT NULL,
    memory_bytes  INTEGER NOT NULL,
    code          TEXT,                  -- manifest id of the snapshot
    priority      INTEGER NOT NULL,
    best_effort   INTEGER NOT NULL,
    report_paths  INTEGER NOT NULL,
    created_us    INTEGER NOT NULL,
    started_us    INTEGER,
    finished_us   INTEGER,
    wall_ms       INTEGER,
    cpu_ms        INTEGER,
    memory_peak_bytes INTEGER,
    log_kept_bytes    INTEGER,
    log_dropped_bytes INTEGER,
    log_error         TEXT,              -- why some of what it said could not be kept
    metric_lines      INTEGER NOT NULL DEFAULT 0,  -- lines of its log that ingest has seen
    metrics_dropped   INTEGER,           -- lines that reached neither log nor catalog
    log_offset    INTEGER NOT NULL DEFAULT 0,  -- the log is in the catalog up to here
    bad_metrics   INTEGER NOT NULL DEFAULT 0,
    event_count   INTEGER NOT NULL DEFAULT 0,
    cancel_us     INTEGER,
    cancel_reason TEXT,
    outputs       TEXT,                  -- manifest id
    CHECK ((state = 'finished') = (verdict IS NOT NULL)),
    CHECK ((state = 'finished') = (finished_us IS NOT NULL))
) STRICT;
CREATE INDEX run_by_age ON run (created_us, id);
CREATE INDEX run_by_state ON run (state, created_us, id);

-- What a run leaves that only its own page shows: kept out of the rows that lists read.
CREATE TABLE run_record (
    run      INTEGER PRIMARY KEY REFERENCES run (seq),
    failed   TEXT,                       -- JSON
    usage    TEXT,                       -- JSON
    sandbox  TEXT,                       -- JSON
    warnings TEXT,                       -- JSON array of texts
    record   TEXT                        -- record.json as the monitor wrote it
) STRICT;

CREATE TABLE run_dataset (
    run     INTEGER NOT NULL REFERENCES run (seq),
    ordinal INTEGER NOT NULL,
    version INTEGER NOT NULL REFERENCES dataset_version (id),
    PRIMARY KEY (run, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_dataset_by_version ON run_dataset (version, run);

CREATE TABLE param (
    run   INTEGER NOT NULL REFERENCES run (seq),
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE tag (
    run   INTEGER NOT NULL REFERENCES run (seq),
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE artifact (
    run        INTEGER NOT NULL REFERENCES run (seq),
    path       TEXT NOT NULL,
    sha256     TEXT NOT NULL CHECK (length(sha256) = 64),
    size_bytes INTEGER NOT NULL,
    mode       INTEGER NOT NULL,
    PRIMARY KEY (run, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX artifact_by_digest ON artifact (sha256);

CREATE TABLE refused_output (
    run     INTEGER NOT NULL REFERENCES run (seq),
    ordinal INTEGER NOT NULL,
    path    TEXT NOT NULL,
    reason  TEXT NOT NULL,
    PRIMARY KEY (run, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE denied (
    run     INTEGER NOT NULL REFERENCES run (seq),
    ordinal INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    name    TEXT NOT NULL,
    detail  TEXT,
    errno   TEXT,
    hint    TEXT,
    hint_fr TEXT,
    count   INTEGER NOT NULL,
    PRIMARY KEY (run, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_event (
    run     INTEGER NOT NULL REFERENCES run (seq),
    number  INTEGER NOT NULL,
    time_us INTEGER NOT NULL,
    event   TEXT NOT NULL,
    detail  TEXT,                        -- JSON
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

-- One row a metric of a run: its summary. NaN is NULL, infinities are stored as such.
CREATE TABLE metric (
    id           INTEGER PRIMARY KEY,
    run          INTEGER NOT NULL REFERENCES run (seq),
    name         TEXT NOT NULL,
    last         REAL,
    last_step    INTEGER NOT NULL,
    last_time_us INTEGER NOT NULL,
    min          REAL,
    max          REAL,
    count        INTEGER NOT NULL,
    UNIQUE (run, name)
) STRICT;

-- Append only, in the order in which the run wrote them.
CREATE TABLE metric_point (
    metric  INTEGER NOT NULL REFERENCES metric (id),
    number  INTEGER NOT NULL,
    step    INTEGER NOT NULL,
    time_us INTEGER NOT NULL,
    value   REAL,
    PRIMARY KEY (metric, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    uid        INTEGER NOT NULL,
    key        TEXT NOT NULL,
    method     TEXT NOT NULL,
    request    TEXT NOT NULL,            -- SHA-256 of the canonical request
    result     TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    PRIMARY KEY (uid, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (created_us);

CREATE TABLE audit (
    number     INTEGER PRIMARY KEY,
    time_us    INTEGER NOT NULL,
    actor_uid  INTEGER NOT NULL,
    actor_name TEXT NOT NULL,
    action     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    detail     TEXT NOT NULL,            -- canonical JSON object
    previous   TEXT NOT NULL,
    hash       TEXT NOT NULL
) STRICT;

-- Number and hash of the last entry, so that a tail cut off is seen.
CREATE TABLE audit_head (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    number INTEGER NOT NULL,
    hash   TEXT NOT NULL
) STRICT;
INSERT INTO audit_head VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE (ABORT, 'the audit log is append only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE (ABORT, 'the audit log is append only'); END;
