-- An approval counts as long as who gave it has the power to: one whose role,
-- account, address or token is gone since has not approved.

-- How many approvals a request has now, and how many of them as administrators.
-- Who lost the role but manages the project still counts, as its manager.
CREATE FUNCTION request_given(of_request uuid, OUT given integer,
    OUT admins integer) LANGUAGE sql STABLE AS $$
    SELECT count(*) FILTER (WHERE admin OR manager),
           count(*) FILTER (WHERE admin AND power = 'admin')
    FROM (SELECT a.power,
            coalesce((u.active AND u.role = 'admin')
                OR (t.role = 'admin' AND t.revoked_at IS NULL), false) AS admin,
            coalesce(u.active AND u.email_verified
                AND u.email = p.manager_email, false) AS manager
        FROM request_approvals a
            JOIN requests r ON r.request_id = a.request_id
                AND r.plan_sha256 = a.plan_sha256
            JOIN projects p USING (project_id)
            LEFT JOIN users u ON u.user_id = a.user_id
            LEFT JOIN tokens t ON t.token_id = a.token_id
        WHERE a.request_id = of_request) now
$$;

CREATE OR REPLACE FUNCTION request_change() RETURNS trigger LANGUAGE plpgsql
AS $$
DECLARE
    now_given integer;
    now_admins integer;
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
        SELECT g.given, g.admins INTO now_given, now_admins
            FROM request_given(NEW.request_id) g;
        IF now_given < NEW.approvals_needed
           OR (now_admins = 0 AND (NEW.tier = 'security'
                                   OR OLD.state = 'reviewing'))
        THEN
            RAISE 'the request has not the approvals that it needs';
        END IF;
    END IF;
    RETURN NEW;
END $$;
