-- A run that a person works in while it goes: {"kind":"shell","idle_ms":...,...}, NULL for all others.
ALTER TABLE run ADD COLUMN interactive TEXT;
