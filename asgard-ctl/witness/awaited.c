/*
 * Waiting for the ledger.
 */
#include "witness/awaited.h"

#include <time.h>

#include "base/clock.h"

#define LEDGER_MS     60000
#define PAUSE_MS      100

#define SQL_MISSING \
    "SELECT count(*) FROM awaited r WHERE NOT EXISTS (SELECT FROM holds h" \
    " WHERE h.hold_id = r.hold_id" \
    " AND (h.rank, h.balance_nano) >= (r.rank, r.amount))"


bool
ctl_awaited_begin(struct ctl_pg *pg, struct ctl_error *e)
{
    return ctl_pg_exec(pg, e, "DROP TABLE IF EXISTS awaited;"
                       " CREATE TEMP TABLE awaited (hold_id text,"
                       " rank smallint, amount bigint)");
}


bool
ctl_awaited_add(struct ctl_pg *pg, struct ctl_arena *arena, const char *lines,
    struct ctl_error *e)
{
    return CTL_PG(pg, arena, NULL, e, "INSERT INTO awaited SELECT i, r, a FROM"
                  " jsonb_to_recordset($1::jsonb) AS t(i text, r smallint,"
                  " a bigint)", lines);
}


bool
ctl_awaited_wait(struct ctl_pg *pg, struct ctl_arena *arena, int64_t *missing,
    struct ctl_error *e)
{
    const struct timespec pause = {0, PAUSE_MS * 1000000L};
    const int64_t until = ctl_clock_ms() + LEDGER_MS;
    struct ctl_rows rows;

    do {
        ctl_arena_reset(arena);
        if (!ctl_pg_query(pg, arena, &rows, e, SQL_MISSING, 0, NULL)) {
            return false;
        }
        *missing = ctl_rows_i64(&rows, 0, 0);
        if (*missing == 0) {
            return true;
        }
        nanosleep(&pause, NULL);
    } while (ctl_clock_ms() < until);

    return true;
}
