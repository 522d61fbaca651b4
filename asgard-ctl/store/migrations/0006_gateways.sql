-- The workers of gateways, by their last beat: whom a reseed waits for.

CREATE TABLE gateway_workers (
    worker_id text PRIMARY KEY CHECK (worker_id ~ '^[A-Za-z0-9._-]{1,64}$'),
    seen_at   timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON gateway_workers TO :"runtime";
