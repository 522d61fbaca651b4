/*
 * Pages of a stream, and a tree of sums.
 */
#include "audit/audit_ahead.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_put.h"
#include "core/event.h"
#include "core/rkey.h"
#include "meter/partition.h"

#define PAGE         1000
#define PAGE_TEXT    "1000"
#define PAGE_BYTES   (128u * 1024 * 1024)       /* pins are 16 KiB at most */
#define EVENT_JSON   256                /* beside its pins */
#define SUM_JSON     128                /* beside its pin */

/* $1 a page.  An event moves again what the ledger has already when a gateway
 * has announced its hold anew: as much goes back when it is read. */
#define SQL_PAGE \
    "WITH e AS (SELECT t.*, row_number() OVER (PARTITION BY t.i" \
    " ORDER BY t.k DESC, t.d DESC) = 1 AND NOT EXISTS (SELECT FROM holds h" \
    " WHERE h.hold_id = t.i) AS fresh FROM jsonb_to_recordset($1::jsonb)" \
    " AS t(i text, k int, d bigint, h bigint, p text))" \
    " SELECT pin, sum(d), coalesce(sum(d) FILTER (WHERE fresh), 0)," \
    " coalesce(sum(greatest(d - h, 0)) FILTER (WHERE fresh), 0)" \
    " FROM e, unnest(string_to_array(p, ',')) AS pin GROUP BY pin"

struct sum {
    const char *pin;
    int64_t moved, fresh, above;
};

struct reading {
    struct ctl_pg *pg;
    struct ctl_redis *redis;
    struct ctl_audit_ahead *ahead;
    struct ctl_arena *arena;            /* of the sums */
    struct ctl_arena page;
    char last[CTL_STREAM_ID_TEXT];
    void *tree;
    size_t bytes;                       /* of the sums as JSON */
};


static int
sum_order(const void *a, const void *b)
{
    return strcmp(((const struct sum *) a)->pin, ((const struct sum *) b)->pin);
}


/* No true sum is as high as the highest number. */
static void
amount_add(int64_t *to, int64_t more)
{
    if (__builtin_add_overflow(*to, more, to)) {
        *to = INT64_MAX;
    }
}


static bool
sum_add(struct reading *r, const struct sum *more, struct ctl_error *e)
{
    struct sum **found = tfind(more, &r->tree, sum_order), *sum;

    if (found == NULL) {
        sum = ctl_arena_alloc(r->arena, sizeof(*sum));
        if (sum == NULL
            || (sum->pin = ctl_arena_text(r->arena, more->pin,
                                          strlen(more->pin))) == NULL
            || (found = tsearch(sum, &r->tree, sum_order)) == NULL)
        {
            return ctl_error_internal(e, "out of memory");
        }
        r->bytes += strlen(more->pin) + SUM_JSON;
    }
    amount_add(&(*found)->moved, more->moved);
    amount_add(&(*found)->fresh, more->fresh);
    amount_add(&(*found)->above, more->above);

    return true;
}


/* Text of an event that jsonb takes; "" of anything else, which names no hold
 * and no counter. */
static asg_str_t
word_of(const struct ctl_reply *fields, const char *name)
{
    asg_str_t word = ctl_reply_field(fields, name);
    size_t i;

    for (i = 0; i < word.len; i++) {
        if (word.data[i] <= ' ' || word.data[i] > '~') {
            return ASG_STR("");
        }
    }

    return word;
}


/* {"i":hold,"k":rank,"d":moved,"h":held,"p":pins} of one that moved anything */
static void
event_put(asg_buf_t *out, const struct ctl_reply *fields)
{
    static const char verbs[] = "xevsp";        /* by their rank */
    asg_str_t verb = ctl_reply_field(fields, "v");
    const char *rank = verb.len == 1 ? strchr(verbs, verb.data[0]) : NULL;
    uint64_t moved, held;

    if (!asg_str_u64(ctl_reply_field(fields, "d"), &moved) || moved == 0
        || moved > ASG_NUSD_MAX)
    {
        return;
    }
    if (!asg_str_u64(ctl_reply_field(fields, "h"), &held)
        || held > ASG_NUSD_MAX)
    {
        held = moved;
    }
    if (asg_event_is_alone(ctl_reply_field(fields, "x"))) {
        held = 0;                       /* none that a limit had admitted */
    }
    ctl_put_text(out, out->len > 1 ? ",{\"i\":" : "{\"i\":",
                 word_of(fields, "i"));
    ctl_put_i64(out, ",\"k\":", rank != NULL ? rank - verbs : 0);
    ctl_put_i64(out, ",\"d\":", (int64_t) moved);
    ctl_put_i64(out, ",\"h\":", (int64_t) held);
    ctl_put_text(out, ",\"p\":", word_of(fields, "p"));
    asg_buf_z(out, "}");
}


static const char *
page_text(struct ctl_arena *arena, const struct ctl_reply *events)
{
    size_t i, bytes = 64 + events->nitems * EVENT_JSON;
    const struct ctl_reply *fields;
    asg_buf_t out;

    for (i = 0; i < events->nitems; i++) {
        fields = events->items[i].nitems == 2 ? &events->items[i].items[1]
                 : events;
        /* each byte may be escaped */
        bytes += 2 * (ctl_reply_field(fields, "p").len
                      + ctl_reply_field(fields, "i").len);
    }
    asg_buf_init(&out, ctl_arena_alloc(arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "[");
    for (i = 0; i < events->nitems; i++) {
        if (events->items[i].nitems == 2) {
            event_put(&out, &events->items[i].items[1]);
        }
    }
    asg_buf_z(&out, "]");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


static bool
page_take(struct reading *r, const struct ctl_reply *events,
    struct ctl_error *e)
{
    const char *text = page_text(&r->page, events);
    struct ctl_rows rows;
    struct sum sum;
    unsigned i;

    if (text == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(r->pg, &r->page, &rows, e, SQL_PAGE, text)) {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        sum = (struct sum) {ctl_rows_at(&rows, i, 0), ctl_rows_i64(&rows, i, 1),
                            ctl_rows_i64(&rows, i, 2),
                            ctl_rows_i64(&rows, i, 3)};
        if (!sum_add(r, &sum, e)) {
            return false;
        }
    }

    return true;
}


/* *n: how many events the page had. */
static bool
page_read(struct reading *r, size_t *n, struct ctl_error *e)
{
    char key[ASG_RKEY_MAX], after[CTL_STREAM_ID_TEXT + 1];
    asg_str_t argv[6] = {ASG_STR("XRANGE"), {key, 0}, ASG_STR_NULL,
                         asg_str_z(r->ahead->upto), ASG_STR("COUNT"),
                         ASG_STR(PAGE_TEXT)};
    struct ctl_reply events;
    asg_str_t last;

    argv[1].len = asg_rkey_stream(key, r->ahead->part,
                                  (uint64_t) r->ahead->epoch);
    snprintf(after, sizeof(after), "(%s", r->last);
    argv[2] = asg_str_z(after);
    if (!ctl_redis_command(r->redis, &r->page, &events, e, 6, argv)) {
        return false;
    }
    *n = events.nitems;
    if (*n == 0) {
        return true;
    }
    if (events.items[*n - 1].nitems != 2) {
        return ctl_error_away(e, "redis_unavailable",
                              "a stream gave no events");
    }
    last = events.items[*n - 1].items[0].text;
    snprintf(r->last, sizeof(r->last), "%.*s", (int) last.len, last.data);

    return page_take(r, &events, e);
}


static void
sum_put(const void *node, VISIT visit, void *data)
{
    const struct sum *sum = *(struct sum *const *) node;
    asg_buf_t *out = data;

    if (visit != postorder && visit != leaf) {
        return;
    }
    ctl_put_text(out, out->len > 1 ? ",{\"p\":" : "{\"p\":",
                 asg_str_z(sum->pin));
    ctl_put_i64(out, ",\"a\":", sum->moved);
    ctl_put_i64(out, ",\"n\":", sum->fresh);
    ctl_put_i64(out, ",\"u\":", sum->above);
    asg_buf_z(out, "}");
}


static bool
sums_put(struct reading *r, struct ctl_error *e)
{
    const size_t bytes = 2 * r->bytes + 64;
    asg_buf_t out;

    asg_buf_init(&out, ctl_arena_alloc(r->arena, bytes), bytes);
    if (out.data == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    asg_buf_z(&out, "[");
    twalk_r(r->tree, sum_put, &out);
    asg_buf_z(&out, "]");
    asg_buf_put(&out, "", 1);
    r->ahead->sums = out.data;

    return asg_buf_ok(&out) || ctl_error_internal(e, "out of memory");
}


static void
keep(void *sum)
{
    (void) sum;                         /* the arena's */
}


bool
ctl_audit_ahead_read(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, struct ctl_audit_ahead *a, struct ctl_error *e)
{
    struct reading r = {.pg = pg, .redis = redis, .ahead = a, .arena = arena};
    size_t n = PAGE;
    bool ok = true;

    ctl_arena_init(&r.page, PAGE_BYTES);
    snprintf(r.last, sizeof(r.last), "%s", a->after);
    a->events = 0;
    while (ok && n == PAGE && a->events < a->most) {
        ok = page_read(&r, &n, e);
        a->events += ok ? (int64_t) n : 0;
        ctl_arena_reset(&r.page);
    }
    ok = ok && sums_put(&r, e);
    tdestroy(r.tree, keep);

    return ok;
}
