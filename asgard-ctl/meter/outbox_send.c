/*
 * Sending rows of the outbox.
 */
#include "meter/outbox_send.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/rkey.h"
#include "meter/outbox_budget.h"
#include "meter/outbox_mark.h"
#include "meter/outbox_record.h"

#define BATCH "64"


static bool
catalog_send(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *target, struct ctl_error *e)
{
    (void) target;

    return ctl_record_send_catalog(pg, redis, arena, e);
}


static const struct {
    const char *kind;
    bool (*send)(struct ctl_pg *pg, struct ctl_redis *redis,
        struct ctl_arena *arena, const char *target, struct ctl_error *e);
} senders[] = {
    {"key", ctl_record_send_key},
    {"project", ctl_record_send_project},
    {"budget", ctl_budget_send},
    {"catalog", catalog_send}
};


static bool
row_send(struct ctl_pg *pg, struct ctl_redis *redis, struct ctl_arena *arena,
    const char *kind, const char *target, struct ctl_error *e)
{
    size_t i;

    for (i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
        if (strcmp(senders[i].kind, kind) == 0) {
            return senders[i].send(pg, redis, arena, target, e);
        }
    }

    return ctl_error_internal(e, "the outbox has a row of kind %s", kind);
}


static bool
row_mark(struct ctl_pg *pg, struct ctl_arena *arena, const char *id,
    const struct ctl_error *why, struct ctl_error *e)
{
    if (why == NULL) {
        return CTL_PG(pg, arena, NULL, e,
            "UPDATE outbox SET sent_at = now(), last_error = NULL"
            " WHERE id = $1 AND sent_at IS NULL", id);
    }

    return CTL_PG(pg, arena, NULL, e,
        "UPDATE outbox SET attempts = attempts + 1, last_error = $2"
        " WHERE id = $1 AND sent_at IS NULL", id,
        why->detail[0] != '\0' ? why->detail : why->text);
}


/* Rows of (id, kind, target, created).  A row that fails keeps none of the
 * others.  What a restored database sends is not what Redis will remember. */
static bool
rows_send(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const struct ctl_rows *rows, unsigned *sent,
    unsigned *kept, struct ctl_error *why, struct ctl_error *e)
{
    const char *id;
    unsigned i;
    bool ok, behind = false;

    *sent = *kept = 0;
    if (rows->nrows > 0
        && !ctl_outbox_is_behind(pg, redis, arena, &behind, e))
    {
        return false;
    }
    for (i = 0; i < rows->nrows; i++) {
        if (!ctl_redis_ready(redis, e)) {
            return false;
        }
        id = ctl_rows_at(rows, i, 0);
        if (!behind
            && !ctl_outbox_mark(redis, arena, id, ctl_rows_at(rows, i, 3), e))
        {
            return false;
        }
        ctl_error_clear(why);
        ok = row_send(pg, redis, arena, ctl_rows_at(rows, i, 1),
                      ctl_rows_at(rows, i, 2), why);
        if (!row_mark(pg, arena, id, ok ? NULL : why, e)) {
            return false;
        }
        *(ok ? sent : kept) += 1;
    }

    return true;
}


bool
ctl_outbox_send_some(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, unsigned *sent, unsigned *kept,
    struct ctl_error *e)
{
    struct ctl_error why = {0};
    struct ctl_rows rows;

    *sent = *kept = 0;

    /* New rows before those that failed: these may wait for a partition. */
    return ctl_pg_query(pg, arena, &rows, e,
               "SELECT id, kind, target, " CTL_OUTBOX_TIME
               " FROM outbox WHERE sent_at IS NULL"
               " ORDER BY attempts > 0, id LIMIT " BATCH, 0, NULL)
           && rows_send(pg, redis, arena, &rows, sent, kept, &why, e);
}


bool
ctl_outbox_send_ids(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const int64_t *ids, unsigned n,
    struct ctl_error *e)
{
    const char *list = "{";
    struct ctl_error why = {0};
    struct ctl_rows rows;
    unsigned i, sent, kept;

    for (i = 0; i < n && list != NULL; i++) {
        list = ctl_arena_printf(arena, "%s%s%lld", list, i ? "," : "",
                                (long long) ids[i]);
    }
    list = list != NULL ? ctl_arena_printf(arena, "%s}", list) : NULL;
    if (list == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT id, kind, target, " CTL_OUTBOX_TIME " FROM outbox"
            " WHERE sent_at IS NULL AND id = ANY ($1::bigint[])"
            " ORDER BY id", list)
        || !rows_send(pg, redis, arena, &rows, &sent, &kept, &why, e))
    {
        return false;
    }
    if (kept > 0) {
        *e = why;
    }

    return kept == 0;
}


bool
ctl_outbox_heartbeat(struct ctl_redis *redis, struct ctl_arena *arena,
    struct ctl_error *e)
{
    char text[32];
    asg_str_t argv[3] = {ASG_STR("PUBLISH"), ASG_STR(ASG_RKEY_CHANGES),
                         ASG_STR_NULL};

    snprintf(text, sizeof(text), "hb %lld", (long long) time(NULL));
    argv[2] = asg_str_z(text);

    return ctl_redis_command(redis, arena, NULL, e, 3, argv);
}


/* When Redis got a limit is asked of these rows; of one that was late also when
 * it is long ago (audit/audit_limits.c). */
#define IS_LATE \
    "kind = 'budget' AND sent_at > created_at + interval '" \
    CTL_OUTBOX_LATE "'"


bool
ctl_outbox_tend(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_error *e)
{
    return ctl_pg_query(pg, arena, NULL, e,
        "WITH due AS (UPDATE budgets SET version = version + 1,"
        " spec_at = now() WHERE spec_at < now() - interval '28 days'"
        " AND budget_id IN (SELECT budget_id FROM budget_windows"
        " WHERE window_name = '1mo') RETURNING budget_id, version)"
        " INSERT INTO outbox (kind, target, version)"
        " SELECT 'budget', budget_id, version FROM due", 0, NULL)
           && ctl_pg_query(pg, arena, NULL, e, "DELETE FROM outbox"
        " WHERE sent_at < now() - interval '7 days' AND NOT (" IS_LATE ")"
        " AND id < (SELECT max(id) FROM outbox)", 0, NULL);
}
