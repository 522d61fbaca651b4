/*
 * Pages of holds, and of events after a point of the stream.
 */
#include "audit/audit_holds.h"

#include <stdio.h>
#include <string.h>

#include "core/rkey.h"
#include "meter/partition.h"

#define PAGE_TEXT   "1000"
#define PAGES_MOST  1000                /* events of one look */


bool
ctl_audit_holds(struct ctl_redis *redis, struct ctl_arena *arena,
    unsigned part, const struct ctl_reply *ids, size_t n,
    struct ctl_reply *holds, struct ctl_error *e)
{
    asg_str_t *argv = ctl_arena_alloc(arena, (n + 1) * sizeof(*argv));
    char *names = ctl_arena_alloc(arena, n * ASG_RKEY_MAX);
    size_t i;

    if (argv == NULL || names == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    argv[0] = ASG_STR("MGET");
    for (i = 0; i < n; i++) {
        argv[i + 1] = (asg_str_t) {names + i * ASG_RKEY_MAX,
            asg_rkey_hold(names + i * ASG_RKEY_MAX, part, ids[i].text)};
    }

    return ctl_redis_command(redis, arena, holds, e, n + 1, argv)
           && (holds->nitems == n
               || ctl_error_away(e, "redis_unavailable", "MGET of %zu keys "
                                 "gave %zu", n, holds->nitems));
}


static bool
is_gone(const struct ctl_reply *hold)
{
    struct ctl_hold_text parts;

    return !ctl_partition_hold_parse(hold, &parts);
}


/* As the hold was: the times are nobody's business here. */
static bool
hold_restore(struct ctl_arena *arena, const struct ctl_reply *event,
    struct ctl_reply *hold, struct ctl_error *e)
{
    asg_str_t held = ctl_reply_field(event, "h");
    asg_str_t pins = ctl_reply_field(event, "p");
    asg_str_t detail = ctl_reply_field(event, "x");
    const char *text;

    if (held.len == 0 || pins.len == 0) {
        return true;
    }
    text = ctl_arena_printf(arena, "%.*s 0 0 %.*s %.*s", (int) held.len,
                            held.data, (int) pins.len, pins.data,
                            (int) detail.len, detail.data);
    if (text == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    *hold = (struct ctl_reply) {.kind = CTL_REPLY_TEXT,
                                .text = asg_str_z(text)};

    return true;
}


/* An event without a hold (`l`) has ended none. */
static bool
page_take(struct ctl_arena *arena, const struct ctl_reply *page,
    const struct ctl_reply *ids, struct ctl_reply *holds, size_t *left,
    struct ctl_error *e)
{
    const struct ctl_reply *event;
    asg_str_t id;
    size_t i, k;

    for (i = 0; i < page->nitems && *left > 0; i++) {
        if (page->items[i].nitems != 2) {
            continue;
        }
        event = &page->items[i].items[1];
        id = ctl_reply_field(event, "i");
        if (ctl_reply_field(event, "l").len > 0) {
            continue;
        }
        for (k = 0; k < ids->nitems; k++) {
            if (!asg_str_eq(id, ids->items[k].text) || !is_gone(&holds[k])) {
                continue;
            }
            if (!hold_restore(arena, event, &holds[k], e)) {
                return false;
            }
            *left -= !is_gone(&holds[k]);
        }
    }

    return true;
}


bool
ctl_audit_ended(struct ctl_redis *redis, struct ctl_arena *arena,
    unsigned part, int64_t epoch, const char *upto,
    const struct ctl_reply *ids, struct ctl_reply *holds,
    struct ctl_error *e)
{
    char key[ASG_RKEY_MAX];
    const char *from = ctl_arena_printf(arena, "(%s", upto);
    asg_str_t argv[6] = {ASG_STR("XRANGE"),
                         {key, asg_rkey_stream(key, part, (uint64_t) epoch)},
                         ASG_STR_NULL, ASG_STR("+"), ASG_STR("COUNT"),
                         ASG_STR(PAGE_TEXT)};
    struct ctl_reply page = {.nitems = 0};
    size_t i, left = 0;
    unsigned pages;

    for (i = 0; i < ids->nitems; i++) {
        left += is_gone(&holds[i]);
    }
    for (pages = 0; left > 0 && pages < PAGES_MOST; pages++) {
        if (from == NULL) {
            return ctl_error_internal(e, "out of memory");
        }
        argv[2] = asg_str_z(from);
        if (!ctl_redis_command(redis, arena, &page, e, 6, argv)
            || !page_take(arena, &page, ids, holds, &left, e))
        {
            return false;
        }
        if (page.nitems == 0) {
            break;
        }
        from = ctl_arena_printf(arena, "(%.*s",
            (int) page.items[page.nitems - 1].items[0].text.len,
            page.items[page.nitems - 1].items[0].text.data);
    }

    return true;
}
