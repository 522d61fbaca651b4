-- The review of a project that the audit log was told of as expired.
ALTER TABLE projects ADD COLUMN review_told timestamptz;
CREATE INDEX projects_by_review ON projects (review_date)
    WHERE review_told IS DISTINCT FROM review_date;
