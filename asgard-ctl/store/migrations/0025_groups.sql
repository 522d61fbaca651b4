-- Groups of projects, and budgets of wider and narrower scopes than a project
-- and a key.

-- None: any name is accepted at registration; else only these.
CREATE TABLE groups (
    group_key    text PRIMARY KEY CHECK (group_key ~ '^[A-Za-z0-9._-]{1,64}$'),
    display_name text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 200),
    cost_center  text NOT NULL CHECK (length(cost_center) BETWEEN 1 AND 64),
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX projects_by_group ON projects (group_key)
    WHERE group_key IS NOT NULL;

-- The budget of a group is no project's.
ALTER TABLE budgets
    DROP CONSTRAINT budgets_scope_check,
    ADD CONSTRAINT budgets_scope_check
        CHECK (scope IN ('project', 'key', 'group', 'model', 'end_user')),
    ALTER COLUMN project_id DROP NOT NULL,
    ADD CONSTRAINT budgets_project_check
        CHECK ((project_id IS NULL) = (scope = 'group'));
CREATE UNIQUE INDEX budgets_by_scope ON budgets (scope, scope_id);

GRANT SELECT, INSERT ON groups TO :"runtime";
