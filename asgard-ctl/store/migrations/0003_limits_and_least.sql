-- What an audit needs to prove a budget that is overdrawn: every limit that was
-- ever in force, and the least that each hold ever stood for.

-- One row for each limit that a window got, in the transaction that changed
-- it.  A null limit is unlimited, also after the window was taken away.
CREATE TABLE budget_limits (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    budget_id   text NOT NULL,
    window_name text NOT NULL,
    limit_nusd  bigint,
    at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX budget_limits_by_window
    ON budget_limits (budget_id, window_name, id);

-- The owner writes: who runs cannot make up a limit without setting it.
CREATE FUNCTION budget_limits_record() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO budget_limits (budget_id, window_name)
            VALUES (OLD.budget_id, OLD.window_name);
    ELSIF TG_OP = 'INSERT'
        OR NEW.limit_nusd IS DISTINCT FROM OLD.limit_nusd THEN
        INSERT INTO budget_limits (budget_id, window_name, limit_nusd)
            VALUES (NEW.budget_id, NEW.window_name, NEW.limit_nusd);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER budget_limits_record AFTER INSERT OR UPDATE OR DELETE
    ON budget_windows FOR EACH ROW EXECUTE FUNCTION budget_limits_record();

-- Limits of before: the audit log has them, "total=5 1d=unlimited", in order.
WITH said AS (
    SELECT CASE WHEN a.entity_ref LIKE 'project:%' THEN 'p.' ELSE 'k.' END
        || split_part(a.entity_ref, ':', 2) AS budget_id, a.ts, a.id,
        s.at, split_part(word, '=', 1) AS window_name,
        split_part(word, '=', 2) AS usd
    FROM audit_events a,
        LATERAL (VALUES (0, a.data->>'before'), (1, a.data->>'after'))
            AS s(at, list),
        unnest(string_to_array(s.list, ' ')) AS word
    WHERE a.action IN ('project.budget_set', 'key.budget_set')
        AND a.outcome = 'ok'),
old AS (
    SELECT budget_id, window_name, usd, id, at,
        CASE at WHEN 1 THEN ts ELSE coalesce((SELECT max(e.ts) FROM said e
            WHERE e.budget_id = said.budget_id AND e.id < said.id),
            b.created_at) END AS since
    FROM said JOIN budgets b USING (budget_id))
INSERT INTO budget_limits (budget_id, window_name, limit_nusd, at)
SELECT budget_id, window_name, CASE WHEN usd <> 'unlimited'
    THEN (usd::numeric * 1000000000)::bigint END, since
FROM old ORDER BY id, at;

INSERT INTO budget_limits (budget_id, window_name, limit_nusd, at)
SELECT w.budget_id, w.window_name, w.limit_nusd, b.created_at
FROM budget_windows w JOIN budgets b USING (budget_id)
WHERE NOT EXISTS (SELECT FROM budget_limits l WHERE l.budget_id = w.budget_id
    AND l.window_name = w.window_name);

-- The least that a hold ever stood for (flow/evidence.h), and when its first
-- evidence came by the clock of Redis.  Null in rows of before.
ALTER TABLE holds ADD COLUMN least_nano bigint,
    ADD COLUMN ended_at timestamptz;

GRANT SELECT ON budget_limits TO :"runtime";
