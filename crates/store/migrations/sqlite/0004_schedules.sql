CREATE TABLE calendars (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL REFERENCES tenants (id),
  organization_id INTEGER REFERENCES organizations (id),
  department_id INTEGER REFERENCES departments (id),
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  zone TEXT NOT NULL,
  entries TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  UNIQUE (tenant_id, name)
) STRICT;

CREATE TABLE schedules (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL REFERENCES tenants (id),
  organization_id INTEGER REFERENCES organizations (id),
  department_id INTEGER REFERENCES departments (id),
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  -- What it does and when, as JSON; its secrets apart, sealed.
  definition TEXT NOT NULL,
  secret_place TEXT,
  secret_sealed BLOB,
  calendar_id INTEGER REFERENCES calendars (id),
  owner_id INTEGER NOT NULL,
  paused INTEGER NOT NULL DEFAULT 0,
  runs INTEGER NOT NULL DEFAULT 0,
  next_us INTEGER,
  waiting_us INTEGER,
  last_execution_id INTEGER,
  created_us INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  updated_us INTEGER NOT NULL,
  updated_by TEXT NOT NULL,
  UNIQUE (tenant_id, name)
) STRICT;
CREATE INDEX schedules_due ON schedules (next_us) WHERE next_us IS NOT NULL;
CREATE INDEX schedules_waiting ON schedules (waiting_us) WHERE waiting_us IS NOT NULL;
CREATE INDEX schedules_by_calendar ON schedules (calendar_id);

-- What became of each tick; the key is what keeps a tick from having two children.
CREATE TABLE schedule_ticks (
  schedule_id INTEGER NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
  tick_us INTEGER NOT NULL,
  fate TEXT NOT NULL,
  ticks INTEGER NOT NULL DEFAULT 1,
  execution_id INTEGER,
  reason TEXT,
  at_us INTEGER NOT NULL,
  PRIMARY KEY (schedule_id, tick_us)
) STRICT;

ALTER TABLE executions ADD COLUMN schedule_id INTEGER;
CREATE INDEX executions_by_schedule ON executions (schedule_id, id);

-- What names an agent and would miss it: it cannot be deleted meanwhile.
CREATE TABLE agent_uses (
  agent_id INTEGER NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  object_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (agent_id, kind, object_id)
) STRICT;
CREATE INDEX agent_uses_by_object ON agent_uses (kind, object_id);

-- For the removal of what ended long ago.
CREATE INDEX jobs_ended ON jobs (finished_us) WHERE finished_us IS NOT NULL;
