/*
 * The transaction of a drain, and what follows it in Redis.
 */
#include "meter/drain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/ledger_month.h"
#include "meter/drain_batch.h"
#include "meter/partition_lead.h"
#include "meter/restored.h"
#include "meter/stream_state.h"

#define TRIM_BEHIND_MS   (15 * 60 * 1000)
#define READ_KEEP_S      "86400"        /* an older epoch, when all is read */
#define TURN_MS          1000           /* for all streams together */
#define READ_HEAD        5              /* XREAD COUNT n BLOCK ms STREAMS */


/* The row and the cursor of the epoch, locked, are what we think they are. */
static bool
cursor_lock(struct ctl_leader *l, const struct ctl_partition *p,
    const char *epoch, const char **last, uint64_t *number,
    struct ctl_error *e)
{
    const char *part = ctl_arena_printf(l->arena, "%u", p->part);
    const char *token = ctl_arena_printf(l->arena, "%lld",
                                         (long long) p->token);
    const char *leading = ctl_arena_printf(l->arena, "%lld",
                                           (long long) p->epoch);
    struct ctl_rows rows;

    if (!CTL_PG(l->pg, l->arena, NULL, e,
            "INSERT INTO cursors (partition, epoch) VALUES ($1, $2)"
            " ON CONFLICT DO NOTHING", part, epoch)
        || !CTL_PG(l->pg, l->arena, &rows, e,
            "SELECT c.last_id, c.last_number FROM partitions p JOIN cursors c"
            " USING (partition) WHERE p.partition = $1 AND c.epoch = $2"
            " AND p.leader_token = $3 AND p.epoch = $4 FOR UPDATE",
            part, epoch, token, leading))
    {
        return false;
    }
    *last = ctl_rows_at(&rows, 0, 0);
    if (*last == NULL) {
        return ctl_error_away(e, "not_leader", "the lead of partition %u was "
                              "lost", p->part);
    }
    *number = (uint64_t) ctl_rows_i64(&rows, 0, 1);

    return true;
}


static bool
cursor_write(const struct ctl_batch *b, const char *epoch, const char *last,
    size_t n, struct ctl_error *e)
{
    struct ctl_leader *l = b->leader;

    return CTL_PG(l->pg, l->arena, NULL, e,
        "UPDATE cursors SET last_id = $3, rows_read = rows_read + $4,"
        " last_number = $5, copies = copies + $6"
        " WHERE partition = $1 AND epoch = $2",
        ctl_arena_printf(l->arena, "%u", b->partition->part), epoch, last,
        ctl_arena_printf(l->arena, "%zu", n),
        ctl_arena_printf(l->arena, "%llu",
                         (unsigned long long) b->last_number),
        ctl_arena_printf(l->arena, "%u", b->ncopies));
}


/* Numbers that do not follow each other: events are gone, or the counter is.
 * What Redis moved is not known then. */
static bool
numbers_check(const struct ctl_batch *b, struct ctl_error *e)
{
    if (b->ncopies > 0) {
        ctl_log(CTL_LOG_ERROR, "partition %u: %u usage events stood in the "
                "stream again and were passed over: who writes to Redis?",
                b->partition->part, b->ncopies);
    }
    if (!b->current || !b->disturbed) {
        return true;
    }
    ctl_log(CTL_LOG_ERROR, "partition %u: the numbers of its usage events do "
            "not follow each other: the counters are made anew",
            b->partition->part);

    return ctl_lead_force_reseed(b->leader->pg, b->leader->arena,
                                 (int) b->partition->part, 0, e);
}


static bool
batch_commit(struct ctl_batch *b, const char *epoch,
    const struct ctl_reply *entries, size_t n, const char *after,
    const char *upto, struct ctl_error *e)
{
    struct ctl_leader *l = b->leader;
    const char *last;
    bool ok;

    if (!ctl_pg_begin(l->pg, e)) {
        return false;
    }
    ok = cursor_lock(l, b->partition, epoch, &last, &b->last_number, e)
         && (strcmp(last, after) == 0
             || ctl_error_away(e, "not_leader", "the cursor of partition %u "
                               "has moved", b->partition->part))
         && ctl_batch_read(b, entries, n, e)
         && ctl_batch_join(b, e)
         && ctl_batch_write(b, e)
         && cursor_write(b, epoch, upto, n, e)
         && numbers_check(b, e);
    if (!ok) {
        ctl_pg_rollback(l->pg);
        return false;
    }

    return ctl_pg_commit(l->pg, e);
}


/* The months that the entries need, made outside the transaction, which holds
 * locks that others wait for. */
static bool
months_ready(struct ctl_leader *l, const struct ctl_reply *list, size_t n,
    struct ctl_error *e)
{
    int64_t at_ms;
    size_t i;

    for (i = 0; i < n; i++) {
        at_ms = list->items[i].nitems > 0
                ? ctl_event_time_ms(list->items[i].items[0].text) : 0;
        if ((at_ms < l->month_from_ms || at_ms >= l->month_to_ms)
            && !ctl_ledger_month_make(l->pg, l->arena, at_ms,
                                      &l->month_from_ms, &l->month_to_ms, e))
        {
            return false;
        }
    }

    return true;
}


/* Entries after `after` of one stream → Postgres; `after` moves with them. */
static bool
entries_write(struct ctl_leader *l, struct ctl_partition *p, int64_t epoch,
    const struct ctl_reply *list, char after[CTL_STREAM_ID_TEXT],
    struct ctl_error *e)
{
    const char *number = ctl_arena_printf(l->arena, "%lld",
                                          (long long) epoch);
    size_t n = list->nitems < CTL_DRAIN_BATCH ? list->nitems
               : CTL_DRAIN_BATCH;
    struct ctl_batch *b;
    asg_str_t last;
    bool ok;

    if (n == 0) {
        return true;
    }
    b = ctl_arena_alloc(l->arena, sizeof(*b));
    if (b == NULL || number == NULL || list->items[n - 1].nitems != 2) {
        return ctl_error_internal(e, "a stream cannot be read");
    }
    last = list->items[n - 1].items[0].text;
    b->leader = l;
    b->partition = p;
    b->current = epoch == p->epoch;
    b->epoch = (uint64_t) epoch;
    ok = last.len < CTL_STREAM_ID_TEXT && months_ready(l, list, n, e)
         && batch_commit(b, number, list->items, n, after, last.data, e);
    /* also after a failure: the answer to a commit may have been lost */
    p->owed = p->owed || b->nowed > 0;
    if (!ok) {
        l->month_to_ms = 0;             /* whatever it was, look again */
        return false;
    }
    memcpy(after, last.data, last.len);
    after[last.len] = '\0';
    p->moved = true;
    if (b->current) {
        p->rows_read += (int64_t) n;
        p->open = p->open && !b->disturbed;
    }

    return true;
}


bool
ctl_drain_publish(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e)
{
    asg_str_t id = asg_str_z(p->cursor);
    asg_verdict_t verdict;

    if (!ctl_stream_check(l, p, e)) {
        return false;
    }
    if (!p->open || strcmp(p->cursor, p->durable) == 0) {
        return true;
    }
    if (!ctl_partition_seed(l, p, "dur", 0, NULL, 1, &id, &verdict, e)) {
        return false;
    }
    if (verdict == ASG_VERDICT_OK || verdict == ASG_VERDICT_OLD) {
        memcpy(p->durable, p->cursor, sizeof(p->durable));
        return true;
    }
    p->open = false;

    return true;
}


static struct ctl_partition *
partition_of_stream(struct ctl_leader *l, asg_str_t name)
{
    char key[ASG_RKEY_MAX];
    unsigned i;

    for (i = 0; i < ASG_PARTITIONS; i++) {
        (void) asg_rkey_stream(key, i, (uint64_t) l->parts[i].epoch);
        if (l->parts[i].open && asg_str_eq_z(name, key)) {
            return &l->parts[i];
        }
    }

    return NULL;
}


/* XREAD over the streams of all open partitions; nil when nothing came. */
static bool
streams_read(struct ctl_leader *l, int wait_ms, struct ctl_reply *reply,
    struct ctl_error *e)
{
    asg_str_t argv[READ_HEAD + 1 + 2 * ASG_PARTITIONS] = {
        ASG_STR("XREAD"), ASG_STR("COUNT"), ASG_STR_NULL, ASG_STR("BLOCK"),
        ASG_STR_NULL, ASG_STR("STREAMS")};
    char keys[ASG_PARTITIONS][ASG_RKEY_MAX], count[16], block[16];
    const struct ctl_partition *p;
    unsigned i, n = 0, open = 0;

    snprintf(count, sizeof(count), "%d", CTL_DRAIN_BATCH);
    snprintf(block, sizeof(block), "%d", wait_ms);
    argv[2] = asg_str_z(count);
    argv[4] = asg_str_z(block);
    for (i = 0; i < ASG_PARTITIONS; i++) {
        open += l->parts[i].open;
    }
    for (i = 0; i < ASG_PARTITIONS; i++) {
        p = &l->parts[(l->drain_next + i) % ASG_PARTITIONS];
        if (p->open) {
            (void) asg_rkey_stream(keys[n], p->part, (uint64_t) p->epoch);
            argv[READ_HEAD + 1 + n] = asg_str_z(keys[n]);
            argv[READ_HEAD + 1 + open + n] = asg_str_z(p->cursor);
            n++;
        }
    }

    return ctl_redis_command(l->redis, l->arena, reply, e,
                             READ_HEAD + 1 + 2 * open, argv);
}


/* Events of other data than those that we lead are nobody's evidence yet: the
 * partitions are seeded again first.  *same is set when true is returned. */
static bool
data_check(struct ctl_leader *l, bool *same, struct ctl_error *e)
{
    char replid[CTL_REPLID_CHARS + 1];
    unsigned i;

    if (!ctl_redis_replid(l->redis, l->arena, replid, e)) {
        return false;
    }
    *same = strcmp(replid, l->replid) == 0;
    for (i = 0; i < ASG_PARTITIONS && !*same; i++) {
        l->parts[i].open = false;
    }

    return true;
}


/* A stream that cannot be written holds up none of the others, and a long one
 * only until the lease must be renewed: the next turn begins where this one
 * ended. */
bool
ctl_drain_wait(struct ctl_leader *l, int wait_ms, unsigned *n,
    struct ctl_error *e)
{
    const struct ctl_reply *stream;
    struct ctl_partition *p;
    struct ctl_reply reply;
    int64_t until;
    bool ok = true, same = true;
    size_t i;

    *n = 0;
    if (!streams_read(l, wait_ms, &reply, e)
        || (reply.nitems > 0 && !data_check(l, &same, e)))
    {
        return false;
    }
    if (!same) {
        return true;
    }
    until = ctl_clock_ms() + TURN_MS;
    for (i = 0; i < reply.nitems; i++) {
        stream = &reply.items[i];
        p = stream->nitems == 2
            ? partition_of_stream(l, stream->items[0].text) : NULL;
        if (p == NULL) {
            continue;
        }
        if (i > 0 && ctl_clock_ms() >= until) {
            l->drain_next = p->part;
            break;
        }
        if (entries_write(l, p, p->epoch, &stream->items[1], p->cursor, e)
            && ctl_drain_publish(l, p, e))
        {
            *n += (unsigned) stream->items[1].nitems;
        } else {
            ok = false;
        }
    }

    return ok;
}


static bool
range_read(struct ctl_leader *l, const struct ctl_partition *p, int64_t epoch,
    const char *after, struct ctl_reply *reply, struct ctl_error *e)
{
    char key[ASG_RKEY_MAX], from[CTL_STREAM_ID_TEXT + 1], count[16];
    asg_str_t argv[6] = {ASG_STR("XRANGE"), ASG_STR_NULL, ASG_STR_NULL,
                         ASG_STR("+"), ASG_STR("COUNT"), ASG_STR_NULL};

    argv[1] = (asg_str_t) {key, asg_rkey_stream(key, p->part,
                                                (uint64_t) epoch)};
    snprintf(from, sizeof(from), "(%s", after);
    snprintf(count, sizeof(count), "%d", CTL_DRAIN_BATCH);
    argv[2] = asg_str_z(from);
    argv[5] = asg_str_z(count);

    return ctl_redis_command(l->redis, l->arena, reply, e, 6, argv);
}


/* Entries after `after`, which moves with them; see ctl_drain_epoch(). */
static bool
range_drain(struct ctl_leader *l, struct ctl_partition *p, int64_t epoch,
    char after[CTL_STREAM_ID_TEXT], int64_t until_ms, bool *done,
    struct ctl_error *e)
{
    struct ctl_reply reply;

    do {
        ctl_arena_reset(l->arena);
        if (!range_read(l, p, epoch, after, &reply, e)
            || !entries_write(l, p, epoch, &reply, after, e))
        {
            return false;
        }
        *done = reply.nitems < CTL_DRAIN_BATCH;
    } while (!*done && ctl_clock_ms() < until_ms);
    ctl_arena_reset(l->arena);

    return true;
}


bool
ctl_drain_current(struct ctl_leader *l, struct ctl_partition *p,
    int64_t until_ms, bool *done, struct ctl_error *e)
{
    return range_drain(l, p, p->epoch, p->cursor, until_ms, done, e);
}


/* A stream of which the ledger has everything: its last 15 minutes are kept for
 * a day, should the database be restored; not longer for being looked at
 * again. */
static bool
stream_let_go(struct ctl_leader *l, const struct ctl_partition *p,
    int64_t epoch, struct ctl_error *e)
{
    char key[ASG_RKEY_MAX], upto[CTL_STREAM_ID_TEXT];
    const asg_str_t stream = {key, asg_rkey_stream(key, p->part,
                                                   (uint64_t) epoch)};
    const asg_str_t time[1] = {ASG_STR("TIME")};
    const asg_str_t expire[4] = {ASG_STR("EXPIRE"), stream,
                                 ASG_STR(READ_KEEP_S), ASG_STR("NX")};
    asg_str_t trim[4] = {ASG_STR("XTRIM"), stream, ASG_STR("MINID"),
                         ASG_STR_NULL};
    struct ctl_reply now;
    uint64_t now_s;

    if (!ctl_redis_command(l->redis, l->arena, &now, e, 1, time)) {
        return false;
    }
    if (now.nitems != 2 || !asg_str_u64(now.items[0].text, &now_s)) {
        return ctl_error_away(e, "redis_unavailable", "TIME gave no time");
    }
    snprintf(upto, sizeof(upto), "%lld-0",
             (long long) now_s * 1000 - TRIM_BEHIND_MS);
    trim[3] = asg_str_z(upto);

    return ctl_redis_command(l->redis, l->arena, NULL, e, 4, trim)
           && ctl_redis_command(l->redis, l->arena, NULL, e, 4, expire);
}


static bool
stream_is_there(struct ctl_leader *l, const struct ctl_partition *p,
    int64_t epoch, bool *there, struct ctl_error *e)
{
    char key[ASG_RKEY_MAX];
    const asg_str_t argv[2] = {
        ASG_STR("EXISTS"),
        {key, asg_rkey_stream(key, p->part, (uint64_t) epoch)}
    };
    struct ctl_reply reply;

    if (!ctl_redis_command(l->redis, l->arena, &reply, e, 2, argv)) {
        return false;
    }
    *there = asg_str_eq_z(reply.text, "1");

    return true;
}


bool
ctl_drain_epoch(struct ctl_leader *l, struct ctl_partition *p, int64_t epoch,
    int64_t until_ms, bool *done, struct ctl_error *e)
{
    char after[CTL_STREAM_ID_TEXT] = "0-0";
    struct ctl_rows rows;
    int64_t known = 0;
    bool there;

    *done = true;
    if (!stream_is_there(l, p, epoch, &there, e)) {
        return false;
    }
    if (!there) {
        return true;
    }
    if (!CTL_PG(l->pg, l->arena, &rows, e,
            "SELECT last_id, rows_read FROM cursors"
            " WHERE partition = $1 AND epoch = $2",
            ctl_arena_printf(l->arena, "%u", p->part),
            ctl_arena_printf(l->arena, "%lld", (long long) epoch)))
    {
        return false;
    }
    if (rows.nrows == 1) {
        snprintf(after, sizeof(after), "%s", ctl_rows_at(&rows, 0, 0));
        known = ctl_rows_i64(&rows, 0, 1);
    }

    return ctl_restored_gap(l, p, epoch, after, known, e)
           && range_drain(l, p, epoch, after, until_ms, done, e)
           && (!*done || stream_let_go(l, p, epoch, e));
}


/* Entries that the ledger has are kept for 15 minutes, but they count against
 * `cap`: from half of it on they go at once. */
static bool
trim_before(struct ctl_leader *l, const struct ctl_partition *p,
    const asg_str_t *stream, char upto[CTL_STREAM_ID_TEXT],
    struct ctl_error *e)
{
    const asg_str_t argv[2] = {ASG_STR("XLEN"), *stream};
    long long ms = strtoll(p->cursor, NULL, 10) - TRIM_BEHIND_MS;
    struct ctl_reply reply;

    if (!ctl_redis_command(l->redis, l->arena, &reply, e, 2, argv)) {
        return false;
    }
    if (strtoll(reply.text.data, NULL, 10) > p->cap / 2) {
        memcpy(upto, p->cursor, CTL_STREAM_ID_TEXT);
    } else {
        snprintf(upto, CTL_STREAM_ID_TEXT, "%lld-0", ms > 0 ? ms : 0);
    }

    return true;
}


bool
ctl_drain_trim(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e)
{
    char key[ASG_RKEY_MAX], upto[CTL_STREAM_ID_TEXT];
    asg_str_t argv[4] = {ASG_STR("XTRIM"), ASG_STR_NULL, ASG_STR("MINID"),
                         ASG_STR_NULL};

    if (!p->moved) {
        return true;
    }
    argv[1] = (asg_str_t) {key, asg_rkey_stream(key, p->part,
                                                (uint64_t) p->epoch)};
    if (!trim_before(l, p, &argv[1], upto, e)) {
        return false;
    }
    argv[3] = asg_str_z(upto);
    p->moved = false;

    return ctl_redis_command(l->redis, l->arena, NULL, e, 4, argv);
}
