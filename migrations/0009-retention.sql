-- What is old is found by its age, so that it can go in small batches; the audit is filtered where it stands.
CREATE INDEX outbox_ended ON outbox (updated_at) WHERE state <> 'queued';
CREATE INDEX plan_created ON plan (created_at);
CREATE INDEX job_ended ON job (updated_at) WHERE state IN ('done', 'cancelled', 'dead');
-- Newest first of one person, one command, one code: SQLite keeps the row's number at the end of each.
DROP INDEX audit_actor;
CREATE INDEX audit_actor ON audit (actor);
CREATE INDEX audit_command ON audit (command);
CREATE INDEX audit_code ON audit (code);
