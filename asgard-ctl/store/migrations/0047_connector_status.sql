-- What the keeper found of a system that a connector works with.
CREATE TABLE connector_status (
    connector  text PRIMARY KEY,
    checked_at timestamptz NOT NULL,
    reason     text,                    -- why it cannot work now
    warnings   jsonb NOT NULL DEFAULT '[]'
        CHECK (jsonb_typeof(warnings) = 'array')
);

-- Which resource a key of LiteLLM belongs to.
CREATE INDEX resources_by_key_hash ON resources ((outputs->>'key_hash'))
    WHERE backend = 'litellm' AND state <> 'destroyed';

GRANT SELECT, INSERT, UPDATE, DELETE ON connector_status TO :"runtime";
