-- Of a deleted agent the jobs go first, a few at a time, and it goes with the last of them.
ALTER TABLE agents ADD COLUMN deleted_us BIGINT;
-- What it was called: a step of a workflow may have to hear of its jobs yet.
ALTER TABLE agents ADD COLUMN deleted_name TEXT COLLATE "C";
CREATE INDEX agents_deleted ON agents (id) WHERE deleted_us IS NOT NULL;
