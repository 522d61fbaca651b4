/*
 * Windows in a time zone, in Postgres.
 */
#include "ledger/zone.h"

#include "base/log.h"

#define FRESH     "interval '7 days'"
#define BUDGETS   "256"


bool
ctl_zone_window(const struct ctl_rows *rows, unsigned row, unsigned col,
    asg_window_t *out, struct ctl_error *e)
{
    const char *name = ctl_rows_at(rows, row, col);
    const char *zone = ctl_rows_at(rows, row, col + 1);
    const char *list = ctl_rows_at(rows, row, col + 2);

    if (asg_window_parse(asg_str_z(name), out) != ASG_OK
        || (zone != NULL
            && (list == NULL
                || asg_window_zoned(out, asg_str_z(zone), asg_str_z(list))
                   != ASG_OK)))
    {
        return ctl_error_internal(e, "bad window %s in %s", name,
                                  zone != NULL ? zone : "UTC");
    }

    return true;
}


bool
ctl_zone_ensure(struct ctl_pg *pg, struct ctl_arena *arena, const char *zone,
    const char *window, struct ctl_error *e)
{
    struct ctl_rows list, rows;

    if (!CTL_PG(pg, arena, &list, e,
            "SELECT (made_at > now() - " FRESH ")::int FROM zone_windows"
            " WHERE zone = $1 AND window_name = $2", zone, window))
    {
        return false;
    }
    if (list.nrows > 0 && ctl_rows_i64(&list, 0, 0) == 1) {
        return true;
    }
    if (!CTL_PG(pg, arena, &rows, e,
            "INSERT INTO zone_windows AS z (zone, window_name, boundaries)"
            " SELECT name, $2, window_boundaries($2, name, now(), NULL)"
            " FROM pg_timezone_names WHERE name = $1"
            " ON CONFLICT (zone, window_name) DO UPDATE SET made_at = now(),"
            " boundaries = window_boundaries(z.window_name, z.zone, now(),"
            " z.boundaries)", zone, window))
    {
        return false;
    }

    return rows.affected > 0 || list.nrows > 0
           || ctl_error_field(e, "invalid_value", "zone",
                              "The database knows no time zone %s.", zone);
}


/* Only zones that the data still have: one that is gone must not keep the
 * others from being continued. */
static bool
lists_continue(struct ctl_pg *pg, struct ctl_arena *arena, struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    if (!ctl_pg_query(pg, arena, NULL, e,
            "UPDATE zone_windows SET made_at = now(), boundaries ="
            " window_boundaries(window_name, zone, now(), boundaries)"
            " WHERE made_at < now() - " FRESH " AND zone IN"
            " (SELECT name FROM pg_timezone_names)", 0, NULL)
        || !ctl_pg_query(pg, arena, &rows, e,
            "SELECT DISTINCT zone FROM zone_windows"
            " JOIN budget_windows USING (zone, window_name)"
            " WHERE made_at < now() - " FRESH, 0, NULL))
    {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        ctl_log(CTL_LOG_WARN, "the database knows no time zone %s any more; "
                "budgets in it close when their boundaries end",
                ctl_rows_at(&rows, i, 0));
    }

    return true;
}


bool
ctl_zone_refresh(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    return ctl_pg_query(pg, arena, &rows, e,
               "SELECT FROM zone_windows"
               " JOIN budget_windows USING (zone, window_name)"
               " WHERE made_at < now() - " FRESH " LIMIT 1", 0, NULL)
           && (rows.nrows == 0 || lists_continue(pg, arena, e));
}


bool
ctl_zone_tend(struct ctl_pg *pg, struct ctl_arena *arena, struct ctl_error *e)
{
    return ctl_zone_refresh(pg, arena, e)
           && ctl_pg_query(pg, arena, NULL, e,
        "WITH due AS (UPDATE budgets SET version = version + 1,"
        " spec_at = now() WHERE budget_id IN (SELECT b.budget_id"
        " FROM budgets b JOIN budget_windows USING (budget_id)"
        " JOIN zone_windows z USING (zone, window_name)"
        " WHERE b.spec_at < z.made_at LIMIT " BUDGETS ")"
        " RETURNING budget_id, version)"
        " INSERT INTO outbox (kind, target, version)"
        " SELECT 'budget', budget_id, version FROM due", 0, NULL);
}
