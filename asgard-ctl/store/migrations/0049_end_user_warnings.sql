-- An end user whom the default of its project holds has no budget of its own,
-- and is warned of all the same.
ALTER TABLE budget_warnings DROP CONSTRAINT budget_warnings_budget_id_fkey;
