-- What was spent and held in a window when Redis got a limit that is lower than
-- one of before: no more than that is explained by the one of before.

-- limit_id: the limits of the window that were in force from then on are this
-- one of `budget_limits` and those after it.  Of the periods of a window only
-- the newest stays.
CREATE TABLE limit_starts (
    budget_id   text NOT NULL REFERENCES budgets,
    window_name text NOT NULL,
    window_id   bigint NOT NULL,
    limit_id    bigint NOT NULL,
    used_nusd   bigint NOT NULL,                -- spent + held
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (budget_id, window_name, window_id, limit_id)
);

-- Limits that were lowered before this was kept: they are sent again, and what
-- is used now is written down.
INSERT INTO outbox (kind, target, version)
SELECT 'budget', b.budget_id, b.version FROM budgets b
WHERE EXISTS (SELECT FROM budget_windows w
    JOIN budget_limits l USING (budget_id, window_name)
    WHERE w.budget_id = b.budget_id AND w.limit_nusd IS NOT NULL
    AND (l.limit_nusd IS NULL OR l.limit_nusd > w.limit_nusd));

GRANT SELECT, INSERT, DELETE ON limit_starts TO :"runtime";
