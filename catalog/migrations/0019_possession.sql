-- Who has given which object: a digest is known to many, its content is not theirs. Never edited after it landed.

CREATE TABLE possession (
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    uid    INTEGER NOT NULL,
    whole  INTEGER NOT NULL DEFAULT 0 CHECK (whole IN (0, 1)), -- a manifest, and all that it names was given too
    PRIMARY KEY (sha256, uid)
) STRICT, WITHOUT ROWID;
