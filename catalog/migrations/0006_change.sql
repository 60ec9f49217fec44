-- What happened to what, in order. A mirror of the catalog reads on from the last number it saw.
CREATE TABLE change (
    number  INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice, though passing rows are removed
    time_us INTEGER NOT NULL,
    noun    TEXT NOT NULL,               -- as in NOUN.get
    id      TEXT NOT NULL,               -- what NOUN.get takes: r..., NAME@VERSION, a code
    verb    TEXT NOT NULL
) STRICT;
-- 'measured' tells that something moves on: of each object only the last one is kept.
CREATE UNIQUE INDEX change_passing ON change (noun, id) WHERE verb = 'measured';

-- What was there before changes were written.
INSERT INTO change (time_us, noun, id, verb)
SELECT time_us, noun, id, 'existed' FROM (
    SELECT created_us AS time_us, 'dataset' AS noun,
           (SELECT name FROM dataset d WHERE d.id = v.dataset) || '@' || version AS id
    FROM dataset_version v
    UNION ALL
    SELECT created_us, 'env',
           (SELECT name FROM environment n WHERE n.id = v.environment) || '@' || version
    FROM environment_version v
    UNION ALL
    SELECT created_us, 'run', id FROM run)
ORDER BY time_us, noun, id;
