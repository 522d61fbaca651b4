-- Work that survives: what is to be done with resources, and who does it now.
--
-- A job is written with the change that wants it.  Of one resource one job runs
-- at a time (its lane); who runs it holds a lease of the database's clock and a
-- fence, and whatever it writes names both.  All that a crash leaves is a lease
-- that ends.

ALTER TABLE services
    ADD backend text NOT NULL DEFAULT 'stub',   -- what runs its connector now
    ADD unarmed text;                           -- why that is the stub

ALTER TABLE resources
    ADD generation bigint NOT NULL DEFAULT 1 CHECK (generation > 0),
    ADD needs_attention boolean NOT NULL DEFAULT false,
    ADD cost_source text,               -- of what is linked
    ADD note text CHECK (length(note) <= 1000),
    ALTER request_id DROP NOT NULL,
    ADD CONSTRAINT resources_asked CHECK (request_id IS NOT NULL
        OR (backend = 'linked' AND state IN ('linked', 'destroyed')));
CREATE INDEX resources_at_work ON resources (resource_id)
    WHERE state IN ('provisioning', 'suspending', 'resuming', 'destroying');

-- What a connector remembers of a resource (connect/connector.h).
CREATE TABLE job_lanes (
    resource_id uuid PRIMARY KEY REFERENCES resources,
    busy        boolean NOT NULL DEFAULT false,
    progress    jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(progress) = 'object')
);

CREATE SEQUENCE job_fences;

CREATE TABLE jobs (
    job_id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number       bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    kind         text NOT NULL CHECK (kind IN ('make', 'destroy', 'suspend',
        'resume', 'rotate')),
    resource_id  uuid NOT NULL REFERENCES job_lanes,
    request_id   uuid REFERENCES requests,
    state        text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready',
        'running', 'done', 'failed', 'dead', 'cancelled')),
    overtaken    boolean NOT NULL DEFAULT false,        -- by a later one
    run_at       timestamptz NOT NULL DEFAULT now(),
    attempt      integer NOT NULL DEFAULT 0,    -- failures so far
    steps        integer NOT NULL DEFAULT 0,    -- committed, of this attempt
    lost         integer NOT NULL DEFAULT 0,    -- leases that ended, in a row
    fence        bigint NOT NULL DEFAULT 0,
    lease_owner  text,
    lease_until  timestamptz,
    actor        text NOT NULL,         -- whose change it was
    trace_id     text,
    reason       text,
    last_code    text,
    last_error   text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    ended_at     timestamptz,
    CONSTRAINT jobs_lease CHECK ((state = 'running') = (lease_until IS NOT NULL)
        AND (lease_owner IS NULL) = (lease_until IS NULL)),
    CONSTRAINT jobs_end CHECK ((state IN ('ready', 'running'))
        = (ended_at IS NULL))
);
CREATE UNIQUE INDEX jobs_running ON jobs (resource_id)
    WHERE state = 'running';
CREATE UNIQUE INDEX jobs_waiting ON jobs (resource_id) WHERE state = 'ready';
CREATE INDEX jobs_due ON jobs (run_at) WHERE state = 'ready';
CREATE INDEX jobs_leases ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_by_resource ON jobs (resource_id, number);
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;

-- Who does what only one may do: leases with a fence, of the database's clock.
CREATE TABLE leaders (
    name   text PRIMARY KEY,
    owner  text NOT NULL,
    fence  bigint NOT NULL,
    until  timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON job_lanes, leaders TO :"runtime";
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO :"runtime";
GRANT USAGE ON SEQUENCE job_fences TO :"runtime";
