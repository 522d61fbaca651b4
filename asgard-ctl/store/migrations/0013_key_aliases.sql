-- Names of a key's own for models: {"fast": "gpt-5.1"}.  They go before those
-- of its project (0010), which go before those of the catalog.
ALTER TABLE keys ADD COLUMN aliases jsonb NOT NULL DEFAULT '{}'
    CHECK (jsonb_typeof(aliases) = 'object');
