/*
 * Taking increases back, and the audit events.
 */
#include "meter/increase.h"

#include "core/money.h"
#include "store/audit.h"

/* The budgets are locked first, as by whoever changes them. */
#define SQL_END \
    "WITH due AS (SELECT budget_id FROM budgets WHERE budget_id IN" \
    " (SELECT budget_id FROM budget_windows WHERE increase_until <= now()" \
    " LIMIT 100) ORDER BY budget_id FOR UPDATE)," \
    " ended AS (UPDATE budget_windows w" \
    " SET limit_nusd = w.limit_nusd - o.increase_nusd," \
    " increase_nusd = NULL, increase_until = NULL" \
    " FROM budget_windows o JOIN due USING (budget_id)" \
    " WHERE w.budget_id = o.budget_id AND w.window_name = o.window_name" \
    " AND w.increase_until <= now()" \
    " RETURNING w.budget_id, w.window_name, w.limit_nusd, o.increase_nusd)," \
    " changed AS (UPDATE budgets SET version = version + 1 WHERE budget_id IN" \
    " (SELECT budget_id FROM ended) RETURNING budget_id, version)," \
    " sent AS (INSERT INTO outbox (kind, target, version)" \
    " SELECT 'budget', budget_id, version FROM changed)" \
    " SELECT b.scope, b.scope_id, nullif(b.project_id, b.scope_id)," \
    " e.window_name, e.limit_nusd, e.increase_nusd" \
    " FROM ended e JOIN budgets b USING (budget_id)"


static bool
ended_write(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_rows *rows, unsigned i, struct ctl_error *e)
{
    char limit[ASG_MONEY_TEXT], increase[ASG_MONEY_TEXT];
    const struct ctl_audit_field fields[] = {
        {"window", ctl_rows_at(rows, i, 3)}, {"limit_usd", limit},
        {"increase_usd", increase}
    };
    struct ctl_audit_event event = {
        .actor = "system:meter", .action = "budget.increase_ended",
        .entity_kind = ctl_rows_at(rows, i, 0),
        .entity_id = ctl_rows_at(rows, i, 1),
        .also = {ctl_rows_at(rows, i, 2)}
    };

    asg_money_format(ctl_rows_i64(rows, i, 4), limit);
    asg_money_format(ctl_rows_i64(rows, i, 5), increase);
    event.data = ctl_audit_data(arena, fields, 3);

    return (event.data != NULL || ctl_error_internal(e, "out of memory"))
           && ctl_audit_write(pg, arena, &event, e);
}


static bool
increases_end(struct ctl_pg *pg, struct ctl_arena *arena, struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(pg, arena, &rows, e, SQL_END)) {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        if (!ended_write(pg, arena, &rows, i, e)) {
            return false;
        }
    }

    return rows.nrows == 0 || ctl_pg_exec(pg, e, "NOTIFY asgard_outbox");
}


bool
ctl_increase_end(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_error *e)
{
    if (!ctl_pg_begin(pg, e)) {
        return false;
    }
    if (!increases_end(pg, arena, e)) {
        ctl_pg_rollback(pg);
        return false;
    }

    return ctl_pg_commit(pg, e);
}
