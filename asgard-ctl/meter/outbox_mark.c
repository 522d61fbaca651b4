/*
 * Reading and writing `{asg}:sent`.
 */
#include "meter/outbox_mark.h"

#include <stdlib.h>
#include <string.h>

#include "core/rkey.h"


/* "<id> <created>"; id NULL: there is none, or it cannot be read. */
struct mark {
    const char *id, *created_us;
};


static bool
mark_read(struct ctl_redis *redis, struct ctl_arena *arena, struct mark *m,
    struct ctl_error *e)
{
    const asg_str_t argv[2] = {ASG_STR("GET"), ASG_STR(ASG_RKEY_SENT)};
    struct ctl_reply reply;
    asg_str_t id, created;
    const char *space;
    uint64_t n;

    *m = (struct mark) {0};
    if (!ctl_redis_command(redis, arena, &reply, e, 2, argv)) {
        return false;
    }
    space = reply.kind == CTL_REPLY_TEXT
            ? memchr(reply.text.data, ' ', reply.text.len) : NULL;
    if (space == NULL) {
        return true;
    }
    id = (asg_str_t) {reply.text.data, (size_t) (space - reply.text.data)};
    created = (asg_str_t) {space + 1, reply.text.len - id.len - 1};
    if (asg_str_u64(id, &n) && asg_str_u64(created, &n)) {
        m->id = ctl_arena_text(arena, id.data, id.len);
        m->created_us = ctl_arena_text(arena, created.data, created.len);
    }

    return true;
}


bool
ctl_outbox_is_behind(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, bool *behind, struct ctl_error *e)
{
    struct ctl_rows rows;
    struct mark m;

    *behind = false;
    if (!mark_read(redis, arena, &m, e)) {
        return false;
    }
    if (m.id == NULL || m.created_us == NULL) {
        return true;
    }
    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT coalesce((SELECT " CTL_OUTBOX_TIME " <> $2::bigint"
            " FROM outbox WHERE id = $1::bigint),"
            " (SELECT coalesce(max(id), 0) < $1::bigint FROM outbox))::int",
            m.id, m.created_us))
    {
        return false;
    }
    *behind = ctl_rows_i64(&rows, 0, 0) != 0;

    return true;
}


/* Two who write at once may leave the lower of their rows, which is one that
 * the database knows, too. */
bool
ctl_outbox_mark(struct ctl_redis *redis, struct ctl_arena *arena,
    const char *id, const char *created_us, struct ctl_error *e)
{
    asg_str_t argv[3] = {ASG_STR("SET"), ASG_STR(ASG_RKEY_SENT),
                         ASG_STR_NULL};
    struct mark m;

    if (!mark_read(redis, arena, &m, e)) {
        return false;
    }
    if (m.id != NULL
        && strtoll(m.id, NULL, 10) >= strtoll(id, NULL, 10))
    {
        return true;
    }
    argv[2] = asg_str_z(ctl_arena_printf(arena, "%s %s", id, created_us));

    return ctl_redis_command(redis, arena, NULL, e, 3, argv);
}


bool
ctl_outbox_forget(struct ctl_redis *redis, struct ctl_arena *arena,
    struct ctl_error *e)
{
    const asg_str_t argv[2] = {ASG_STR("DEL"), ASG_STR(ASG_RKEY_SENT)};

    return ctl_redis_command(redis, arena, NULL, e, 2, argv);
}
