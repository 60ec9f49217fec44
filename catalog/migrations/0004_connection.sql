-- What runs with a network were allowed to reach, and what they asked the lab to dial.

CREATE TABLE run_network (
    run         INTEGER PRIMARY KEY REFERENCES run (seq),
    allow_hosts TEXT NOT NULL,           -- JSON array of "host:port"
    allowed     INTEGER NOT NULL DEFAULT 0,
    refused     INTEGER NOT NULL DEFAULT 0,  -- those without a row of their own included
    written     INTEGER NOT NULL DEFAULT 0   -- rows of run_connection
) STRICT;

CREATE TABLE run_connection (
    run         INTEGER NOT NULL REFERENCES run (seq),
    number      INTEGER NOT NULL,
    time_us     INTEGER NOT NULL,
    method      TEXT NOT NULL,           -- CONNECT, GET...; empty when it was not even that
    host        TEXT NOT NULL,
    port        INTEGER NOT NULL,        -- 0: not read
    address     TEXT,                    -- what was dialled, or refused for being what it is
    allowed     INTEGER NOT NULL,
    why         TEXT NOT NULL,           -- ok, or why it was refused or ended
    detail      TEXT NOT NULL,
    up_bytes    INTEGER,                 -- NULL: still open, or the lab ended meanwhile
    down_bytes  INTEGER,
    duration_ms INTEGER,
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
