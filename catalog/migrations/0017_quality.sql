-- Profiles of dataset versions: each by a run of its own under `inspect`.

CREATE TABLE dataset_quality (
    run         INTEGER PRIMARY KEY REFERENCES run (seq),
    version     INTEGER NOT NULL REFERENCES dataset_version (id),
    small_count INTEGER NOT NULL CHECK (small_count >= 1),
    report      TEXT,                    -- JSON that was checked; NULL: not yet, or none
    bad         TEXT,                    -- why the report was not taken
    reported_us INTEGER
) STRICT;
CREATE INDEX dataset_quality_by_version ON dataset_quality (version, run);
CREATE INDEX dataset_quality_reported ON dataset_quality (version, run) WHERE report IS NOT NULL;
