-- Where messages about the work of a person go.
ALTER TABLE users ADD COLUMN email TEXT;

-- Programs elsewhere that are told of what happens.
CREATE TABLE webhooks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL REFERENCES tenants (id),
  name TEXT NOT NULL,
  url TEXT NOT NULL,
  -- Words, JSON.
  topics TEXT NOT NULL,
  active INTEGER NOT NULL,
  secret_place TEXT NOT NULL,
  secret_sealed BLOB NOT NULL,
  created_us INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  updated_us INTEGER NOT NULL,
  updated_by TEXT NOT NULL,
  UNIQUE (tenant_id, name)
) STRICT;

-- One message to one receiver.
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL,
  organization_id INTEGER,
  department_id INTEGER,
  channel TEXT NOT NULL,
  webhook_id INTEGER,
  -- An e-mail address, or the name of the webhook.
  recipient TEXT NOT NULL,
  topic TEXT NOT NULL,
  title TEXT NOT NULL,
  -- What is sent: JSON.
  message TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_us INTEGER NOT NULL,
  error TEXT,
  instance_id INTEGER,
  created_us INTEGER NOT NULL,
  ended_us INTEGER
) STRICT;
CREATE INDEX deliveries_due ON deliveries (next_us) WHERE state = 'waiting';
CREATE INDEX deliveries_by_tenant ON deliveries (tenant_id, id);
CREATE INDEX deliveries_by_state ON deliveries (state, id);
CREATE INDEX deliveries_by_instance ON deliveries (instance_id, id) WHERE instance_id IS NOT NULL;

-- How often those who have not answered are reminded, and when next.
ALTER TABLE approvals ADD COLUMN remind_every_us INTEGER;
ALTER TABLE approvals ADD COLUMN remind_us INTEGER;
CREATE INDEX approvals_remind ON approvals (remind_us) WHERE state = 'open' AND remind_us IS NOT NULL;

-- Instances that a schedule started.
ALTER TABLE schedules ADD COLUMN last_instance_id INTEGER;
ALTER TABLE schedule_ticks ADD COLUMN instance_id INTEGER;
CREATE INDEX instances_of_schedule ON instances (schedule_id) WHERE schedule_id IS NOT NULL AND ended_us IS NULL;
