-- X25519 key that secrets for the agent are sealed to; agents before this version have none.
ALTER TABLE agents ADD COLUMN sealing_key TEXT;

CREATE TABLE host_groups (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL REFERENCES tenants (id),
  organization_id INTEGER REFERENCES organizations (id),
  department_id INTEGER REFERENCES departments (id),
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  targets TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  UNIQUE (tenant_id, name)
) STRICT;

-- One click on Run. `open` while a rolling one has batches to come.
CREATE TABLE executions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL,
  type TEXT NOT NULL,
  summary TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  targets TEXT NOT NULL,
  rolling TEXT,
  concurrency TEXT,
  batches INTEGER NOT NULL DEFAULT 1,
  released INTEGER NOT NULL DEFAULT 1,
  open INTEGER NOT NULL DEFAULT 0,
  resume_us INTEGER,
  stopped TEXT,
  script_id INTEGER,
  script_version INTEGER,
  rerun_of INTEGER
) STRICT;
CREATE INDEX executions_open ON executions (id) WHERE open;
CREATE INDEX executions_by_script ON executions (script_id, id);

-- Sealed with the master key; gone when no job that could still run needs it.
CREATE TABLE job_secrets (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  place TEXT NOT NULL,
  sealed BLOB NOT NULL
) STRICT;

-- Who of the jobs with the same key may run.
CREATE TABLE concurrency_holds (
  key TEXT PRIMARY KEY,
  job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX concurrency_holds_by_job ON concurrency_holds (job_id);

ALTER TABLE jobs ADD COLUMN execution_id INTEGER;
ALTER TABLE jobs ADD COLUMN batch INTEGER NOT NULL DEFAULT 1;
ALTER TABLE jobs ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN concurrency_key TEXT;
ALTER TABLE jobs ADD COLUMN secret_id INTEGER;
CREATE INDEX jobs_by_execution ON jobs (execution_id, state, id);
CREATE INDEX jobs_by_state ON jobs (tenant_id, state, id);
CREATE INDEX jobs_by_secret ON jobs (secret_id) WHERE secret_id IS NOT NULL;
CREATE INDEX jobs_by_concurrency ON jobs (concurrency_key) WHERE state = 'queued' AND concurrency_key IS NOT NULL;

-- What a typed job found or did, as JSON.
ALTER TABLE attempts ADD COLUMN result TEXT;
