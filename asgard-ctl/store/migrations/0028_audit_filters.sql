-- The audit log is asked for by time and by action, over all projects.
CREATE INDEX audit_by_time ON audit_events (ts);
CREATE INDEX audit_by_action ON audit_events (action, id);
