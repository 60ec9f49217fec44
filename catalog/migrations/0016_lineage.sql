-- Files of dataset versions whose bytes a run had left when the version was sealed: by them a dataset comes from runs.
CREATE TABLE dataset_source (
    version INTEGER NOT NULL REFERENCES dataset_version (id),
    path    TEXT NOT NULL,               -- in the dataset
    sha256  TEXT NOT NULL CHECK (length (sha256) = 64),
    PRIMARY KEY (version, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX dataset_source_by_digest ON dataset_source (sha256, version);
