-- Libraries that each version of a script links, in their order: what once ran can be run again.
CREATE TABLE script_links (
  script_id INTEGER NOT NULL REFERENCES scripts (id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  position INTEGER NOT NULL,
  library_id INTEGER NOT NULL REFERENCES scripts (id),
  PRIMARY KEY (script_id, version, position)
) STRICT;
CREATE INDEX script_links_by_library ON script_links (library_id, script_id, version);
-- An older version has no row for a library that is gone, or has another name: what was made later is not what it meant.
INSERT INTO script_links
  SELECT v.script_id, v.version, l.key, b.id
  FROM script_versions v JOIN scripts s ON s.id = v.script_id
  JOIN json_each(v.definition, '$.libraries') l
  JOIN scripts b ON b.kind = 'library' AND b.tenant_id = s.tenant_id
    AND (b.name = json_extract(l.value, '$.library') OR CAST(b.id AS TEXT) = json_extract(l.value, '$.library'))
    AND (v.version = s.version OR b.created_us <= v.created_us)
  WHERE TRUE
  ON CONFLICT DO NOTHING;
DROP TABLE script_libraries;
