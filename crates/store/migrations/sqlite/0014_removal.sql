-- Of a deleted workflow the instances go first, a few at a time, and it goes with the last of them.
ALTER TABLE workflows ADD COLUMN deleted_us INTEGER;
CREATE INDEX workflows_deleted ON workflows (id) WHERE deleted_us IS NOT NULL;
CREATE INDEX instances_open ON instances (workflow_id, id) WHERE ended_us IS NULL;
-- The instance that all began with, of one that a step started.
ALTER TABLE instances ADD COLUMN root_id INTEGER;
CREATE INDEX instances_by_root ON instances (root_id) WHERE root_id IS NOT NULL;
