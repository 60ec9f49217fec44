-- What stays, whatever its age, until somebody lifts it; and what let its content go.

-- noun: 'run', 'dataset' or 'environment'; id: run.seq, dataset_version.id, environment_version.id.
CREATE TABLE hold (
    noun       TEXT NOT NULL CHECK (noun IN ('run', 'dataset', 'environment')),
    id         INTEGER NOT NULL,
    subject    TEXT NOT NULL,            -- as people write it: r..., NAME@VERSION
    reason     TEXT NOT NULL,
    actor_uid  INTEGER NOT NULL,
    actor_name TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    PRIMARY KEY (noun, id)
) STRICT, WITHOUT ROWID;

-- The objects that only it referred to may be removed from then on. Its row and all that is told of it stay.
CREATE TABLE released (
    noun        TEXT NOT NULL CHECK (noun IN ('run', 'dataset', 'environment')),
    id          INTEGER NOT NULL,
    released_us INTEGER NOT NULL,
    PRIMARY KEY (noun, id)
) STRICT, WITHOUT ROWID;
