-- Which data a partition was seeded into, beside which process: a server that
-- was a replica in between has the run id of before, and other data.
ALTER TABLE partitions ADD COLUMN replid text NOT NULL DEFAULT '';
