-- Times are UTC microseconds. JSON is text. Booleans are 0 and 1.
CREATE TABLE cluster (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  name TEXT NOT NULL,
  audit_chain INTEGER NOT NULL DEFAULT 0,
  audit_hash TEXT NOT NULL DEFAULT ''
) STRICT;

-- Private keys are sealed with the master key, which is never in the database.
CREATE TABLE secrets (name TEXT PRIMARY KEY, sealed BLOB NOT NULL, created_us INTEGER NOT NULL) STRICT;

CREATE TABLE tenants (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, created_us INTEGER NOT NULL) STRICT;

CREATE TABLE organizations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL REFERENCES tenants (id),
  name TEXT NOT NULL,
  renew_credentials INTEGER NOT NULL DEFAULT 1,
  created_us INTEGER NOT NULL,
  UNIQUE (tenant_id, name)
) STRICT;

CREATE TABLE departments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL REFERENCES tenants (id),
  organization_id INTEGER NOT NULL REFERENCES organizations (id),
  name TEXT NOT NULL,
  UNIQUE (organization_id, name)
) STRICT;

CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL REFERENCES tenants (id),
  username TEXT NOT NULL UNIQUE,
  display_name TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  active INTEGER NOT NULL DEFAULT 1,
  created_us INTEGER NOT NULL,
  last_sign_in_us INTEGER
) STRICT;

CREATE TABLE bindings (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role TEXT NOT NULL,
  scope_kind TEXT NOT NULL,
  scope_id INTEGER NOT NULL,
  UNIQUE (user_id, role, scope_kind, scope_id)
) STRICT;

CREATE TABLE sessions (
  hash TEXT PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  created_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  permissions TEXT,
  created_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL,
  last_used_us INTEGER
) STRICT;
CREATE INDEX tokens_by_user ON tokens (user_id);

CREATE TABLE agents (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL REFERENCES tenants (id),
  organization_id INTEGER NOT NULL REFERENCES organizations (id),
  department_id INTEGER REFERENCES departments (id),
  name TEXT NOT NULL,
  labels TEXT NOT NULL,
  active INTEGER NOT NULL DEFAULT 1,
  created_us INTEGER NOT NULL,
  last_seen_us INTEGER,
  version TEXT,
  hostname TEXT,
  os TEXT,
  arch TEXT,
  languages TEXT NOT NULL DEFAULT '[]',
  root INTEGER,
  slots INTEGER NOT NULL,
  key_thumbprint TEXT,
  credential_jti TEXT,
  credential_jti_before TEXT,
  credential_expires_us INTEGER,
  credential_revoked_us INTEGER,
  locked_us INTEGER,
  guard_highest INTEGER NOT NULL DEFAULT 0,
  guard_seen INTEGER NOT NULL DEFAULT 0,
  fence INTEGER NOT NULL DEFAULT 0,
  UNIQUE (tenant_id, name)
) STRICT;
CREATE INDEX agents_by_organization ON agents (organization_id);

CREATE TABLE agent_labels (
  agent_id INTEGER NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (agent_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX agent_labels_by_value ON agent_labels (name, value, agent_id);

CREATE TABLE enrollment_tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  agent_id INTEGER NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  hash TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL,
  used_us INTEGER,
  revoked_us INTEGER
) STRICT;
CREATE INDEX enrollment_tokens_by_agent ON enrollment_tokens (agent_id);

-- One text for all jobs that do the same: a script sent to a thousand hosts is stored once.
CREATE TABLE payloads (id INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE, body TEXT NOT NULL) STRICT;

CREATE TABLE jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL,
  organization_id INTEGER NOT NULL,
  department_id INTEGER,
  agent_id INTEGER NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  type TEXT NOT NULL,
  payload_id INTEGER NOT NULL REFERENCES payloads (id),
  summary TEXT NOT NULL,
  state TEXT NOT NULL,
  priority INTEGER NOT NULL,
  timeout_seconds INTEGER NOT NULL,
  not_before_us INTEGER,
  due_us INTEGER NOT NULL,
  created_us INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 1,
  attempt_id INTEGER,
  cancel_requested INTEGER NOT NULL DEFAULT 0,
  started_us INTEGER,
  finished_us INTEGER,
  exit_code INTEGER,
  reason TEXT
) STRICT;
CREATE INDEX jobs_queued ON jobs (agent_id, priority, id) WHERE state = 'queued';
CREATE INDEX jobs_active ON jobs (agent_id) WHERE state IN ('pending', 'running');
CREATE INDEX jobs_due ON jobs (due_us) WHERE state = 'queued';
CREATE INDEX jobs_by_tenant ON jobs (tenant_id, id);
CREATE INDEX jobs_by_agent ON jobs (agent_id, id);
CREATE INDEX jobs_by_payload ON jobs (payload_id);

CREATE TABLE attempts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  state TEXT NOT NULL,
  checkin_number INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  handed_us INTEGER NOT NULL,
  started_us INTEGER,
  finished_us INTEGER,
  exit_code INTEGER,
  reason TEXT,
  duration_us INTEGER,
  stdout_bytes INTEGER NOT NULL DEFAULT 0,
  stderr_bytes INTEGER NOT NULL DEFAULT 0,
  late_state TEXT,
  late_exit_code INTEGER,
  late_reason TEXT,
  late_us INTEGER,
  UNIQUE (job_id, number)
) STRICT;

CREATE TABLE outputs (
  attempt_id INTEGER NOT NULL REFERENCES attempts (id) ON DELETE CASCADE,
  stream INTEGER NOT NULL,
  start INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (attempt_id, stream, start)
) STRICT;

-- `chain` and `hash` are set by the sealer a moment after the row was written.
CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER,
  at_us INTEGER NOT NULL,
  actor TEXT NOT NULL,
  token_id INTEGER,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  outcome TEXT NOT NULL,
  before TEXT,
  after TEXT,
  reason TEXT,
  address TEXT,
  chain INTEGER UNIQUE,
  hash TEXT
) STRICT;
CREATE INDEX audit_unsealed ON audit (id) WHERE chain IS NULL;
CREATE INDEX audit_by_tenant ON audit (tenant_id, id);
CREATE INDEX audit_by_object ON audit (object, id);

-- Answers of creations that may be asked again. Sealed with a key made from the caller's Idempotency-Key,
-- which is stored only as a hash: the database alone cannot read them.
CREATE TABLE idempotency (
  caller TEXT NOT NULL,
  key_hash TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  sealed BLOB NOT NULL,
  created_us INTEGER NOT NULL,
  PRIMARY KEY (caller, key_hash)
) STRICT;
CREATE INDEX idempotency_by_age ON idempotency (created_us);
