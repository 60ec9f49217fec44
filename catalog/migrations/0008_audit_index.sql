-- The audit log is looked through by who, what and when: each in the order of time.
CREATE INDEX audit_by_time ON audit (time_us);
CREATE INDEX audit_by_actor ON audit (actor_name, time_us);
CREATE INDEX audit_by_action ON audit (action, time_us);
CREATE INDEX audit_by_subject ON audit (subject, time_us);
