-- What an approval shows of each step that may follow: JSON, read one by one when the steps begin. The digest of the
-- approval is that of the list of all of them.
CREATE TABLE approval_work (
  approval_id INTEGER NOT NULL REFERENCES approvals (id) ON DELETE CASCADE,
  -- Behind the steps that lead to it: call/inner.
  step TEXT NOT NULL,
  position INTEGER NOT NULL,
  work TEXT NOT NULL,
  PRIMARY KEY (approval_id, step)
) STRICT;
INSERT INTO approval_work
  SELECT p.id, json_extract(w.value, '$.step'), w.key, w.value
  FROM approvals p JOIN json_each(p.work) w;
ALTER TABLE approvals DROP COLUMN work;
