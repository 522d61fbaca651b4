/*
 * Adding to the outbox, and waiting for its delivery.
 */
#include "store/outbox.h"

#include <time.h>

#include "base/clock.h"

#define POLL_MS 4


bool
ctl_outbox_add(struct ctl_pg *pg, struct ctl_arena *arena,
    enum ctl_outbox_kind kind, const char *target, int64_t version,
    int64_t *id, struct ctl_error *e)
{
    static const char *const kinds[] = {"key", "project", "budget", "catalog"};
    const char *v = ctl_arena_printf(arena, "%lld", (long long) version);
    struct ctl_rows rows;

    if (v == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(pg, arena, &rows, e,
            "INSERT INTO outbox (kind, target, version) VALUES ($1, $2, $3)"
            " RETURNING id", kinds[kind], target, v)
        || !ctl_pg_exec(pg, e, "NOTIFY asgard_outbox"))
    {
        return false;
    }
    if (id != NULL) {
        *id = ctl_rows_i64(&rows, 0, 0);
    }

    return true;
}


static bool
outbox_pending(struct ctl_pg *pg, struct ctl_arena *arena, const char *list,
    bool *pending, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT count(*) FROM outbox"
            " WHERE id = ANY ($1::bigint[]) AND sent_at IS NULL", list))
    {
        return false;
    }
    *pending = ctl_rows_i64(&rows, 0, 0) != 0;

    return true;
}


bool
ctl_outbox_wait(struct ctl_pg *pg, struct ctl_arena *arena,
    const int64_t *ids, unsigned n, int timeout_ms, struct ctl_error *e)
{
    const struct timespec pause = {0, POLL_MS * 1000000L};
    int64_t until = ctl_clock_ms() + timeout_ms;
    const char *list = "{";
    bool pending = true;
    unsigned i;

    for (i = 0; i < n && list != NULL; i++) {
        list = ctl_arena_printf(arena, "%s%s%lld", list, i ? "," : "",
                                (long long) ids[i]);
    }
    list = list != NULL ? ctl_arena_printf(arena, "%s}", list) : NULL;
    if (list == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    for ( ;; ) {
        if (!outbox_pending(pg, arena, list, &pending, e)) {
            return false;
        }
        if (!pending) {
            return true;
        }
        if (ctl_clock_ms() >= until) {
            return ctl_error_away(e, "delivery_pending",
                                  "the outbox was not sent in time");
        }
        nanosleep(&pause, NULL);
    }
}
