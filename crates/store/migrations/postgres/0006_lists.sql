-- For lists of very many jobs: each filter finds its rows in the order in which they are shown.
ALTER TABLE payloads ADD COLUMN summary TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE executions ADD COLUMN payload_id BIGINT;
ALTER TABLE jobs ADD COLUMN script_id BIGINT;
ALTER TABLE jobs ADD COLUMN schedule_id BIGINT;

-- Jobs with the same payload have the same summary from now on: a search goes through payloads, not through jobs.
UPDATE payloads SET summary = coalesce((SELECT min(j.summary) FROM jobs j WHERE j.payload_id = payloads.id), '');
INSERT INTO payloads (digest, body, summary)
  SELECT p.digest || ' ' || d.summary, p.body, d.summary
  FROM (SELECT DISTINCT payload_id, summary FROM jobs) d JOIN payloads p ON p.id = d.payload_id
  WHERE d.summary <> p.summary;
UPDATE jobs SET payload_id = (SELECT q.id FROM payloads p JOIN payloads q ON q.digest = p.digest || ' ' || jobs.summary
                              WHERE p.id = jobs.payload_id)
  WHERE summary <> (SELECT p.summary FROM payloads p WHERE p.id = jobs.payload_id);
UPDATE executions SET payload_id = (SELECT min(j.payload_id) FROM jobs j WHERE j.execution_id = executions.id);
UPDATE jobs SET script_id = (SELECT e.script_id FROM executions e WHERE e.id = jobs.execution_id),
                schedule_id = (SELECT e.schedule_id FROM executions e WHERE e.id = jobs.execution_id)
  WHERE execution_id IN (SELECT id FROM executions WHERE script_id IS NOT NULL OR schedule_id IS NOT NULL);

CREATE INDEX payloads_by_summary ON payloads (summary);

DROP INDEX jobs_by_tenant;
DROP INDEX jobs_by_agent;
DROP INDEX jobs_by_payload;
DROP INDEX jobs_by_execution;
DROP INDEX jobs_by_state;
CREATE INDEX jobs_by_time ON jobs (created_us, id);
CREATE INDEX jobs_by_tenant ON jobs (tenant_id, created_us, id);
CREATE INDEX jobs_by_organization ON jobs (organization_id, created_us, id);
CREATE INDEX jobs_by_department ON jobs (department_id, created_us, id) WHERE department_id IS NOT NULL;
CREATE INDEX jobs_by_agent ON jobs (agent_id, created_us, id);
CREATE INDEX jobs_by_payload ON jobs (payload_id, created_us, id);
CREATE INDEX jobs_by_execution ON jobs (execution_id, created_us, id, state);
CREATE INDEX jobs_by_script ON jobs (script_id, created_us, id) WHERE script_id IS NOT NULL;
CREATE INDEX jobs_by_schedule ON jobs (schedule_id, created_us, id) WHERE schedule_id IS NOT NULL;
CREATE INDEX jobs_by_type ON jobs (type, created_us, id);
CREATE INDEX jobs_by_state ON jobs (state, created_us, id);
CREATE INDEX jobs_by_priority ON jobs (priority, created_us, id);

-- Of what is removed when it is old: jobs that have not ended would be in the way.
DROP INDEX jobs_ended;
CREATE INDEX jobs_ended ON jobs (finished_us) WHERE state NOT IN ('queued', 'pending', 'running');

CREATE INDEX executions_by_type ON executions (type, id);
CREATE INDEX executions_by_creator ON executions (created_by, id);
CREATE INDEX executions_by_payload ON executions (payload_id, id);

-- Where an execution had jobs when it was made. They may be deleted since: who may see it is asked of the jobs.
CREATE TABLE execution_places (
  execution_id BIGINT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
  tenant_id BIGINT NOT NULL,
  organization_id BIGINT NOT NULL,
  -- 0: in none.
  department_id BIGINT NOT NULL,
  PRIMARY KEY (execution_id, organization_id, department_id)
);
INSERT INTO execution_places (execution_id, tenant_id, organization_id, department_id)
  SELECT DISTINCT execution_id, tenant_id, organization_id, coalesce(department_id, 0) FROM jobs
  WHERE execution_id IN (SELECT id FROM executions);
CREATE INDEX execution_places_by_tenant ON execution_places (tenant_id, execution_id);
CREATE INDEX execution_places_by_organization ON execution_places (organization_id, execution_id);
CREATE INDEX execution_places_by_department ON execution_places (department_id, execution_id);
