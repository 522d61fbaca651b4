-- What was made for a project and only the keeper can open, and who may read
-- it.

-- A name stays over rotations; each value is a version of it.  `envelope` is
-- sealed for exactly this row (docs/formats.md) and is gone when the value is
-- of no more use.
CREATE TABLE secrets (
    project_id  text NOT NULL REFERENCES projects,
    name        text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,167}$'),
    version     integer NOT NULL CHECK (version >= 1),
    resource_id uuid NOT NULL REFERENCES resources,
    output      text NOT NULL,          -- of the resource
    state       text NOT NULL
        CHECK (state IN ('pending', 'active', 'retired', 'destroyed')),
    kek         text,                   -- id of the key that wraps it
    envelope    bytea CHECK (length(envelope) BETWEEN 90 AND 16512),
    created_at  timestamptz NOT NULL DEFAULT now(),
    active_at   timestamptz,
    ended_at    timestamptz,
    PRIMARY KEY (project_id, name, version),
    CHECK ((state IN ('pending', 'active')) = (envelope IS NOT NULL)),
    CHECK ((kek IS NULL) = (envelope IS NULL))
);
CREATE UNIQUE INDEX secrets_active ON secrets (project_id, name)
    WHERE state = 'active';
CREATE UNIQUE INDEX secrets_pending ON secrets (project_id, name)
    WHERE state = 'pending';
CREATE INDEX secrets_by_resource ON secrets (resource_id, output);
CREATE INDEX secrets_by_kek ON secrets (kek) WHERE envelope IS NOT NULL;

-- One of a principal and a version.  The keeper opens no more often than the
-- audit log says that it was asked.
CREATE TABLE secret_grants (
    grant_id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id      text NOT NULL,
    name            text NOT NULL,
    version         integer NOT NULL,
    principal       text NOT NULL,      -- as an actor: user:…, agent:…, token:…
    created_at      timestamptz NOT NULL DEFAULT now(),
    first_read_at   timestamptz,        -- by the keeper, when it first opened
    opened          integer NOT NULL DEFAULT 0,
    acknowledged_at timestamptz,
    UNIQUE (project_id, name, version, principal),
    FOREIGN KEY (project_id, name, version) REFERENCES secrets
);

GRANT SELECT, INSERT, UPDATE ON secrets, secret_grants TO :"runtime";
