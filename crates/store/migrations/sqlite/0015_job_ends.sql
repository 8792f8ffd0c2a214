-- How jobs ended that were removed before the step of a workflow that waits for their execution heard of it.
CREATE TABLE job_ends (
  execution_id INTEGER NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
  job_id INTEGER NOT NULL,
  agent_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  exit_code INTEGER,
  reason TEXT,
  stdout BLOB NOT NULL,
  stderr BLOB NOT NULL,
  PRIMARY KEY (execution_id, job_id)
) STRICT, WITHOUT ROWID;
