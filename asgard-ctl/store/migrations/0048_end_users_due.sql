-- Until when an end user is needed: a reseed, and the audit, look at those
-- whose last period may still go on, and not at everybody who ever called.

-- The second at which the period of a window that began at `window_id` must be
-- over.  Of a day and more an hour later: it may be of a zone.  Null of `total`
-- and of what is no window.
CREATE FUNCTION window_due(window_name text, window_id bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN window_name ~ '^[0-9]{1,4}(s|m|h|d|w|mo)$' THEN
        window_id + substring(window_name FROM '^[0-9]+')::bigint
            * CASE substring(window_name FROM '[a-z]+$') WHEN 's' THEN 1
            WHEN 'm' THEN 60 WHEN 'h' THEN 3600 WHEN 'd' THEN 90000
            WHEN 'w' THEN 608400 ELSE 2682000 END END
$$;

ALTER TABLE end_users ADD COLUMN due bigint NOT NULL DEFAULT 0;
UPDATE end_users u SET due = coalesce((SELECT max(window_due(s.window_name,
    s.window_id)) FROM balances s WHERE s.budget_id = u.budget_id), 0);

-- In pages, each from where the last one ended.
CREATE INDEX end_users_in_order ON end_users (partition, default_id, budget_id)
    INCLUDE (due);
DROP INDEX end_users_by_default;
DROP INDEX end_users_by_partition;

GRANT UPDATE (due) ON end_users TO :"runtime";
