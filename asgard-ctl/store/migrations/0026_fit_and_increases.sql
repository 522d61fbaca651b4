-- Budgets that give way: calls that ask for fewer tokens instead of being
-- refused, and limits that are higher for a while.

ALTER TABLE projects
    ADD COLUMN fit_to_budget boolean NOT NULL DEFAULT false;

-- Of the limit, what it loses at that time.
ALTER TABLE budget_windows
    ADD COLUMN increase_nusd bigint,
    ADD COLUMN increase_until timestamptz,
    ADD CONSTRAINT budget_windows_increase CHECK (
        (increase_nusd IS NULL) = (increase_until IS NULL)
        AND (increase_nusd IS NULL OR increase_nusd BETWEEN 1 AND limit_nusd));
CREATE INDEX budget_windows_due ON budget_windows (increase_until)
    WHERE increase_until IS NOT NULL;
