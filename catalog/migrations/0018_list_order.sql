-- Of one value many rows are alike: the newest come first, by the index and not by sorting them all.
DROP INDEX param_by_value;
CREATE INDEX param_by_value ON param (name, value, run DESC);
DROP INDEX tag_by_value;
CREATE INDEX tag_by_value ON tag (name, value, run DESC);
DROP INDEX run_by_state;
CREATE INDEX run_by_state ON run (state, created_us DESC, id DESC);
