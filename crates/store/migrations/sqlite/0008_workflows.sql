-- What one room tells another, written with the change that it tells of, and gone once it was heard.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  object_id INTEGER NOT NULL,
  at_us INTEGER NOT NULL
) STRICT;

-- The draft is what is edited; what runs is the newest version.
CREATE TABLE workflows (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL REFERENCES tenants (id),
  organization_id INTEGER REFERENCES organizations (id),
  department_id INTEGER REFERENCES departments (id),
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  -- JSON, in its normal form.
  draft TEXT NOT NULL,
  digest TEXT NOT NULL,
  -- The YAML that it was read from, for its comments.
  source TEXT,
  version INTEGER,
  created_us INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  updated_us INTEGER NOT NULL,
  updated_by TEXT NOT NULL,
  UNIQUE (tenant_id, name)
) STRICT;

-- Never changed once written.
CREATE TABLE workflow_versions (
  workflow_id INTEGER NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  definition TEXT NOT NULL,
  digest TEXT NOT NULL,
  source TEXT,
  message TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (workflow_id, version)
) STRICT;

CREATE TABLE instances (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL,
  organization_id INTEGER,
  department_id INTEGER,
  workflow_id INTEGER NOT NULL REFERENCES workflows (id),
  version INTEGER NOT NULL,
  workflow TEXT NOT NULL,
  state TEXT NOT NULL,
  -- Where it stands, as the engine wrote it: JSON.
  machine TEXT NOT NULL,
  -- What it runs, whatever becomes of the workflow: JSON, and its SHA-256.
  definition TEXT NOT NULL,
  digest TEXT NOT NULL,
  inputs TEXT NOT NULL,
  hosts TEXT,
  secret_place TEXT,
  secret_sealed BLOB,
  -- On whose account its jobs are made.
  starter_id INTEGER NOT NULL,
  token_id INTEGER,
  started_by TEXT NOT NULL,
  -- The step of another instance that started it.
  parent_id INTEGER,
  parent_run INTEGER,
  depth INTEGER NOT NULL DEFAULT 1,
  retry_of INTEGER,
  schedule_id INTEGER,
  events INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  reason TEXT,
  created_us INTEGER NOT NULL,
  ended_us INTEGER
) STRICT;
CREATE INDEX instances_by_workflow ON instances (workflow_id, id);
CREATE INDEX instances_by_tenant ON instances (tenant_id, id);
CREATE INDEX instances_by_state ON instances (state, id);
CREATE INDEX instances_by_parent ON instances (parent_id) WHERE parent_id IS NOT NULL;

-- One time through one step.
CREATE TABLE step_runs (
  instance_id INTEGER NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
  run INTEGER NOT NULL,
  step TEXT NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 1,
  cause TEXT NOT NULL,
  outcome TEXT,
  reason TEXT,
  execution_id INTEGER,
  child_id INTEGER,
  began_us INTEGER NOT NULL,
  ended_us INTEGER,
  -- What it left for those behind it: JSON.
  result TEXT,
  PRIMARY KEY (instance_id, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX step_runs_by_execution ON step_runs (execution_id) WHERE execution_id IS NOT NULL;

-- What happened, in its order.
CREATE TABLE instance_events (
  instance_id INTEGER NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  -- JSON.
  event TEXT NOT NULL,
  PRIMARY KEY (instance_id, number)
) STRICT, WITHOUT ROWID;

-- When runs that wait for the clock go on.
CREATE TABLE instance_timers (
  instance_id INTEGER NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
  run INTEGER NOT NULL,
  due_us INTEGER NOT NULL,
  PRIMARY KEY (instance_id, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX instance_timers_due ON instance_timers (due_us);

ALTER TABLE executions ADD COLUMN instance_id INTEGER;
ALTER TABLE jobs ADD COLUMN instance_id INTEGER;
CREATE INDEX executions_by_instance ON executions (instance_id, id) WHERE instance_id IS NOT NULL;

-- Questions to people. Who may answer is fixed when one opens.
CREATE TABLE approvals (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL,
  organization_id INTEGER,
  department_id INTEGER,
  instance_id INTEGER NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
  run INTEGER NOT NULL,
  workflow TEXT NOT NULL,
  starter_id INTEGER NOT NULL,
  type TEXT NOT NULL,
  state TEXT NOT NULL,
  title TEXT NOT NULL,
  description TEXT,
  -- What is going to run, as the people see it: JSON, and its SHA-256.
  work TEXT NOT NULL,
  digest TEXT NOT NULL,
  opened_us INTEGER NOT NULL,
  deadline_us INTEGER NOT NULL,
  ended_us INTEGER
) STRICT;
CREATE INDEX approvals_by_instance ON approvals (instance_id);
CREATE INDEX approvals_by_tenant ON approvals (tenant_id, id);
CREATE INDEX approvals_open ON approvals (deadline_us) WHERE state = 'open';

CREATE TABLE approval_people (
  approval_id INTEGER NOT NULL REFERENCES approvals (id) ON DELETE CASCADE,
  user_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  -- Absent until they answer.
  decision TEXT,
  comment TEXT,
  at_us INTEGER,
  -- In whose place, where an administrator put them there.
  instead_of TEXT,
  PRIMARY KEY (approval_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX approval_people_by_user ON approval_people (user_id, approval_id);
