-- Whether somebody asked for the end of this attempt: a retry of its job begins without.
ALTER TABLE attempts ADD COLUMN cancel_requested INTEGER NOT NULL DEFAULT 0;
UPDATE attempts SET cancel_requested = 1
  WHERE id IN (SELECT j.attempt_id FROM jobs j WHERE j.cancel_requested = 1);
