-- Soft thresholds: a warning when a window has spent so many percent of its
-- limit, told once in each of its periods for each limit.

-- 0: none.
ALTER TABLE budget_windows ADD COLUMN soft_pct smallint NOT NULL DEFAULT 80
    CHECK (soft_pct BETWEEN 0 AND 100);

CREATE TABLE budget_warnings (
    budget_id   text NOT NULL REFERENCES budgets,
    window_name text NOT NULL,
    window_id   bigint NOT NULL,
    limit_nusd  bigint NOT NULL,                -- as of the warning
    spent_nusd  bigint NOT NULL,
    soft_pct    smallint NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (budget_id, window_name, window_id, limit_nusd)
);

GRANT SELECT, INSERT ON budget_warnings TO :"runtime";
