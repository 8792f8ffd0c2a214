-- Few beside those that completed: whether an execution has one, of an organization too, is asked for each row of a list.
CREATE INDEX jobs_ended_badly ON jobs (execution_id, organization_id, state)
  WHERE state IN ('failed', 'timeout', 'unknown', 'cancelled');
