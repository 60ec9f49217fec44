-- What lists are filtered and ordered by (list_kinds.c). Columns of text are mostly walked upwards, with the
-- newest run of each value first; numbers mostly downwards.
CREATE INDEX run_by_name ON run (name, created_us DESC, id DESC);
CREATE INDEX run_by_experiment_name ON run (experiment, created_us DESC, id DESC);
CREATE INDEX run_by_actor_name ON run (actor_name, created_us DESC, id DESC);
CREATE INDEX run_by_verdict ON run (verdict, created_us DESC, id DESC);
CREATE INDEX run_by_finish ON run (finished_us, created_us, id);
CREATE INDEX run_by_wall ON run (wall_ms, created_us, id);
CREATE INDEX run_by_cpu ON run (cpu_ms, created_us, id);
CREATE INDEX run_by_memory ON run (memory_peak_bytes, created_us, id);

CREATE INDEX metric_by_value ON metric (name, last, run);
-- These have no rowid: the run is in the index already.
CREATE INDEX param_by_value ON param (name, value);
CREATE INDEX tag_by_value ON tag (name, value);
