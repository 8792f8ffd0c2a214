-- How jobs ended that were removed before the step of a workflow that waits for their execution heard of it.
CREATE TABLE job_ends (
  execution_id BIGINT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
  job_id BIGINT NOT NULL,
  agent_id BIGINT NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  exit_code BIGINT,
  reason TEXT COLLATE "C",
  stdout BYTEA NOT NULL,
  stderr BYTEA NOT NULL,
  PRIMARY KEY (execution_id, job_id)
);
