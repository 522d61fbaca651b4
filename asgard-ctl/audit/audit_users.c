/*
 * End users in slices.
 */
#include "audit/audit_users.h"

#include <stdio.h>
#include <string.h>

#define SLICE        1000
#define SLICE_TEXT   "1000"
#define MEMBER_JSON  64                 /* of one in the set */

/* $1 partition, $2 default, $3 the set, $4 behind whom, $5 now by Redis. */
#define SQL_USERS \
    "WITH q AS (SELECT t.b, t.s > $5::bigint AS needed" \
    " FROM jsonb_to_recordset($3::jsonb) AS t(b text, s bigint) UNION ALL" \
    " SELECT budget_id, false FROM end_users WHERE partition = $1" \
    " AND default_id = $2 AND due > $5::bigint)," \
    " u AS (SELECT q.b, bool_or(q.needed) AS needed FROM q WHERE q.b > $4" \
    " AND NOT EXISTS (SELECT FROM budgets o WHERE o.budget_id = q.b)" \
    " GROUP BY q.b ORDER BY q.b LIMIT " SLICE_TEXT ")" \
    " SELECT $2, NULL, false UNION ALL SELECT b, $2, needed FROM u" \
    " ORDER BY 2 NULLS FIRST, 1"

#define SQL_NEXT \
    "SELECT min(budget_id) FROM budgets WHERE partition = $1" \
    " AND scope = 'end_user' AND scope_id = project_id || '/*'" \
    " AND budget_id > $2"


static bool
now_read(struct ctl_redis *redis, struct ctl_arena *arena, asg_str_t *now,
    struct ctl_error *e)
{
    const asg_str_t time[1] = {ASG_STR("TIME")};
    struct ctl_reply reply;

    if (!ctl_redis_command(redis, arena, &reply, e, 1, time)) {
        return false;
    }
    *now = reply.nitems == 2 ? reply.items[0].text : ASG_STR("");

    return now->len > 0
           || ctl_error_away(e, "redis_unavailable", "TIME gave no time");
}


/* [{"b":budget,"s":second}] of the set. */
static const char *
members_text(struct ctl_arena *arena, const struct ctl_reply *set)
{
    size_t i, bytes = 8;
    uint64_t score;
    asg_buf_t out;

    for (i = 0; i + 1 < set->nitems; i += 2) {
        bytes += MEMBER_JSON + 6 * set->items[i].text.len;
    }
    asg_buf_init(&out, ctl_arena_alloc(arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "[");
    for (i = 0; i + 1 < set->nitems; i += 2) {
        if (!asg_str_u64(set->items[i + 1].text, &score)) {
            continue;
        }
        asg_buf_z(&out, out.len > 1 ? ",{\"b\":" : "{\"b\":");
        asg_buf_json(&out, set->items[i].text);
        asg_buf_z(&out, ",\"s\":");
        asg_buf_u64(&out, score);
        asg_buf_z(&out, "}");
    }
    asg_buf_z(&out, "]");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


bool
ctl_audit_users_read(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, unsigned part, struct ctl_audit_users *u,
    struct ctl_rows *rows, struct ctl_error *e)
{
    char key[ASG_RKEY_MAX];
    const asg_str_t range[5] = {
        ASG_STR("ZRANGE"), {key, asg_rkey_users(key, part, asg_str_z(u->of))},
        ASG_STR("0"), ASG_STR("-1"), ASG_STR("WITHSCORES")
    };
    const char *members, *now_text;
    struct ctl_reply set;
    asg_str_t now;

    if (!now_read(redis, arena, &now, e)
        || !ctl_redis_command(redis, arena, &set, e, 5, range))
    {
        return false;
    }
    members = members_text(arena, &set);
    now_text = ctl_arena_text(arena, now.data, now.len);
    if (members == NULL || now_text == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(pg, arena, rows, e, SQL_USERS,
                ctl_arena_printf(arena, "%u", part), u->of, members, u->from,
                now_text))
    {
        return false;
    }
    snprintf(u->last, sizeof(u->last), "%s", rows->nrows > SLICE
             ? ctl_rows_at(rows, rows->nrows - 1, 0) : "");

    return true;
}


bool
ctl_audit_users_next(struct ctl_pg *pg, struct ctl_arena *arena,
    unsigned part, struct ctl_audit_users *u, bool *more,
    struct ctl_error *e)
{
    const char *next;
    struct ctl_rows rows;

    *more = true;
    if (u->last[0] != '\0') {
        memcpy(u->from, u->last, sizeof(u->from));
        u->last[0] = '\0';
        return true;
    }
    if (!CTL_PG(pg, arena, &rows, e, SQL_NEXT,
                ctl_arena_printf(arena, "%u", part), u->of))
    {
        return false;
    }
    next = ctl_rows_at(&rows, 0, 0);
    *more = next != NULL;
    if (*more) {
        snprintf(u->of, sizeof(u->of), "%s", next);
        u->from[0] = '\0';
    }

    return true;
}
