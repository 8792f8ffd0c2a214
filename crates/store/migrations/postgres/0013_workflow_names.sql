-- By step: the id that the name in it stood for when the version was published. JSON; versions from before have none.
ALTER TABLE workflow_versions ADD COLUMN resolved TEXT COLLATE "C";
