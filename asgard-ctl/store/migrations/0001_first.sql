-- The first schema: projects, keys, budgets, the ledger, the outbox, audit.
--
-- Run by `asgard-ctl migrate` as the owner.  `:"runtime"` is the role that the
-- daemon connects as; it never gets UPDATE or DELETE on ledger and audit.
-- Money is bigint nano-USD.  Times are timestamptz by the database's clock.

CREATE TABLE settings (
    name   text PRIMARY KEY,
    value  text NOT NULL
);

-- The number of partitions is fixed for the life of the database.
INSERT INTO settings VALUES ('partitions', '16');

-- Projects -----------------------------------------------------------------

CREATE TABLE project_numbers (
    year  integer PRIMARY KEY,
    last  integer NOT NULL CHECK (last BETWEEN 0 AND 9999)
);

CREATE TABLE projects (
    project_id     text PRIMARY KEY
        CHECK (project_id ~ '^proj-[0-9]{4}-[0-9]{4}$'),
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    description    text NOT NULL DEFAULT '',
    owner_email    text NOT NULL,
    manager_email  text NOT NULL,
    group_key      text,
    cost_center    text,
    classification text NOT NULL CHECK (classification IN
        ('poc', 'light-operational', 'wide-operational', 'critical-path')),
    data_class     text NOT NULL CHECK (data_class IN
        ('public', 'internal', 'confidential', 'restricted')),
    lifecycle      text NOT NULL DEFAULT 'active' CHECK (lifecycle IN
        ('active', 'provisional', 'decommissioned', 'archived')),
    killed         boolean NOT NULL DEFAULT false,
    partition      smallint NOT NULL CHECK (partition BETWEEN 0 AND 15),
    version        bigint NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);

-- The organisation as it was at each version of the project record: what a
-- ledger entry shows "as of the call".
CREATE TABLE project_versions (
    project_id     text NOT NULL REFERENCES projects,
    version        bigint NOT NULL,
    owner_email    text NOT NULL,
    manager_email  text NOT NULL,
    group_key      text,
    cost_center    text,
    classification text NOT NULL,
    at             timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, version)
);

CREATE TABLE keys (
    key_id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id   text NOT NULL REFERENCES projects,
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    pepper_id    text NOT NULL,
    digest       bytea NOT NULL CHECK (length(digest) = 32),
    prefix       text NOT NULL CHECK (length(prefix) = 12),
    models       jsonb,                         -- null: all
    budgeted     boolean NOT NULL DEFAULT false,
    version      bigint NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz,
    UNIQUE (pepper_id, digest)
);
CREATE INDEX keys_by_project ON keys (project_id, created_at, key_id);

-- Admin tokens (asg_pat_…): only the SHA-256 is kept.
CREATE TABLE tokens (
    token_id   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text NOT NULL,
    sha256     bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
    suffix     text NOT NULL,
    role       text NOT NULL CHECK (role IN ('admin')),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

-- Budgets --------------------------------------------------------------------

CREATE TABLE budgets (
    budget_id  text PRIMARY KEY,                -- p.<project> | k.<key>
    scope      text NOT NULL CHECK (scope IN ('project', 'key')),
    scope_id   text NOT NULL,
    project_id text NOT NULL REFERENCES projects,
    partition  smallint NOT NULL,
    version    bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    spec_at    timestamptz NOT NULL DEFAULT now()   -- calendar windows written
);
CREATE INDEX budgets_by_project ON budgets (project_id);
CREATE INDEX budgets_by_partition ON budgets (partition);

CREATE TABLE budget_windows (
    budget_id   text NOT NULL REFERENCES budgets,
    window_name text NOT NULL,
    limit_nusd  bigint CHECK (limit_nusd BETWEEN 0 AND 9007199254740991),
    added_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (budget_id, window_name)
);

-- What was spent already when a window was added in the middle of its period.
CREATE TABLE openings (
    budget_id   text NOT NULL REFERENCES budgets,
    window_name text NOT NULL,
    window_id   bigint NOT NULL,
    amount_nusd bigint NOT NULL CHECK (amount_nusd >= 0),
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (budget_id, window_name, window_id)
);

-- The ledger ------------------------------------------------------------------

CREATE TABLE cards (
    card_id text NOT NULL,
    version bigint NOT NULL,
    card    jsonb NOT NULL,
    at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (card_id, version)
);

CREATE TABLE partitions (
    partition    smallint PRIMARY KEY CHECK (partition BETWEEN 0 AND 15),
    epoch        bigint NOT NULL DEFAULT 0,
    run_id       text NOT NULL DEFAULT '',
    leader       text NOT NULL DEFAULT '',
    leader_token bigint NOT NULL DEFAULT 0,
    leader_until timestamptz NOT NULL DEFAULT '-infinity',
    step         text NOT NULL DEFAULT 'new' CHECK (step IN
        ('new', 'closing', 'draining', 'summing', 'adopting', 'catching',
         'open')),
    ledger_hash  bytea NOT NULL DEFAULT '\x'
);
INSERT INTO partitions (partition) SELECT generate_series(0, 15);

CREATE TABLE cursors (
    partition smallint NOT NULL,
    epoch     bigint NOT NULL,
    last_id   text NOT NULL DEFAULT '0-0',
    rows_read bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (partition, epoch)
);

-- One row for every hold that any evidence was seen of; its balance is the
-- greatest evidence (rank, then amount).
CREATE TABLE holds (
    hold_id      text PRIMARY KEY,
    partition    smallint NOT NULL,
    epoch        bigint NOT NULL,
    pins         text NOT NULL,
    rank         smallint NOT NULL CHECK (rank BETWEEN 0 AND 4),
    balance_nano bigint NOT NULL
        CHECK (balance_nano BETWEEN 0 AND 9007199254740991),
    held_nano    bigint,
    state        text NOT NULL
        CHECK (state IN ('settled', 'voided', 'unknown')),
    project_id   text NOT NULL,
    key_id       uuid,
    detail       jsonb NOT NULL,
    next_seq     integer NOT NULL DEFAULT 1,
    first_seen   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX holds_by_project ON holds (project_id, first_seen);

-- What an entry may be: a row more, not another constraint, admits a new kind.
-- An entry that belongs to no hold, such as a write-off, has a null hold_id.
CREATE TABLE ledger_kinds (kind text PRIMARY KEY);
INSERT INTO ledger_kinds VALUES ('settle'), ('unknown'), ('adjust');

CREATE TABLE ledger (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hold_id         text REFERENCES holds,
    seq             integer NOT NULL DEFAULT 1,
    kind            text NOT NULL REFERENCES ledger_kinds,
    delta_nano      bigint NOT NULL,
    rank            smallint NOT NULL,
    cause           text NOT NULL,
    at              timestamptz NOT NULL DEFAULT now(),
    partition       smallint NOT NULL,
    project_id      text NOT NULL,
    project_version bigint,
    key_id          uuid,
    detail          jsonb NOT NULL,             -- the event's, as of this entry
    hash            bytea NOT NULL,             -- chained per partition
    UNIQUE (hold_id, seq)
);
CREATE UNIQUE INDEX ledger_first_entry ON ledger (hold_id)
    WHERE kind <> 'adjust';
CREATE INDEX ledger_by_project ON ledger (project_id, id);
CREATE INDEX ledger_by_partition ON ledger (partition, id);

-- What the ledger says of an entry, byte for byte: the text that its hash
-- covers.
CREATE FUNCTION ledger_text(hold_id text, seq integer, kind text,
    delta_nano bigint, rank smallint, cause text, at timestamptz,
    partition smallint, project_id text, project_version bigint, key_id uuid,
    detail jsonb) RETURNS text LANGUAGE sql STABLE
RETURN jsonb_build_array(hold_id, seq, kind, delta_nano, rank, cause,
    (extract(epoch FROM at) * 1000000)::bigint, partition, project_id,
    project_version, key_id, detail)::text;

-- The sum of the ledger by pin, kept in the transactions that write it.
CREATE TABLE balances (
    budget_id   text NOT NULL,
    window_name text NOT NULL,
    window_id   bigint NOT NULL,
    partition   smallint NOT NULL,
    spent_nano  bigint NOT NULL,
    PRIMARY KEY (budget_id, window_name, window_id)
);
CREATE INDEX balances_by_partition ON balances (partition);

-- Corrections that Redis is owed, numbered per partition without a gap.
CREATE TABLE applies (
    partition  smallint NOT NULL,
    seq        bigint NOT NULL,
    hold_id    text NOT NULL,
    delta_nano bigint NOT NULL,
    pins       text NOT NULL,
    done_at    timestamptz,
    PRIMARY KEY (partition, seq)
);
CREATE INDEX applies_owed ON applies (partition, seq) WHERE done_at IS NULL;

-- Outbox, catalog, roles ------------------------------------------------------

CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL
        CHECK (kind IN ('key', 'project', 'budget', 'catalog')),
    target     text NOT NULL, -- key, project or budget id; version
    version    bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at    timestamptz,
    attempts   integer NOT NULL DEFAULT 0,
    last_error text
);
CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL;

CREATE TABLE catalog_snapshots (
    version    bigint PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    body       text NOT NULL,                   -- sealed and authenticated
    modules    jsonb NOT NULL -- each module: active or why not
);

CREATE TABLE role_beats (
    role  text PRIMARY KEY,
    pid   integer NOT NULL,
    at    timestamptz NOT NULL DEFAULT now(),
    info  jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE idempotency (
    caller       text NOT NULL,
    key          text NOT NULL,
    request_hash bytea NOT NULL,
    status       integer,                       -- null: in flight
    response     text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, key)
);

-- Audit -----------------------------------------------------------------------

CREATE TABLE audit_events (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ts         timestamptz NOT NULL DEFAULT now(),
    actor      text NOT NULL,
    action     text NOT NULL,
    entity_ref text NOT NULL,                   -- kind:id
    entities   text[] NOT NULL, -- every bare id that it is about
    trace_id   text NOT NULL DEFAULT '',
    outcome    text NOT NULL CHECK (outcome IN ('ok', 'denied', 'failed')),
    reason     text NOT NULL DEFAULT '',
    data       jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_by_entity ON audit_events USING gin (entities);
CREATE INDEX audit_by_trace ON audit_events (trace_id) WHERE trace_id <> '';

-- The text of an event that its seal covers.
CREATE FUNCTION audit_text(e audit_events) RETURNS text LANGUAGE sql STABLE
RETURN jsonb_build_array(e.id, (extract(epoch FROM e.ts) * 1000000)::bigint,
    e.actor, e.action, e.entity_ref, to_jsonb(e.entities), e.trace_id,
    e.outcome, e.reason, e.data)::text;

-- The sealer chains events in order of commit, within a second.
CREATE TABLE audit_seals (
    seq      bigint PRIMARY KEY,
    event_id bigint NOT NULL UNIQUE REFERENCES audit_events,
    hash     bytea NOT NULL,
    at       timestamptz NOT NULL DEFAULT now()
);

-- Where the chain ends, written by the sealer with each seal: removing the
-- newest events together with their seals does not go unseen.
CREATE TABLE audit_head (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq   bigint NOT NULL,
    hash  bytea NOT NULL
);
INSERT INTO audit_head (seq, hash) VALUES (0, '');

-- Rights ----------------------------------------------------------------------

GRANT USAGE ON SCHEMA public TO :"runtime";
GRANT SELECT ON ALL TABLES IN SCHEMA public TO :"runtime";
GRANT INSERT, UPDATE ON project_numbers, projects, keys, tokens, budgets,
    budget_windows, openings, partitions, cursors, holds, balances, applies,
    outbox, role_beats, idempotency TO :"runtime";
GRANT UPDATE ON audit_head TO :"runtime";
GRANT INSERT ON project_versions, cards, ledger, catalog_snapshots,
    audit_events, audit_seals TO :"runtime";
GRANT DELETE ON budget_windows, outbox, role_beats, idempotency TO :"runtime";
