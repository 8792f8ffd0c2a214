-- The newest of the runs of a step that left something: a loop has many.
CREATE INDEX step_runs_by_step ON step_runs (instance_id, step, run) WHERE outcome IS NOT NULL AND result IS NOT NULL;
