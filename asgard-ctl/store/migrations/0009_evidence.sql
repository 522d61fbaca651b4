-- What makes evidence believable: the numbers of usage events, and what the
-- providers' own records said.

-- The events of an epoch are numbered from 1 (0: none had a number yet).  An
-- event that does not have the next number moves no counter; `copies` counts
-- those that said what an event before had said.
ALTER TABLE cursors
    ADD COLUMN last_number bigint NOT NULL DEFAULT 0,
    ADD COLUMN copies bigint NOT NULL DEFAULT 0;
