-- Where a run comes from, beside what its own row says: its seed, the commit of its code, the machine, other runs.

CREATE TABLE host (
    id       INTEGER PRIMARY KEY,
    digest   TEXT NOT NULL UNIQUE,       -- SHA-256 of the facts
    facts    TEXT NOT NULL,              -- JSON: machine, kernel, system, processor...
    first_us INTEGER NOT NULL
) STRICT;

CREATE TABLE run_origin (
    run          INTEGER PRIMARY KEY REFERENCES run (seq),
    seed         INTEGER NOT NULL,
    seed_chosen  INTEGER NOT NULL,       -- 1: by the lab, nobody asked for it
    git_commit   TEXT,                   -- as its submitter said
    git_branch   TEXT,
    git_dirty    INTEGER,                -- 1: the code is not what the commit has; NULL: not known
    given_params TEXT,                   -- JSON object: those of the request, which the run's own may join
    given_tags   TEXT,
    rerun_of     INTEGER REFERENCES run (seq),
    parent       INTEGER REFERENCES run (seq),
    host         INTEGER REFERENCES host (id)   -- NULL: it never started
) STRICT;
CREATE INDEX run_origin_by_original ON run_origin (rerun_of, run) WHERE rerun_of IS NOT NULL;
CREATE INDEX run_origin_by_parent ON run_origin (parent, run) WHERE parent IS NOT NULL;
CREATE INDEX run_origin_by_commit ON run_origin (git_commit, run) WHERE git_commit IS NOT NULL;

-- Its page has something to say of what was lost, cut or found changed: lists mark it.
ALTER TABLE run ADD COLUMN warned INTEGER NOT NULL DEFAULT 0;
UPDATE run SET warned = 1 WHERE log_error IS NOT NULL OR log_dropped_bytes > 0 OR metrics_dropped > 0;
UPDATE run SET warned = 1 WHERE seq IN (SELECT run FROM run_record WHERE warnings IS NOT NULL
    OR json_extract (failed, '$.step') IN ('dataset_verify_after', 'environment_verify_after'));
UPDATE run SET warned = 1 WHERE seq IN (SELECT run FROM refused_output);
