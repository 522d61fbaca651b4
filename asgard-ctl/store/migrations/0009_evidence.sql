-- What makes evidence believable: the numbers of usage events, and what the
-- providers' own records said.

-- The events of an epoch are numbered from 1 (0: none had a number yet).  An
-- event that does not have the next number moves no counter; `copies` counts
-- those that said what an event before had said.
ALTER TABLE cursors
    ADD COLUMN last_number bigint NOT NULL DEFAULT 0,
    ADD COLUMN copies bigint NOT NULL DEFAULT 0;

-- What a replay tells of holds that the ledger does not know yet, until it
-- does: a further line of such a hold must be of the same call.
CREATE TABLE replay_claims (
    hold_id    text PRIMARY KEY,
    partition  smallint NOT NULL,
    project_id text NOT NULL,
    key_id     text NOT NULL,
    held_nano  bigint NOT NULL,
    pins       text NOT NULL,           -- '': a void that did not know them
    at         timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT, UPDATE, DELETE ON replay_claims TO :"runtime";

-- What the providers' own records said of calls, as `asgard-ctl evidence` read
-- it: the greatest evidence there is, so nothing has its rank that does not
-- stand here.  An event of the audit log, of the same transaction, has the
-- digest of each import; so the chain of that log seals these rows.
CREATE TABLE provider_records (
    hold_id     text NOT NULL REFERENCES holds,
    amount_nano bigint NOT NULL
        CHECK (amount_nano BETWEEN 0 AND 9007199254740991),
    import      uuid NOT NULL,
    source      text NOT NULL,
    tokens      jsonb NOT NULL,         -- {}: it said an amount only
    PRIMARY KEY (hold_id, amount_nano)
);
CREATE INDEX provider_records_by_import ON provider_records (import);

-- The text of an import that its digest covers.
CREATE FUNCTION provider_records_text(which uuid) RETURNS text
LANGUAGE sql STABLE
RETURN (SELECT coalesce(string_agg(jsonb_build_array(hold_id, amount_nano,
    source, tokens)::text, E'\n' ORDER BY hold_id, amount_nano), '')
    FROM provider_records WHERE import = which);

GRANT SELECT, INSERT ON provider_records TO :"runtime";
