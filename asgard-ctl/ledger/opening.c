/*
 * Openings in Postgres.
 */
#include "ledger/opening.h"


static const char *
number(struct ctl_arena *arena, int64_t n)
{
    return ctl_arena_printf(arena, "%lld", (long long) n);
}


bool
ctl_opening_ensure(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_window_row *w, int64_t now, struct ctl_error *e)
{
    bool changed = false;

    return w->added_at <= asg_window_start(&w->window, now)
           || ctl_opening_write(pg, arena, w, now, &changed, e);
}


bool
ctl_opening_write(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_window_row *w, int64_t now, bool *changed,
    struct ctl_error *e)
{
    int64_t start = asg_window_start(&w->window, now);
    struct ctl_rows rows;

    if (w->window.kind == ASG_WINDOW_TOTAL || start == ASG_WINDOW_NONE) {
        return true;
    }

    /* A window that was taken away and comes back in the same period opens
     * anew: an opening older than the addition is replaced.  So is one that
     * perhaps nobody took yet: until a window is sent, calls run without it. */
    if (!CTL_PG(pg, arena, &rows, e,
        "INSERT INTO openings (budget_id, window_name, window_id,"
        " amount_nusd)"
        " SELECT b.budget_id, $2, $3::bigint, coalesce((SELECT"
        " sum(h.balance_nano) FROM holds h"
        " WHERE h.project_id = b.project_id"
        " AND h.first_seen >= to_timestamp($3::bigint)"
        " AND strpos(',' || h.pins, ',' || b.budget_id || ':') > 0"
        " AND NOT b.budget_id || ':' || $2 || ':' || $3 ="
        " ANY (string_to_array(h.pins, ','))), 0)"
        " FROM budgets b JOIN budget_windows w USING (budget_id)"
        " WHERE b.budget_id = $1 AND w.window_name = $2 AND NOT EXISTS ("
        " SELECT FROM openings o WHERE o.budget_id = $1"
        " AND o.window_name = $2 AND o.window_id = $3::bigint"
        " AND o.at >= w.added_at AND NOT EXISTS (SELECT FROM outbox"
        " WHERE kind = 'budget' AND target = $1 AND sent_at IS NULL))"
        " ON CONFLICT (budget_id, window_name, window_id) DO UPDATE"
        " SET amount_nusd = excluded.amount_nusd, at = now()"
        " WHERE openings.amount_nusd <> excluded.amount_nusd"
        " OR openings.at < (SELECT added_at FROM budget_windows"
        " WHERE budget_id = $1 AND window_name = $2) RETURNING 1",
        w->budget_id, w->window.name, number(arena, start)))
    {
        return false;
    }
    *changed = *changed || rows.nrows > 0;

    return true;
}


bool
ctl_opening_spent(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_window_row *w, int64_t now, asg_nusd_t *spent_nusd,
    const char **upto, struct ctl_error *e)
{
    int64_t start = asg_window_start(&w->window, now);
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT coalesce((SELECT amount_nusd FROM openings"
            " WHERE budget_id = $1 AND window_name = $2"
            " AND window_id = $3::bigint), 0)"
            " + coalesce((SELECT spent_nano FROM balances"
            " WHERE budget_id = $1 AND window_name = $2"
            " AND window_id = $3::bigint), 0),"
            " (SELECT coalesce(max(a.seq), 0) FROM applies a"
            " JOIN budgets b USING (partition) WHERE b.budget_id = $1)"
            " || ':' || coalesce((SELECT c.last_id FROM cursors c"
            " JOIN partitions p USING (partition, epoch)"
            " JOIN budgets b USING (partition) WHERE b.budget_id = $1),"
            " '0-0')",
            w->budget_id, w->window.name, number(arena, start)))
    {
        return false;
    }
    *spent_nusd = ctl_rows_i64(&rows, 0, 0);
    *upto = ctl_rows_at(&rows, 0, 1);

    return true;
}
