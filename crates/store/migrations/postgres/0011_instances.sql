-- Those that ended long ago are removed, unless one that is kept tries them again.
CREATE INDEX instances_by_end ON instances (ended_us) WHERE ended_us IS NOT NULL;
CREATE INDEX instances_by_retry ON instances (retry_of) WHERE retry_of IS NOT NULL;
CREATE INDEX instances_by_schedule ON instances (schedule_id, id) WHERE schedule_id IS NOT NULL;
