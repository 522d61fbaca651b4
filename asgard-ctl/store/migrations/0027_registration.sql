-- What a project shows of itself, its review window, and how it ended.
--
-- A proof of concept is looked at again after 90 days; the first time is set
-- for those that exist from now on, for nobody has told them before.

ALTER TABLE projects
    ADD COLUMN evidence jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(evidence) = 'object'),
    ADD COLUMN review_date timestamptz,         -- null: no review is due
    ADD COLUMN review_extensions integer NOT NULL DEFAULT 0
        CHECK (review_extensions >= 0),
    ADD COLUMN ended_at timestamptz,            -- decommissioned
    ADD CONSTRAINT projects_ended CHECK (
        (ended_at IS NULL) = (lifecycle IN ('active', 'provisional')));

CREATE FUNCTION review_window() RETURNS interval LANGUAGE sql IMMUTABLE
RETURN interval '90 days';

-- When a project that gets this classification is looked at: a proof of concept
-- after the window, a critical path when it says itself.
CREATE FUNCTION review_begin(classification text, evidence jsonb)
RETURNS timestamptz LANGUAGE sql STABLE
RETURN CASE classification
    WHEN 'poc' THEN now() + review_window()
    WHEN 'critical-path' THEN (evidence ->> 'recurring_review_date')::date
    END;

UPDATE projects SET review_date = review_begin(classification, evidence);
