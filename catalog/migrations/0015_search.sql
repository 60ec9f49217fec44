-- The words of everything: search.h. Texts are kept beside the index, which cannot give them back.
CREATE TABLE search_entry (
    id         INTEGER PRIMARY KEY,
    noun       TEXT NOT NULL,
    ref        TEXT NOT NULL,            -- what NOUN.get takes; a dataset by its name
    title      TEXT NOT NULL,
    body       TEXT NOT NULL,
    actor_uid  INTEGER,                  -- of a run, which not everybody sees
    actor_name TEXT,
    project    INTEGER,
    UNIQUE (noun, ref)
) STRICT;

-- Accents and case are folded, so that « écoulement » is found by ecoulement.
CREATE VIRTUAL TABLE search USING fts5 (
    title, body, content = 'search_entry', content_rowid = 'id', prefix = '3',
    tokenize = 'unicode61 remove_diacritics 2');

-- built 0: what was there before has no entry yet; the lab makes them when it starts.
CREATE TABLE search_state (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    built INTEGER NOT NULL
) STRICT;
INSERT INTO search_state VALUES (1, 0);
