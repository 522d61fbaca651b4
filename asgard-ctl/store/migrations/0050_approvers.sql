-- Groups of approvers.  Where a rule of the policy names a group, one of its
-- members must agree beside who decides anyway, as soon as it has members.

CREATE TABLE approvers (
    group_name text NOT NULL CHECK (group_name IN ('platform', 'security')),
    user_id    uuid NOT NULL REFERENCES users,
    added_by   text NOT NULL,
    added_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (group_name, user_id)
);
CREATE INDEX approvers_by_user ON approvers (user_id);
GRANT SELECT, INSERT, DELETE ON approvers TO :"runtime";

-- Of each group that must agree, the rule that says so.
ALTER TABLE requests
    ADD COLUMN group_rules jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT requests_groups CHECK (jsonb_typeof(group_rules) = 'object'
        AND group_rules - ARRAY['platform', 'security'] = '{}');
UPDATE requests SET group_rules = jsonb_build_object(tier, rule)
    WHERE tier <> 'none' AND kind NOT IN ('generic', 'decommission')
      AND state IN ('requested', 'reviewing', 'flagged');

-- The groups that an approver was in, of those that the request names.
ALTER TABLE request_approvals
    ADD COLUMN groups text[] NOT NULL DEFAULT '{}',
    DROP CONSTRAINT request_approvals_power_check,
    ADD CONSTRAINT request_approvals_power_check
        CHECK (power IN ('admin', 'manager', 'member'));

-- What a request needs now.  Each bit is one approval, of another person: 1 of
-- an administrator or the manager, 2 of an administrator, 4 of a member of
-- platform, 8 of security.  For security, while it has no members, an
-- administrator stands.
CREATE FUNCTION request_need(of_request uuid) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN tier = 'none' THEN 0 ELSE 1
        + CASE WHEN tier = 'security' AND NOT security THEN 2 ELSE 0 END
        + CASE WHEN platform THEN 4 ELSE 0 END
        + CASE WHEN security THEN 8 ELSE 0 END END
    FROM (SELECT tier,
        group_rules ? 'platform' AND EXISTS (SELECT FROM approvers
            WHERE group_name = 'platform') AS platform,
        group_rules ? 'security' AND EXISTS (SELECT FROM approvers
            WHERE group_name = 'security') AS security
        FROM requests WHERE request_id = of_request) r
$$;

-- As what each approval counts now: what its person was then, and is still.
-- Who lost a role but manages the project still counts, as its manager; not
-- once it was handed up and an administrator is asked for by nothing else.
CREATE FUNCTION request_voices(of_request uuid)
RETURNS TABLE (approver text, voices integer) LANGUAGE sql STABLE AS $$
    SELECT approver,
        CASE WHEN admin OR (manager AND NOT handed_up) THEN 1 ELSE 0 END
        + CASE WHEN admin THEN 2 ELSE 0 END
        + CASE WHEN 'platform' = ANY (member) THEN 4 ELSE 0 END
        + CASE WHEN 'security' = ANY (member) THEN 8 ELSE 0 END
    FROM (SELECT a.approver,
            coalesce((u.active AND u.role = 'admin')
                OR (t.role = 'admin' AND t.revoked_at IS NULL), false)
                AND a.power = 'admin' AS admin,
            a.power <> 'member' AND coalesce((u.active AND u.role = 'admin')
                OR (u.active AND u.email_verified
                    AND u.email = p.manager_email
                    AND u.email <> p.owner_email), false) AS manager,
            r.state = 'reviewing' AND request_need(r.request_id) & 2 = 0
                AS handed_up,
            CASE WHEN u.active AND u.email <> p.owner_email THEN ARRAY(
                SELECT v.group_name FROM approvers v
                WHERE v.user_id = a.user_id AND v.group_name = ANY (a.groups))
                END AS member
        FROM request_approvals a
            JOIN requests r ON r.request_id = a.request_id
                AND r.plan_sha256 = a.plan_sha256
            JOIN projects p USING (project_id)
            LEFT JOIN users u ON u.user_id = a.user_id
            LEFT JOIN tokens t ON t.token_id = a.token_id
        WHERE a.request_id = of_request) now
$$;

-- How much of what is needed is given, nobody counting for two: the largest
-- assignment lacks as much as the part that lacks most.
CREATE FUNCTION voices_count(need integer, given integer[]) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT (bit_count(need::bit(4)) - max(bit_count(part::bit(4))
        - (SELECT count(*) FROM unnest(given) v WHERE v & part <> 0)))::integer
    FROM generate_series(0, 15) part WHERE part & need = part
$$;

-- `lacks`: as what one more approval would count.
CREATE FUNCTION request_tally(of_request uuid, OUT need integer,
    OUT needed integer, OUT given integer, OUT lacks integer)
LANGUAGE sql STABLE AS $$
    SELECT n, bit_count(n::bit(4))::integer, voices_count(n, v),
        (SELECT coalesce(sum(bit), 0)::integer FROM unnest('{1,2,4,8}'::int[])
            bit WHERE n & bit <> 0
            AND voices_count(n, v || bit) > voices_count(n, v))
    FROM (SELECT request_need(of_request) AS n,
        ARRAY(SELECT voices FROM request_voices(of_request)) AS v) now
$$;

-- A program of before reads this still.
CREATE OR REPLACE FUNCTION request_given(of_request uuid, OUT given integer,
    OUT admins integer) LANGUAGE sql STABLE AS $$
    SELECT (SELECT t.given FROM request_tally(of_request) t),
        (SELECT count(*)::integer FROM request_voices(of_request)
            WHERE voices & 2 <> 0)
$$;

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
    IF NEW.state = 'approved' AND OLD.state <> 'approved'
       AND (SELECT given < greatest(needed, NEW.approvals_needed)
            FROM request_tally(NEW.request_id))
    THEN
        RAISE 'the request has not the approvals that it needs';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION request_approve() RETURNS trigger LANGUAGE plpgsql
AS $$
DECLARE
    may boolean;
BEGIN
    -- whatever it says: an owner is no member over their own project
    NEW.groups := ARRAY(SELECT v.group_name FROM approvers v
        JOIN users u USING (user_id), requests r JOIN projects p
        USING (project_id) WHERE v.user_id = NEW.user_id AND u.active
        AND r.request_id = NEW.request_id AND r.group_rules ? v.group_name
        AND p.owner_email <> u.email ORDER BY v.group_name);
    may := CASE
        WHEN NEW.token_id IS NOT NULL THEN NEW.power = 'admin' AND EXISTS (
            SELECT 1 FROM tokens t WHERE t.token_id = NEW.token_id
                AND t.role = 'admin' AND t.revoked_at IS NULL)
        WHEN NEW.power = 'admin' THEN EXISTS (
            SELECT 1 FROM users u WHERE u.user_id = NEW.user_id AND u.active
                AND u.role = 'admin')
        WHEN NEW.power = 'member' THEN cardinality(NEW.groups) > 0
        ELSE EXISTS (
            SELECT 1 FROM users u, requests r
                JOIN projects p USING (project_id)
            WHERE u.user_id = NEW.user_id AND u.active AND u.email_verified
                AND r.request_id = NEW.request_id
                AND p.manager_email = u.email AND p.owner_email <> u.email)
        END;
    IF NOT may THEN
        RAISE 'the approver may not approve this';
    END IF;
    RETURN NEW;
END $$;
