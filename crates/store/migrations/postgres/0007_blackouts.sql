-- In its calendar's blackouts the jobs of a host group do not begin: they wait, or are cancelled.
ALTER TABLE host_groups ADD COLUMN calendar_id BIGINT REFERENCES calendars (id);
ALTER TABLE host_groups ADD COLUMN blackout_jobs TEXT COLLATE "C";
CREATE INDEX host_groups_by_calendar ON host_groups (calendar_id) WHERE calendar_id IS NOT NULL;

-- The blackout that holds, or the next one: the servers keep it up to date. Absent until one of them looked.
ALTER TABLE calendars ADD COLUMN dark_from_us BIGINT;
ALTER TABLE calendars ADD COLUMN dark_until_us BIGINT;

-- The groups with a calendar by way of which a job was made.
CREATE TABLE job_groups (
  job_id BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  group_id BIGINT NOT NULL REFERENCES host_groups (id) ON DELETE CASCADE,
  PRIMARY KEY (job_id, group_id)
);
CREATE INDEX job_groups_by_group ON job_groups (group_id);

-- The limited API token with which a schedule was saved: it lends no more than it has, and no longer.
ALTER TABLE schedules ADD COLUMN token_id BIGINT;
-- How often what is due now failed inside the server.
ALTER TABLE schedules ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;

-- For the removal of old ones.
CREATE INDEX schedule_ticks_by_time ON schedule_ticks (tick_us);
