-- Open holds as Redis had them when a gateway fell silent: should Redis lose
-- its data before that gateway speaks again, nobody else knows of its holds.

CREATE TABLE held_copies (
    hold_id     text PRIMARY KEY CHECK (hold_id ~ '^[A-Za-z0-9._-]{1,64}$'),
    partition   smallint NOT NULL,
    amount_nano bigint NOT NULL
        CHECK (amount_nano BETWEEN 0 AND 9007199254740991),
    created_s   bigint NOT NULL,                -- both by Redis' clock
    expires_s   bigint NOT NULL,
    pins        text NOT NULL,
    detail      text NOT NULL
);
CREATE INDEX held_copies_by_partition ON held_copies (partition, hold_id);

-- When its open holds were last copied.
ALTER TABLE partitions ADD COLUMN copied_at timestamptz;

-- A partition was opened without the word of this worker, which has not been
-- heard since.
ALTER TABLE gateway_workers ADD COLUMN unheard_at timestamptz;

GRANT SELECT, INSERT, DELETE ON held_copies TO :"runtime";
