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
