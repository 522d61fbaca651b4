/*
 * Leases of leaders in PostgreSQL.
 */
#include "store/leader.h"

#include <inttypes.h>


bool
ctl_leader_take(struct ctl_pg *pg, struct ctl_arena *arena, const char *name,
    const char *owner, int64_t lease_ms, int64_t *fence, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "INSERT INTO leaders AS l (name, owner, fence, until) VALUES ($1,"
            " $2, 1, clock_timestamp() + $3::numeric * interval"
            " '1 millisecond') ON CONFLICT (name) DO UPDATE SET"
            " owner = excluded.owner, until = excluded.until,"
            " fence = l.fence + CASE WHEN l.owner = excluded.owner THEN 0"
            "  ELSE 1 END WHERE l.owner = excluded.owner"
            " OR l.until < clock_timestamp() RETURNING fence", name, owner,
            ctl_arena_printf(arena, "%" PRId64, lease_ms)))
    {
        return false;
    }
    *fence = rows.nrows > 0 ? ctl_rows_i64(&rows, 0, 0) : 0;

    return true;
}


bool
ctl_leader_hold(struct ctl_pg *pg, struct ctl_arena *arena, const char *name,
    int64_t fence, bool *held, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT 1 FROM leaders WHERE name = $1 AND fence = $2::bigint"
            " AND until > clock_timestamp() FOR SHARE", name,
            ctl_arena_printf(arena, "%" PRId64, fence)))
    {
        return false;
    }
    *held = rows.nrows > 0;

    return true;
}


bool
ctl_leader_release(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *name, const char *owner, struct ctl_error *e)
{
    return CTL_PG(pg, arena, NULL, e,
        "UPDATE leaders SET until = clock_timestamp() WHERE name = $1"
        " AND owner = $2 AND until > clock_timestamp()", name, owner);
}
