-- Who may decide can change between the look of a program at it and what it
-- writes.  Those two refusals have a state of their own by which the program
-- tells them: ZA403, who decides may not; ZA409, by now it needs more.  The
-- functions are those of 0050_approvers.sql otherwise.

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
        RAISE 'the request has not the approvals that it needs'
            USING ERRCODE = 'ZA409';
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
        RAISE 'the approver may not approve this' USING ERRCODE = 'ZA403';
    END IF;
    RETURN NEW;
END $$;
