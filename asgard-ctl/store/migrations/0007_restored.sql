-- A database that was restored to an older point: it must not give out a
-- number again that the world has seen, and it must know what it missed.

-- Versions of records, catalogs and cards are above this.
CREATE TABLE version_floors (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    floor bigint NOT NULL
);
INSERT INTO version_floors (floor) VALUES (0);

CREATE FUNCTION version_floor() RETURNS bigint LANGUAGE sql STABLE
RETURN (SELECT floor FROM version_floors);

-- Usage events that Redis had let go when the ledger asked for them.  Only the
-- witness files still know them; an audit names the gap until it is closed.
CREATE TABLE stream_gaps (
    partition smallint NOT NULL,
    epoch     bigint NOT NULL,
    after_id  text NOT NULL,
    upto_id   text NOT NULL,
    events    bigint NOT NULL,
    found_at  timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz,
    PRIMARY KEY (partition, epoch, after_id)
);

GRANT SELECT, UPDATE ON version_floors TO :"runtime";
GRANT SELECT, INSERT, UPDATE ON stream_gaps TO :"runtime";
