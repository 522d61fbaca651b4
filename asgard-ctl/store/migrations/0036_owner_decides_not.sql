-- Who owns a project decides nothing over it, also where they are its manager.

CREATE OR REPLACE FUNCTION request_approve() RETURNS trigger LANGUAGE plpgsql
AS $$
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
                AND p.manager_email = u.email AND p.owner_email <> u.email)
        END;
    IF NOT may THEN
        RAISE 'the approver may not approve this';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION request_given(of_request uuid, OUT given integer,
    OUT admins integer) LANGUAGE sql STABLE AS $$
    SELECT count(*) FILTER (WHERE admin OR manager),
           count(*) FILTER (WHERE admin AND power = 'admin')
    FROM (SELECT a.power,
            coalesce((u.active AND u.role = 'admin')
                OR (t.role = 'admin' AND t.revoked_at IS NULL), false) AS admin,
            coalesce(u.active AND u.email_verified
                AND u.email = p.manager_email AND u.email <> p.owner_email,
                false) AS manager
        FROM request_approvals a
            JOIN requests r ON r.request_id = a.request_id
                AND r.plan_sha256 = a.plan_sha256
            JOIN projects p USING (project_id)
            LEFT JOIN users u ON u.user_id = a.user_id
            LEFT JOIN tokens t ON t.token_id = a.token_id
        WHERE a.request_id = of_request) now
$$;
