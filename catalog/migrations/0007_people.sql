-- Who may do what: accounts, the roles that they hold (in the lab, or in one project), tokens of service accounts.

-- A project here is what roles and runs refer to; what is told of it comes with later migrations.
CREATE TABLE project (
    id         INTEGER PRIMARY KEY,
    code       TEXT NOT NULL UNIQUE,
    actor_uid  INTEGER NOT NULL,
    actor_name TEXT NOT NULL,
    created_us INTEGER NOT NULL
) STRICT;

-- A uid with the name that it had: the same number under another name is another account.
-- Service accounts have no number: they act with the uid -(1000 + id).
CREATE TABLE account (
    id         INTEGER PRIMARY KEY,
    kind       TEXT NOT NULL CHECK (kind IN ('user', 'group', 'service')),
    number     INTEGER,
    name       TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    seen_us    INTEGER,                  -- the last day it came, about; NULL: never
    CHECK ((kind = 'service') = (number IS NULL)),
    UNIQUE (kind, number, name)
) STRICT;
CREATE UNIQUE INDEX account_service ON account (name) WHERE kind = 'service';

CREATE TABLE role_grant (
    id           INTEGER PRIMARY KEY,
    account      INTEGER NOT NULL REFERENCES account (id),
    role         TEXT NOT NULL CHECK (role IN ('scientist', 'custodian', 'reviewer', 'curator', 'platform',
                                               'auditor', 'admin')),
    project      INTEGER REFERENCES project (id),   -- NULL: in the lab
    granted_uid  INTEGER NOT NULL,
    granted_by   TEXT NOT NULL,
    granted_us   INTEGER NOT NULL,
    revoked_uid  INTEGER,
    revoked_by   TEXT,
    revoked_us   INTEGER,
    CHECK ((revoked_us IS NULL) = (revoked_by IS NULL))
) STRICT;
CREATE UNIQUE INDEX role_grant_in_force ON role_grant (account, role, coalesce(project, 0))
    WHERE revoked_us IS NULL;
CREATE INDEX role_grant_by_role ON role_grant (role, project, account) WHERE revoked_us IS NULL;
CREATE INDEX role_grant_by_project ON role_grant (project, account) WHERE revoked_us IS NULL;

-- Of a service account. What it may do is what the account may, narrowed to these roles and this project.
CREATE TABLE token (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,     -- text_new_id('t')
    account     INTEGER NOT NULL REFERENCES account (id),
    digest      TEXT NOT NULL UNIQUE CHECK (length(digest) = 64),   -- SHA-256 of the token's text
    title       TEXT,
    project     INTEGER REFERENCES project (id),
    actor_uid   INTEGER NOT NULL,
    actor_name  TEXT NOT NULL,
    created_us  INTEGER NOT NULL,
    expires_us  INTEGER NOT NULL,
    used_day    INTEGER,                  -- days since 1970; NULL: never
    revoked_us  INTEGER,
    revoked_by  TEXT
) STRICT;
CREATE INDEX token_by_account ON token (account, id);

CREATE TABLE token_role (
    token INTEGER NOT NULL REFERENCES token (id),
    role  TEXT NOT NULL,
    PRIMARY KEY (token, role)
) STRICT, WITHOUT ROWID;

-- NULL: a personal run.
ALTER TABLE run ADD COLUMN project INTEGER REFERENCES project (id);
-- What somebody may see of the runs is read in the order of lists: their own, and those of each of their projects.
CREATE INDEX run_by_actor ON run (actor_uid, actor_name, created_us, id);
CREATE INDEX run_by_project ON run (project, created_us, id) WHERE project IS NOT NULL;
