-- End users that the default budget of their project has held: whose counters
-- a reseed writes again, and whose the audit compares.  Nobody's name is here:
-- a budget's id is made of an HMAC.

CREATE TABLE end_users (
    budget_id  text PRIMARY KEY CHECK (budget_id ~ '^e[.][0-9a-f]{16}$'),
    default_id text NOT NULL CHECK (default_id ~ '^e[.][0-9a-f]{16}$'),
    partition  smallint NOT NULL
);
CREATE INDEX end_users_by_default ON end_users (default_id);
CREATE INDEX end_users_by_partition ON end_users (partition);

GRANT SELECT, INSERT ON end_users TO :"runtime";
