-- Scripts and libraries; what they say is in their versions.
CREATE TABLE scripts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL REFERENCES tenants (id),
  organization_id INTEGER REFERENCES organizations (id),
  department_id INTEGER REFERENCES departments (id),
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  language TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_us INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  updated_us INTEGER NOT NULL,
  updated_by TEXT NOT NULL,
  UNIQUE (tenant_id, kind, name)
) STRICT;

-- Never changed once written.
CREATE TABLE script_versions (
  script_id INTEGER NOT NULL REFERENCES scripts (id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  content TEXT NOT NULL,
  definition TEXT NOT NULL,
  digest TEXT NOT NULL,
  message TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (script_id, version)
) STRICT;

-- Libraries that the newest version of a script links, in their order.
CREATE TABLE script_libraries (
  script_id INTEGER NOT NULL REFERENCES scripts (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  library_id INTEGER NOT NULL REFERENCES scripts (id),
  PRIMARY KEY (script_id, position)
) STRICT;
CREATE INDEX script_libraries_by_library ON script_libraries (library_id);
