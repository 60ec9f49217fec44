-- Who has given which object is an account: a number with its name, as everywhere else. A number that another person
-- has now has given nothing. What was noted before goes: it had no name, and an object that was there was noted by its
-- digest alone. Clients ask blob.missing and send again. Never edited after it landed.

DROP TABLE possession;

CREATE TABLE possession (
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    uid    INTEGER NOT NULL,
    name   TEXT NOT NULL,
    whole  INTEGER NOT NULL DEFAULT 0 CHECK (whole IN (0, 1)), -- a manifest, and all that it names was given too
    PRIMARY KEY (sha256, uid, name)
) STRICT, WITHOUT ROWID;
