/*
 * Reading streams behind their cursors.
 */
#include "meter/undrained.h"

#include <stdio.h>

#include "core/rkey.h"
#include "meter/partition.h"

#define PAGE_TEXT   "1000"
#define PAGE        1000
#define PAGES_MAX   100000              /* of one stream */
#define ARENA_BYTES (64u * 1024 * 1024) /* of one page */

struct reading {
    struct ctl_redis *redis;
    struct ctl_arena arena;             /* of the page */
    ctl_undrained_pt page;
    void *data;
    bool enough;
};


static asg_str_t
hold_of(const struct ctl_reply *event)
{
    const struct ctl_reply *fields = event->nitems == 2 ? &event->items[1]
                                     : NULL;

    if (fields == NULL || fields->nitems < 2
        || !asg_str_eq_z(fields->items[0].text, "i")
        || !asg_id_is_valid(fields->items[1].text))
    {
        return ASG_STR_NULL;
    }

    return fields->items[1].text;
}


static bool
page_take(struct reading *r, const struct ctl_reply *events,
    struct ctl_error *e)
{
    asg_str_t *holds, hold;
    size_t i, n = 0;

    holds = ctl_arena_alloc(&r->arena, (events->nitems + 1) * sizeof(*holds));
    if (holds == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    for (i = 0; i < events->nitems; i++) {
        hold = hold_of(&events->items[i]);
        if (hold.len > 0) {
            holds[n++] = hold;
        }
    }

    return r->page(r->data, &r->arena, holds, n, &r->enough, e);
}


/* One page; *last is the id of its last event, *n how many there were. */
static bool
page_read(struct reading *r, asg_str_t stream,
    char last[CTL_STREAM_ID_TEXT], size_t *n, struct ctl_error *e)
{
    char after[CTL_STREAM_ID_TEXT + 1];
    asg_str_t argv[6] = {ASG_STR("XRANGE"), stream, ASG_STR_NULL,
                         ASG_STR("+"), ASG_STR("COUNT"), ASG_STR(PAGE_TEXT)};
    struct ctl_reply events;

    snprintf(after, sizeof(after), "(%s", last);
    argv[2] = asg_str_z(after);
    if (!ctl_redis_command(r->redis, &r->arena, &events, e, 6, argv)) {
        return false;
    }
    *n = events.nitems;
    if (events.nitems == 0) {
        return true;
    }
    snprintf(last, CTL_STREAM_ID_TEXT, "%.*s",
             (int) events.items[*n - 1].items[0].text.len,
             events.items[*n - 1].items[0].text.data);

    return page_take(r, &events, e);
}


static bool
stream_read(struct reading *r, unsigned part, int64_t epoch,
    const char *cursor, struct ctl_error *e)
{
    char key[ASG_RKEY_MAX], last[CTL_STREAM_ID_TEXT];
    const asg_str_t stream = {key, asg_rkey_stream(key, part,
                                                   (uint64_t) epoch)};
    unsigned pages;
    size_t n = PAGE;
    bool ok = true;

    snprintf(last, sizeof(last), "%s", cursor);
    for (pages = 0; ok && n == PAGE && !r->enough && pages < PAGES_MAX;
         pages++)
    {
        ok = page_read(r, stream, last, &n, e);
        ctl_arena_reset(&r->arena);
    }

    return ok;
}


bool
ctl_undrained_each(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, ctl_undrained_pt page, void *data,
    struct ctl_error *e)
{
    struct reading r = {.redis = redis, .page = page, .data = data};
    struct ctl_rows rows;
    unsigned i;
    bool ok = true;

    if (!ctl_pg_query(pg, arena, &rows, e,
            "SELECT p.partition, p.epoch, coalesce(c.last_id, '0-0')"
            " FROM partitions p LEFT JOIN cursors c USING (partition, epoch)",
            0, NULL))
    {
        return false;
    }
    ctl_arena_init(&r.arena, ARENA_BYTES);
    for (i = 0; ok && !r.enough && i < rows.nrows; i++) {
        ok = stream_read(&r, (unsigned) ctl_rows_i64(&rows, i, 0),
                         ctl_rows_i64(&rows, i, 1), ctl_rows_at(&rows, i, 2),
                         e);
    }
    ctl_arena_reset(&r.arena);

    return ok;
}
