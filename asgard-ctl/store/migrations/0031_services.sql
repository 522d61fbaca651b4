-- What can be provisioned, as the keeper read it from the service modules, and
-- what was.

CREATE TABLE services (
    service_id      text PRIMARY KEY,
    manifest        jsonb NOT NULL,     -- catalog/service.h
    manifest_sha256 bytea NOT NULL CHECK (length(manifest_sha256) = 32),
    models          text[] NOT NULL DEFAULT '{}',       -- refs; of a backend
    active          boolean NOT NULL,   -- a backend: its variables are set
    reason          text,               -- why not; or why the file is refused
    read_at         timestamptz NOT NULL DEFAULT now()
);

-- A request that is approved makes the row, before anything is done.
CREATE TABLE resources (
    resource_id   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number        bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    project_id    text NOT NULL REFERENCES projects,
    rtype         text NOT NULL CHECK (rtype ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name          text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
    spec          jsonb NOT NULL CHECK (jsonb_typeof(spec) = 'object'),
    outputs       jsonb NOT NULL DEFAULT '{}',
    tags          jsonb NOT NULL,
    est_monthly_nusd bigint NOT NULL DEFAULT 0
        CHECK (est_monthly_nusd BETWEEN 0 AND 9007199254740991),
    actual_nusd   bigint,               -- null: not measured
    state         text NOT NULL CHECK (state IN ('provisioning', 'provisioned',
        'failed', 'suspending', 'suspended', 'resuming', 'destroying',
        'destroyed', 'destroy_failed', 'linked')),
    backend       text NOT NULL,        -- the connector that did it
    dry_run       boolean NOT NULL,
    request_id    uuid NOT NULL REFERENCES requests,    -- the latest approved
    error         text,
    attempts      integer NOT NULL DEFAULT 0,
    next_retry_at timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX resources_alive ON resources (project_id, rtype, name)
    WHERE state <> 'destroyed';
CREATE INDEX resources_by_project ON resources (project_id, number);

-- Nothing is made without a request that was approved.
CREATE FUNCTION resource_asked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'provisioning' AND NOT EXISTS (SELECT 1 FROM requests
        WHERE request_id = NEW.request_id AND project_id = NEW.project_id
          AND state IN ('approved', 'fulfilled'))
    THEN
        RAISE 'a resource without an approved request';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER resource_asked BEFORE INSERT OR UPDATE ON resources
    FOR EACH ROW EXECUTE FUNCTION resource_asked();

GRANT SELECT, INSERT, UPDATE, DELETE ON services TO :"runtime";
GRANT SELECT, INSERT, UPDATE ON resources TO :"runtime";
