-- Who ran a schedule now that it comes of: it was started so, by a step of such a one, or retries one.
ALTER TABLE instances ADD COLUMN triggered_by INTEGER;
