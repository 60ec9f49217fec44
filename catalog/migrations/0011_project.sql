-- What is told of projects, their experiments and lessons; what a run says of them.

-- organisation and family are those of its record's latest version, for lists.
ALTER TABLE project ADD COLUMN record INTEGER REFERENCES record (id);
ALTER TABLE project ADD COLUMN stage TEXT NOT NULL DEFAULT 'opportunity'
    CHECK (stage IN ('opportunity', 'assessed', 'experimenting', 'pilot', 'published', 'stopped'));
ALTER TABLE project ADD COLUMN stage_us INTEGER;
ALTER TABLE project ADD COLUMN organisation TEXT;
ALTER TABLE project ADD COLUMN family TEXT;
CREATE INDEX project_by_stage ON project (stage, code);
CREATE INDEX project_by_organisation ON project (organisation, code);
CREATE INDEX project_by_family ON project (family, code);

CREATE TABLE project_passage (
    project    INTEGER NOT NULL REFERENCES project (id),
    number     INTEGER NOT NULL CHECK (number >= 1),
    from_stage TEXT NOT NULL,
    to_stage   TEXT NOT NULL,
    reason     TEXT NOT NULL,
    actor_uid  INTEGER NOT NULL,
    actor_name TEXT NOT NULL,
    at_us      INTEGER NOT NULL,
    PRIMARY KEY (project, number)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER project_passage_no_update BEFORE UPDATE ON project_passage
BEGIN SELECT RAISE (ABORT, 'a passage is never changed'); END;
CREATE TRIGGER project_passage_no_delete BEFORE DELETE ON project_passage
BEGIN SELECT RAISE (ABORT, 'a passage is never removed'); END;

-- Stems of the words of projects, to find those that are nearly the same: see similar.c.
CREATE TABLE project_term (
    part     TEXT NOT NULL CHECK (part IN ('text', 'data')),
    language TEXT NOT NULL CHECK (language IN ('fr', 'en')),
    term     TEXT NOT NULL,
    project  INTEGER NOT NULL REFERENCES project (id),
    PRIMARY KEY (part, language, term, project)
) STRICT, WITHOUT ROWID;
CREATE INDEX project_term_by_project ON project_term (project, part, language);

-- frozen_version: that of its record when its first run was submitted.
CREATE TABLE experiment (
    id             INTEGER PRIMARY KEY,
    project        INTEGER NOT NULL REFERENCES project (id),
    name           TEXT NOT NULL,
    record         INTEGER NOT NULL REFERENCES record (id),
    first_run      INTEGER REFERENCES run (seq),
    frozen_version INTEGER,
    frozen_us      INTEGER,
    actor_uid      INTEGER NOT NULL,
    actor_name     TEXT NOT NULL,
    created_us     INTEGER NOT NULL,
    UNIQUE (project, name),
    CHECK ((first_run IS NULL) = (frozen_version IS NULL)),
    CHECK ((first_run IS NULL) = (frozen_us IS NULL))
) STRICT;

CREATE TABLE lesson (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,     -- text_new_id('l')
    project    INTEGER NOT NULL REFERENCES project (id),
    record     INTEGER NOT NULL REFERENCES record (id),
    actor_uid  INTEGER NOT NULL,
    actor_name TEXT NOT NULL,
    created_us INTEGER NOT NULL
) STRICT;
CREATE INDEX lesson_by_project ON lesson (project, id);

-- What the latest version of a lesson's record names.
CREATE TABLE lesson_tie (
    kind   TEXT NOT NULL CHECK (kind IN ('experiment', 'run')),
    target TEXT NOT NULL,                -- PROJECT/NAME, or a run's id
    lesson INTEGER NOT NULL REFERENCES lesson (id),
    PRIMARY KEY (kind, target, lesson)
) STRICT, WITHOUT ROWID;
CREATE INDEX lesson_tie_by_lesson ON lesson_tie (lesson);

-- purpose: a code of api/common/purpose.h. experiment (the text) stays the name that was given.
ALTER TABLE run ADD COLUMN purpose TEXT NOT NULL DEFAULT 'experimentation';
ALTER TABLE run ADD COLUMN experiment_id INTEGER REFERENCES experiment (id);
ALTER TABLE run ADD COLUMN experiment_version INTEGER;
CREATE INDEX run_by_experiment ON run (experiment_id, created_us, id) WHERE experiment_id IS NOT NULL;
