-- From when a key may be used, and from which addresses of clients.

ALTER TABLE keys
    ADD COLUMN not_before timestamptz,          -- null: at once
    ADD COLUMN networks text[] NOT NULL DEFAULT '{}' -- empty: from any
        CHECK (cardinality(networks) <= 16);
