/*
 * Finding the windows that crossed, and the audit events.
 */
#include "meter/budget_warn.h"

#include "core/money.h"
#include "ledger/end_users_sql.h"
#include "store/audit.h"

/* Of a group's window, a project whose call crossed it: it is found there, too.
 * An end user without a budget of its own has the limits of its project's
 * default, and is named by the entry ($2) of its call.  By numeric: what was
 * spent has no bound, and an error here would keep a whole partition from its
 * ledger. */
#define SQL_CROSSED \
    "WITH touched AS (SELECT split_part(pin, ':', 1) AS budget_id," \
    " split_part(pin, ':', 2) AS window_name," \
    " split_part(pin, ':', 3)::bigint AS window_id," \
    " min(substring(t.pins FROM 'p[.]([^:]+):')) AS project_id" \
    " FROM jsonb_to_recordset($1::jsonb) AS t(pins text)," \
    " unnest(string_to_array(t.pins, ',')) AS pin GROUP BY 1, 2, 3)," \
    " limited AS (SELECT t.*, l.limit_nusd, l.soft_pct FROM touched t" \
    " JOIN budget_windows l USING (budget_id, window_name) UNION ALL" \
    " SELECT t.*, l.limit_nusd, l.soft_pct FROM touched t" \
    " JOIN end_users u USING (budget_id) JOIN budget_windows l" \
    " ON l.budget_id = u.default_id AND l.window_name = t.window_name" \
    " WHERE NOT EXISTS (SELECT FROM budgets b" \
    " WHERE b.budget_id = t.budget_id))," \
    " crossed AS (INSERT INTO budget_warnings AS w (budget_id, window_name," \
    " window_id, limit_nusd, spent_nusd, soft_pct)" \
    " SELECT l.budget_id, l.window_name, l.window_id, l.limit_nusd, s.nusd," \
    " l.soft_pct FROM limited l" \
    " JOIN balances b USING (budget_id, window_name, window_id)" \
    " LEFT JOIN openings o USING (budget_id, window_name, window_id)" \
    " CROSS JOIN LATERAL (SELECT b.spent_nano" \
    " + coalesce(o.amount_nusd, 0)) AS s(nusd)" \
    " WHERE l.limit_nusd > 0 AND l.soft_pct > 0" \
    " AND s.nusd::numeric * 100 >= l.limit_nusd::numeric * l.soft_pct" \
    " ON CONFLICT DO NOTHING RETURNING w.*)," \
    " called AS (SELECT DISTINCT project_id || '/' || (detail->>'user')" \
    " AS scope_id, " CTL_END_USER_OF("project_id", "(detail->>'user')") \
    " AS budget_id FROM jsonb_to_recordset($2::jsonb)" \
    " AS n(project_id text, detail jsonb) WHERE detail ? 'user')" \
    " SELECT coalesce(b.scope, 'end_user'), coalesce(b.scope_id, n.scope_id," \
    " t.project_id || '/' || c.budget_id)," \
    " coalesce(b.project_id, t.project_id)," \
    " c.window_name, c.window_id, c.limit_nusd, c.spent_nusd, c.soft_pct" \
    " FROM crossed c LEFT JOIN budgets b USING (budget_id)" \
    " LEFT JOIN called n USING (budget_id)" \
    " JOIN touched t USING (budget_id, window_name, window_id)" \
    " ORDER BY c.budget_id, c.window_name"


static bool
warning_write(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_rows *rows, unsigned i, struct ctl_error *e)
{
    char limit[ASG_MONEY_TEXT], spent[ASG_MONEY_TEXT];
    const struct ctl_audit_field fields[] = {
        {"window", ctl_rows_at(rows, i, 3)},
        {"window_id", ctl_rows_at(rows, i, 4)},
        {"limit_usd", limit},
        {"spent_usd", spent},
        {"soft_pct", ctl_rows_at(rows, i, 7)}
    };
    struct ctl_audit_event event = {
        .actor = "system:meter", .action = "gateway.budget_warn",
        .entity_kind = ctl_rows_at(rows, i, 0),
        .entity_id = ctl_rows_at(rows, i, 1),
        .also = {ctl_rows_at(rows, i, 2)}
    };

    asg_money_format(ctl_rows_i64(rows, i, 5), limit);
    asg_money_format(ctl_rows_i64(rows, i, 6), spent);
    event.data = ctl_audit_data(arena, fields, 5);
    if (event.data == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return ctl_audit_write(pg, arena, &event, e);
}


bool
ctl_budget_warn(struct ctl_pg *pg, struct ctl_arena *arena, const char *sums,
    const char *entries, struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(pg, arena, &rows, e, SQL_CROSSED, sums, entries)) {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        if (!warning_write(pg, arena, &rows, i, e)) {
            return false;
        }
    }

    return true;
}
