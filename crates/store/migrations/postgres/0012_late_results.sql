-- What an agent told of an attempt that the server had ended before: all of it, beside how it stands.
ALTER TABLE attempts ADD COLUMN late_started_us BIGINT;
ALTER TABLE attempts ADD COLUMN late_finished_us BIGINT;
ALTER TABLE attempts ADD COLUMN late_duration_us BIGINT;
ALTER TABLE attempts ADD COLUMN late_result TEXT COLLATE "C";

-- When the agent told how the attempt ended. Until then its output is taken, whatever the server made of it.
ALTER TABLE attempts ADD COLUMN reported_us BIGINT;
UPDATE attempts SET reported_us = coalesce(late_us, finished_us)
  WHERE late_us IS NOT NULL OR duration_us IS NOT NULL OR state IN ('completed', 'failed');
