-- A run that may start from a template that the lab keeps for its owner.
ALTER TABLE run ADD COLUMN warm INTEGER NOT NULL DEFAULT 0;
