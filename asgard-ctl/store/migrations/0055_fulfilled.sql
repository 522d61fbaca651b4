-- What Asgard does nothing for is done by people, and one of them says so: who
-- may decide over it, and nobody who asked.

-- The right to decide but as a member of a group, and of now.
CREATE FUNCTION request_right(of_request uuid, of_user uuid, of_token uuid,
    as_power text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN of_token IS NOT NULL THEN as_power = 'admin' AND EXISTS (
            SELECT 1 FROM tokens t WHERE t.token_id = of_token
                AND t.role = 'admin' AND t.revoked_at IS NULL)
        WHEN as_power = 'admin' THEN EXISTS (
            SELECT 1 FROM users u WHERE u.user_id = of_user AND u.active
                AND u.role = 'admin')
        WHEN as_power = 'manager' THEN EXISTS (
            SELECT 1 FROM users u, requests r
                JOIN projects p USING (project_id)
            WHERE u.user_id = of_user AND u.active AND u.email_verified
                AND r.request_id = of_request
                AND p.manager_email = u.email AND p.owner_email <> u.email)
        ELSE false END
$$;

CREATE TABLE request_fulfilments (
    request_id  uuid PRIMARY KEY,
    person      text NOT NULL,          -- of the request
    plan_sha256 bytea NOT NULL,         -- what was done
    fulfiller   text NOT NULL,
    user_id     uuid REFERENCES users,
    token_id    uuid REFERENCES tokens, -- of the operator
    power       text NOT NULL CHECK (power IN ('admin', 'manager')),
    at          timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (request_id, person, plan_sha256)
        REFERENCES requests (request_id, person, plan_sha256),
    CONSTRAINT request_fulfilments_not_own CHECK (fulfiller <> person),
    CONSTRAINT request_fulfilments_of_one
        CHECK (num_nonnulls(user_id, token_id) = 1),
    CONSTRAINT request_fulfilments_fulfiller CHECK (fulfiller =
        CASE WHEN user_id IS NULL THEN 'operator' ELSE 'user:' || user_id END)
);
GRANT SELECT, INSERT ON request_fulfilments TO :"runtime";

CREATE FUNCTION request_fulfil() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT request_right(NEW.request_id, NEW.user_id, NEW.token_id, NEW.power)
    THEN
        RAISE 'who says that it was done may not' USING ERRCODE = 'ZA403';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER request_fulfil BEFORE INSERT ON request_fulfilments
    FOR EACH ROW EXECUTE FUNCTION request_fulfil();

-- These are those of 0054_refusals.sql otherwise.
CREATE OR REPLACE FUNCTION request_change() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
    IF (OLD.request_id, OLD.kind, OLD.project_id, OLD.subject, OLD.requester,
        OLD.person, OLD.payload, OLD.plan_sha256, OLD.rule, OLD.tier,
        OLD.approvals_needed, OLD.group_rules, OLD.created_at)
       IS DISTINCT FROM
       (NEW.request_id, NEW.kind, NEW.project_id, NEW.subject, NEW.requester,
        NEW.person, NEW.payload, NEW.plan_sha256, NEW.rule, NEW.tier,
        NEW.approvals_needed, NEW.group_rules, NEW.created_at)
    THEN
        RAISE 'what was asked does not change';
    END IF;
    IF NEW.state = 'fulfilled' AND OLD.state NOT IN ('approved', 'fulfilled')
    THEN
        RAISE 'only what is approved is fulfilled';
    END IF;
    IF NEW.state = 'fulfilled' AND NEW.kind = 'generic' AND NOT EXISTS (
        SELECT FROM request_fulfilments f WHERE f.request_id = NEW.request_id)
    THEN
        RAISE 'nobody has said that it was done';
    END IF;
    IF NEW.state = 'approved' AND OLD.state <> 'approved'
       AND (SELECT given < greatest(needed, NEW.approvals_needed)
            FROM request_tally(NEW.request_id))
    THEN
        RAISE 'the request has not the approvals that it needs'
            USING ERRCODE = 'ZA409';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION request_approve() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
    -- whatever it says: an owner is no member over their own project
    NEW.groups := ARRAY(SELECT v.group_name FROM approvers v
        JOIN users u USING (user_id), requests r JOIN projects p
        USING (project_id) WHERE v.user_id = NEW.user_id AND u.active
        AND r.request_id = NEW.request_id AND r.group_rules ? v.group_name
        AND p.owner_email <> u.email ORDER BY v.group_name);
    IF NOT (request_right(NEW.request_id, NEW.user_id, NEW.token_id, NEW.power)
        OR (NEW.power = 'member' AND NEW.token_id IS NULL
            AND cardinality(NEW.groups) > 0))
    THEN
        RAISE 'the approver may not approve this' USING ERRCODE = 'ZA403';
    END IF;
    RETURN NEW;
END $$;
