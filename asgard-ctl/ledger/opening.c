/*
 * Openings in Postgres.
 */
#include "ledger/opening.h"

/* Did the hold end in the period $3, by Redis' clock?  Whose time may be 5 s
 * behind the newest that it has seen, by which it takes the period: then the
 * database's says so.  More than a minute apart they move no money; the first
 * line is for the index. */
#define SQL_IN_PERIOD \
    " AND h.first_seen >= to_timestamp($3::bigint) - interval '2 minutes'" \
    " AND (h.ended_at >= to_timestamp($3::bigint)" \
    " OR h.first_seen >= to_timestamp($3::bigint)" \
    " AND coalesce(h.ended_at, h.first_seen)" \
    " >= to_timestamp($3::bigint) - interval '5 s')"

#define SQL_UNNAMED \
    " AND strpos(',' || h.pins, ',' || b.budget_id || ':') = 0), 0)"

/* What calls of the key, or of the group's projects, came to in the period $3
 * before there was the budget. */
#define SQL_EARLIER \
    "coalesce((SELECT sum(h.balance_nano) FROM holds h" \
    " WHERE h.key_id = " CTL_BUDGET_KEY SQL_IN_PERIOD SQL_UNNAMED \
    " + coalesce((SELECT sum(h.balance_nano) FROM projects p" \
    " JOIN holds h USING (project_id)" \
    " WHERE p.group_key = " CTL_BUDGET_GROUP SQL_IN_PERIOD SQL_UNNAMED

/* What holds of the budget $1 came to that are of the period $3 of its window
 * $2 and do not name it.  Every hold that names a budget names its total, but
 * those of an end user that its project's default held. */
#define SQL_OUTSIDE \
    SQL_EARLIER " + coalesce((SELECT sum(h.balance_nano) FROM projects p" \
    " JOIN holds h USING (project_id) WHERE ($2 <> 'total' OR " \
    CTL_BUDGET_OWN ")" \
    " AND (p.project_id = b.project_id OR p.group_key = " CTL_BUDGET_GROUP \
    ")" SQL_IN_PERIOD \
    " AND strpos(',' || h.pins, ',' || b.budget_id || ':') > 0" \
    " AND NOT b.budget_id || ':' || $2 || ':' || $3 =" \
    " ANY (string_to_array(h.pins, ','))), 0)"

/* Has Redis perhaps not been told yet that the window `w` was added?  The row
 * of that has the time of its transaction; what a later one of the budget sends
 * is all of the budget. */
#define SQL_UNTOLD \
    "EXISTS (SELECT FROM outbox a WHERE a.kind = 'budget' AND a.target = $1" \
    " AND a.created_at = w.added_at AND a.sent_at IS NULL" \
    " AND NOT EXISTS (SELECT FROM outbox s WHERE s.kind = 'budget'" \
    " AND s.target = $1 AND s.id > a.id AND s.sent_at IS NOT NULL))"

#define TAKES_OTHER \
    " WHERE openings.amount_nusd <> excluded.amount_nusd" \
    " OR openings.at < (SELECT added_at FROM budget_windows" \
    " WHERE budget_id = $1 AND window_name = $2)"

#define SQL_BALANCE \
    "coalesce((SELECT spent_nano FROM balances" \
    " WHERE budget_id = $1 AND window_name = $2" \
    " AND window_id = $3::bigint), 0)"


/* What the script finds in the detail of a call that the budget `b` is for. */
#define SQL_MARK \
    "coalesce(':\"' || CASE b.scope WHEN 'key' THEN 'key'" \
    " WHEN 'group' THEN 'group' END || '\":\"' || b.scope_id || '\"', '')"


static const char *
number(struct ctl_arena *arena, int64_t n)
{
    return ctl_arena_printf(arena, "%lld", (long long) n);
}


bool
ctl_opening_ensure(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_window_row *w, int64_t now, struct ctl_error *e)
{
    int64_t start = asg_window_start(&w->window, now);

    if (w->added_at <= start || start == ASG_WINDOW_NONE
        || (w->window.kind == ASG_WINDOW_TOTAL && !w->late))
    {
        return true;
    }

    /* A window that was taken away and comes back in the same period opens
     * anew: an opening older than the addition is replaced. */
    return CTL_PG(pg, arena, NULL, e,
        "INSERT INTO openings (budget_id, window_name, window_id,"
        " amount_nusd)"
        " SELECT b.budget_id, $2, $3::bigint, " SQL_OUTSIDE
        " FROM budgets b JOIN budget_windows w USING (budget_id)"
        " WHERE b.budget_id = $1 AND w.window_name = $2 AND NOT EXISTS ("
        " SELECT FROM openings o WHERE o.budget_id = $1"
        " AND o.window_name = $2 AND o.window_id = $3::bigint"
        " AND o.at >= w.added_at AND NOT " SQL_UNTOLD ")"
        " ON CONFLICT (budget_id, window_name, window_id) DO UPDATE"
        " SET amount_nusd = excluded.amount_nusd, at = now()"
        TAKES_OTHER, w->budget_id, w->window.name, number(arena, start));
}


bool
ctl_opening_spent(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_window_row *w, int64_t now, asg_nusd_t *spent_nusd,
    struct ctl_error *e)
{
    int64_t start = asg_window_start(&w->window, now);
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT coalesce((SELECT amount_nusd FROM openings"
            " WHERE budget_id = $1 AND window_name = $2"
            " AND window_id = $3::bigint), 0) + " SQL_BALANCE,
            w->budget_id, w->window.name, number(arena, start)))
    {
        return false;
    }
    *spent_nusd = ctl_rows_i64(&rows, 0, 0);

    return true;
}


bool
ctl_opening_sum(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_window_row *w, int64_t now, struct ctl_opening *out,
    struct ctl_error *e)
{
    int64_t start = asg_window_start(&w->window, now);
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT " SQL_OUTSIDE ", "
            SQL_BALANCE ", (SELECT coalesce(max(a.seq), 0) FROM applies a"
            " WHERE a.partition = b.partition) || ':'"
            " || coalesce((SELECT c.last_id FROM cursors c"
            " JOIN partitions p USING (partition, epoch)"
            " WHERE p.partition = b.partition), '0-0') || " SQL_MARK
            " FROM budgets b WHERE b.budget_id = $1",
            w->budget_id, w->window.name, number(arena, start)))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_error_internal(e, "there is no budget %s", w->budget_id);
    }
    out->outside_nusd = ctl_rows_i64(&rows, 0, 0);
    out->spent_nusd = out->outside_nusd + ctl_rows_i64(&rows, 0, 1);
    out->upto = ctl_rows_at(&rows, 0, 2);

    return true;
}


/* The partition's row is locked: a reseed moves its epoch before it sums. */
bool
ctl_opening_take(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_window_row *w, int64_t epoch, const char *taken,
    bool *same, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "WITH p AS (SELECT FROM partitions JOIN budgets USING (partition)"
            " WHERE budget_id = $1 AND epoch = $4::bigint"
            " FOR UPDATE OF partitions),"
            " taken AS (INSERT INTO openings (budget_id, window_name,"
            " window_id, amount_nusd) SELECT $1, $2,"
            " split_part($3, ':', 1)::bigint, split_part($3, ':', 2)::bigint"
            " FROM p ON CONFLICT (budget_id, window_name, window_id) DO UPDATE"
            " SET amount_nusd = excluded.amount_nusd, at = now()"
            TAKES_OTHER ") SELECT FROM p",
            w->budget_id, w->window.name, taken, number(arena, epoch)))
    {
        return false;
    }
    *same = rows.nrows > 0;

    return true;
}
