-- What an approval shows of each step that may follow: JSON, read one by one when the steps begin. The digest of the
-- approval is that of the list of all of them.
CREATE TABLE approval_work (
  approval_id BIGINT NOT NULL REFERENCES approvals (id) ON DELETE CASCADE,
  -- Behind the steps that lead to it: call/inner.
  step TEXT COLLATE "C" NOT NULL,
  position BIGINT NOT NULL,
  work TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (approval_id, step)
);
INSERT INTO approval_work
  SELECT p.id, w.work ->> 'step', w.position - 1, w.work::text
  FROM approvals p CROSS JOIN LATERAL json_array_elements(p.work::json) WITH ORDINALITY AS w (work, position);
ALTER TABLE approvals DROP COLUMN work;
