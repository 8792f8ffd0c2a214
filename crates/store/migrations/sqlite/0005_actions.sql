-- Saved operations. The draft is what is edited; what runs is the newest version.
CREATE TABLE actions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL REFERENCES tenants (id),
  organization_id INTEGER REFERENCES organizations (id),
  department_id INTEGER REFERENCES departments (id),
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  -- As JSON; its secrets apart, sealed.
  draft TEXT NOT NULL,
  digest TEXT NOT NULL,
  secret_place TEXT,
  secret_sealed BLOB,
  -- The newest; absent until one is deployed.
  version INTEGER,
  created_us INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  updated_us INTEGER NOT NULL,
  updated_by TEXT NOT NULL,
  UNIQUE (tenant_id, name)
) STRICT;

-- Never changed once written.
CREATE TABLE action_versions (
  action_id INTEGER NOT NULL REFERENCES actions (id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  definition TEXT NOT NULL,
  digest TEXT NOT NULL,
  message TEXT NOT NULL,
  secret_place TEXT,
  secret_sealed BLOB,
  -- With whose right to the script it runs.
  deployer_id INTEGER NOT NULL,
  created_us INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (action_id, version)
) STRICT;

ALTER TABLE executions ADD COLUMN action_id INTEGER;
ALTER TABLE executions ADD COLUMN action_version INTEGER;
CREATE INDEX executions_by_action ON executions (action_id, id) WHERE action_id IS NOT NULL;

-- What names an agent, a script or an action and would miss it: it cannot be deleted meanwhile.
CREATE TABLE uses (
  used_kind TEXT NOT NULL,
  used_id INTEGER NOT NULL,
  user_kind TEXT NOT NULL,
  user_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (used_kind, used_id, user_kind, user_id)
) STRICT;
CREATE INDEX uses_by_user ON uses (user_kind, user_id);
INSERT INTO uses SELECT 'agent', agent_id, kind, object_id, name FROM agent_uses;
DROP TABLE agent_uses;
