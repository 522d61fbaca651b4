-- People, how they sign in, and the agents that act for them.
--
-- A right over one project is no row here: it follows from the project's owner
-- and manager addresses, which may be named before there is such an account.

CREATE TABLE users (
    user_id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    username       text NOT NULL CONSTRAINT users_username UNIQUE
        CHECK (username ~ '^[a-z0-9][a-z0-9._@-]{0,63}$'),
    email          text NOT NULL CONSTRAINT users_email UNIQUE
        CHECK (email = lower(email)),
    email_verified boolean NOT NULL,            -- else it gives no right
    display_name   text NOT NULL,
    provider       text NOT NULL DEFAULT 'local',
    role           text NOT NULL CHECK (role IN ('admin', 'finance', 'member')),
    active         boolean NOT NULL DEFAULT true,
    password       text,                        -- scrypt$…; null: none
    created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sessions (
    session_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    sha256     bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
    user_id    uuid NOT NULL REFERENCES users,
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);

-- Attempts to sign in under one name from one address that have not succeeded.
CREATE TABLE login_attempts (
    who      bytea PRIMARY KEY CHECK (length(who) = 32), -- SHA-256 of both
    failures integer NOT NULL,
    at       timestamptz NOT NULL               -- of the last that counted
);
CREATE INDEX login_attempts_by_time ON login_attempts (at);

CREATE TABLE agents (
    agent_id   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id   uuid NOT NULL REFERENCES users,  -- asks whatever it asks
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    active     boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX agents_by_owner ON agents (owner_id, agent_id);

-- A token is the operator's (it has a role of its own), a person's or an
-- agent's; an agent's never has the scope to decide anything.
ALTER TABLE tokens
    ALTER COLUMN role DROP NOT NULL,
    ADD COLUMN user_id uuid REFERENCES users,
    ADD COLUMN agent_id uuid REFERENCES agents,
    ADD COLUMN scopes text[] NOT NULL DEFAULT '{request,read,admin}'
        CHECK (cardinality(scopes) > 0
               AND scopes <@ '{request,read,admin}'::text[]),
    ADD COLUMN minted_by uuid REFERENCES tokens,
    ADD CONSTRAINT tokens_of_one
        CHECK (num_nonnulls(role, user_id, agent_id) = 1),
    ADD CONSTRAINT tokens_agent_scopes
        CHECK (agent_id IS NULL OR scopes <@ '{request,read}'::text[]);
CREATE INDEX tokens_by_user ON tokens (user_id, token_id);
CREATE INDEX tokens_by_agent ON tokens (agent_id);
CREATE INDEX tokens_by_minter ON tokens (minted_by);

CREATE INDEX projects_by_owner ON projects (owner_email);
CREATE INDEX projects_by_manager ON projects (manager_email);

GRANT SELECT, INSERT, UPDATE ON users, agents TO :"runtime";
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions, login_attempts
    TO :"runtime";
