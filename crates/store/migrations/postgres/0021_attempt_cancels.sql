-- Whether somebody asked for the end of this attempt: a retry of its job begins without.
ALTER TABLE attempts ADD COLUMN cancel_requested BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE attempts SET cancel_requested = TRUE
  WHERE id IN (SELECT j.attempt_id FROM jobs j WHERE j.cancel_requested = TRUE);
