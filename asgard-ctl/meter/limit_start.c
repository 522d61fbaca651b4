/*
 * Reading what is used, and writing it down.
 */
#include "meter/limit_start.h"

#include <stdio.h>
#include <string.h>

#include "base/json_put.h"
#include "core/rkey.h"
#include "core/window.h"

#define FIELD_BYTES  96                 /* kind, window, id */
#define WINDOW_BYTES 256                /* of JSON, of one window */

/* $1 the budget, $2 the version that Redis has, $3 what is used.  What is
 * written first stays: it is the nearest to the change. */
#define SQL_NOTE \
    "WITH t AS (SELECT t.*, n.id, n.limit_nusd FROM budgets b" \
    " CROSS JOIN jsonb_to_recordset($3::jsonb) AS t(w text, i bigint," \
    " u bigint) CROSS JOIN LATERAL (SELECT l.id, l.limit_nusd" \
    " FROM budget_limits l WHERE l.budget_id = b.budget_id" \
    " AND l.window_name = t.w ORDER BY l.id DESC LIMIT 1) n" \
    " WHERE b.budget_id = $1 AND b.version = $2::bigint)," \
    " over AS (DELETE FROM limit_starts s USING t WHERE s.budget_id = $1" \
    " AND s.window_name = t.w AND s.window_id <> t.i)" \
    " INSERT INTO limit_starts (budget_id, window_name, window_id, limit_id," \
    " used_nusd) SELECT $1, t.w, t.i, t.id, t.u FROM t" \
    " WHERE t.limit_nusd IS NOT NULL AND EXISTS (SELECT" \
    " FROM budget_limits l WHERE l.budget_id = $1 AND l.window_name = t.w" \
    " AND l.id < t.id AND (l.limit_nusd IS NULL" \
    " OR l.limit_nusd > t.limit_nusd)) ON CONFLICT DO NOTHING"


/* A counter of the period `id` of a window. */
static bool
counter_read(const struct ctl_reply *hash, char kind, asg_str_t window,
    asg_str_t id, uint64_t *out)
{
    char name[FIELD_BYTES];

    snprintf(name, sizeof(name), "%c:%.*s:%.*s", kind, (int) window.len,
             window.data, (int) id.len, id.data);

    return asg_str_u64(ctl_reply_field(hash, name), out);
}


static void
window_put(asg_buf_t *out, const struct ctl_reply *hash, asg_str_t window,
    asg_str_t id)
{
    uint64_t spent, held, start;

    if (!asg_str_u64(id, &start)
        || !counter_read(hash, 's', window, id, &spent)
        || !counter_read(hash, 'h', window, id, &held))
    {
        return;
    }
    ctl_put_text(out, out->len > 1 ? ",{\"w\":" : "{\"w\":", window);
    ctl_put_i64(out, ",\"i\":", (int64_t) start);
    ctl_put_i64(out, ",\"u\":", (int64_t) (spent + held));
    asg_buf_z(out, "}");
}


/* [{"w":…,"i":…,"u":…}] of the current period of each window. */
static const char *
used_text(struct ctl_arena *arena, const struct ctl_reply *hash)
{
    const size_t bytes = 8 + (size_t) ASG_WINDOWS_MAX * WINDOW_BYTES;
    asg_buf_t out;
    unsigned n = 0;
    asg_str_t f;
    size_t i;

    asg_buf_init(&out, ctl_arena_alloc(arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "[");
    for (i = 0; i + 1 < hash->nitems && n < ASG_WINDOWS_MAX; i += 2) {
        f = hash->items[i].text;
        if (f.len > 2 && memcmp(f.data, "c:", 2) == 0) {
            n++;
            window_put(&out, hash, (asg_str_t) {f.data + 2, f.len - 2},
                       hash->items[i + 1].text);
        }
    }
    asg_buf_z(&out, "]");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


bool
ctl_limit_start_note(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *budget_id, const char *key,
    struct ctl_error *e)
{
    const asg_str_t argv[2] = {ASG_STR("HGETALL"), asg_str_z(key)};
    struct ctl_reply hash;
    const char *used;
    uint64_t version;

    if (!ctl_redis_command(redis, arena, &hash, e, 2, argv)) {
        return false;
    }
    used = used_text(arena, &hash);
    if (used == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return !asg_str_u64(ctl_reply_field(&hash, "v"), &version)
           || CTL_PG(pg, arena, NULL, e, SQL_NOTE, budget_id,
                     ctl_arena_printf(arena, "%llu",
                                      (unsigned long long) version), used);
}
