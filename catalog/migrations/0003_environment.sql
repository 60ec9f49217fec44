-- Environments: what /usr is inside a run. A version is complete and closed from its first moment.

CREATE TABLE environment (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    created_us  INTEGER NOT NULL
) STRICT;

CREATE TABLE environment_version (
    id             INTEGER PRIMARY KEY,
    environment    INTEGER NOT NULL REFERENCES environment (id),
    version        INTEGER NOT NULL CHECK (version >= 1),
    title          TEXT,
    source         TEXT NOT NULL CHECK (source IN ('folder', 'tar', 'oci')),
    source_digest  TEXT,                 -- of the OCI image's manifest, as the giver said
    manifest       TEXT NOT NULL CHECK (length(manifest) = 64),
    entries        INTEGER NOT NULL,
    size_bytes     INTEGER NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('sealed', 'retired')),
    quarantine_us  INTEGER,              -- found changed at this time; NULL: in order
    quarantine_reason TEXT,
    actor_uid      INTEGER NOT NULL,
    actor_name     TEXT NOT NULL,
    created_us     INTEGER NOT NULL,
    retired_us     INTEGER,
    UNIQUE (environment, version)
) STRICT;
CREATE INDEX environment_version_quarantined ON environment_version (quarantine_us)
    WHERE quarantine_us IS NOT NULL;

-- NULL: the host's own.
ALTER TABLE run ADD COLUMN environment INTEGER REFERENCES environment_version (id);
CREATE INDEX run_by_environment ON run (environment, state) WHERE environment IS NOT NULL;
