-- What was asked, who may decide, and what they said.
--
-- No human gate can be skipped, whatever a program asks of this database: who
-- approves is a person with the right to it now, and nobody who asked; an
-- approval is of one plan; a request becomes approved when it has as many as it
-- needs; what was shown never changes.  Another plan is another request.

CREATE TABLE requests (
    request_id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number           bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    kind             text NOT NULL CHECK (kind ~ ('^(generic|promotion|budget'
        '|review-extension|decommission'
        '|(provision|destroy):[a-z0-9][a-z0-9-]{0,62})$')),
    project_id       text NOT NULL REFERENCES projects,
    subject          text NOT NULL CHECK (length(subject) BETWEEN 1 AND 200),
    state            text NOT NULL CHECK (state IN ('requested', 'reviewing',
        'flagged', 'approved', 'rejected', 'cancelled', 'fulfilled')),
    requester        text NOT NULL,     -- user:…, agent:…, token:…, system:…
    person           text NOT NULL,     -- who answers: user:…, operator, system
    payload          jsonb NOT NULL CHECK (jsonb_typeof(payload) = 'object'),
    plan_sha256      bytea NOT NULL CHECK (length(plan_sha256) = 32),
    reason           text,
    rule             text NOT NULL,     -- of the policy
    tier             text NOT NULL
        CHECK (tier IN ('none', 'platform', 'security')),
    approvals_needed smallint NOT NULL CHECK (approvals_needed BETWEEN 0 AND 5),
    superseded_by    uuid REFERENCES requests,
    sla_due_at       timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT requests_gate CHECK ((tier = 'none') = (approvals_needed = 0)),
    CONSTRAINT requests_plan UNIQUE (request_id, person, plan_sha256)
);
CREATE INDEX requests_by_project ON requests (project_id, number);
CREATE INDEX requests_by_person ON requests (person, number);
CREATE INDEX requests_by_subject ON requests (subject, kind, number);
CREATE INDEX requests_open ON requests (number)
    WHERE state IN ('requested', 'reviewing', 'flagged');

CREATE TABLE request_approvals (
    request_id  uuid NOT NULL,
    person      text NOT NULL,          -- of the request
    plan_sha256 bytea NOT NULL,         -- what the approver was shown
    approver    text NOT NULL,
    user_id     uuid REFERENCES users,
    token_id    uuid REFERENCES tokens, -- of the operator
    power       text NOT NULL CHECK (power IN ('admin', 'manager')),
    reason      text,
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (request_id, approver),
    FOREIGN KEY (request_id, person, plan_sha256)
        REFERENCES requests (request_id, person, plan_sha256),
    CONSTRAINT request_approvals_not_own CHECK (approver <> person),
    CONSTRAINT request_approvals_of_one
        CHECK (num_nonnulls(user_id, token_id) = 1),
    CONSTRAINT request_approvals_approver CHECK (approver =
        CASE WHEN user_id IS NULL THEN 'operator' ELSE 'user:' || user_id END)
);

-- What happened to a request, in order; also what its followers are sent.
CREATE TABLE request_events (
    event_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id uuid NOT NULL REFERENCES requests,
    at         timestamptz NOT NULL DEFAULT now(),
    actor      text NOT NULL,
    event      text NOT NULL,
    state      text NOT NULL,           -- that it led to
    reason     text
);
CREATE INDEX request_events_by_request ON request_events (request_id, event_id);

CREATE FUNCTION request_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.plan_sha256 := sha256(convert_to(concat_ws(E'\n', NEW.kind,
        NEW.project_id, NEW.subject, NEW.payload::text), 'UTF8'));
    IF NEW.state IN ('approved', 'fulfilled') AND NEW.approvals_needed > 0 THEN
        RAISE 'a request that needs approval begins without';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER request_new BEFORE INSERT ON requests
    FOR EACH ROW EXECUTE FUNCTION request_new();

CREATE FUNCTION request_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    given integer;
    admins integer;
BEGIN
    IF (OLD.request_id, OLD.kind, OLD.project_id, OLD.subject, OLD.requester,
        OLD.person, OLD.payload, OLD.plan_sha256, OLD.rule, OLD.tier,
        OLD.approvals_needed, OLD.created_at)
       IS DISTINCT FROM
       (NEW.request_id, NEW.kind, NEW.project_id, NEW.subject, NEW.requester,
        NEW.person, NEW.payload, NEW.plan_sha256, NEW.rule, NEW.tier,
        NEW.approvals_needed, NEW.created_at)
    THEN
        RAISE 'what was asked does not change';
    END IF;
    IF NEW.state = 'fulfilled' AND OLD.state NOT IN ('approved', 'fulfilled')
    THEN
        RAISE 'only what is approved is fulfilled';
    END IF;
    IF NEW.state = 'approved' AND OLD.state <> 'approved' THEN
        SELECT count(*), count(*) FILTER (WHERE power = 'admin')
            INTO given, admins FROM request_approvals
            WHERE request_id = NEW.request_id
              AND plan_sha256 = NEW.plan_sha256;
        IF given < NEW.approvals_needed
           OR (admins = 0 AND (NEW.tier = 'security'
                               OR OLD.state = 'reviewing'))
        THEN
            RAISE 'the request has not the approvals that it needs';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER request_change BEFORE UPDATE ON requests
    FOR EACH ROW EXECUTE FUNCTION request_change();

-- The right to approve is an administrator's or the manager's of the project,
-- by an address that is verified, and of now.  An owner has none as such.
CREATE FUNCTION request_approve() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may boolean;
BEGIN
    may := CASE
        WHEN NEW.token_id IS NOT NULL THEN NEW.power = 'admin' AND EXISTS (
            SELECT 1 FROM tokens t WHERE t.token_id = NEW.token_id
                AND t.role = 'admin' AND t.revoked_at IS NULL)
        WHEN NEW.power = 'admin' THEN EXISTS (
            SELECT 1 FROM users u WHERE u.user_id = NEW.user_id AND u.active
                AND u.role = 'admin')
        ELSE EXISTS (
            SELECT 1 FROM users u, requests r
                JOIN projects p USING (project_id)
            WHERE u.user_id = NEW.user_id AND u.active AND u.email_verified
                AND r.request_id = NEW.request_id
                AND p.manager_email = u.email)
        END;
    IF NOT may THEN
        RAISE 'the approver may not approve this';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER request_approve BEFORE INSERT ON request_approvals
    FOR EACH ROW EXECUTE FUNCTION request_approve();

CREATE FUNCTION request_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('asgard_requests', NEW.request_id::text);
    RETURN NULL;
END $$;
CREATE TRIGGER request_told AFTER INSERT ON request_events
    FOR EACH ROW EXECUTE FUNCTION request_told();

GRANT SELECT, INSERT, UPDATE ON requests TO :"runtime";
GRANT SELECT, INSERT ON request_approvals, request_events TO :"runtime";
