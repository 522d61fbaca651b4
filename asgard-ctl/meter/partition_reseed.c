/*
 * The steps of a reseed.
 */
#include "meter/partition_reseed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "meter/apply.h"
#include "meter/drain.h"
#include "meter/end_user_seed.h"
#include "meter/gateways.h"
#include "meter/held_copy.h"
#include "meter/hold_index.h"
#include "meter/outbox_record.h"
#include "meter/partition_sum.h"
#include "redis/eviction.h"

#define SPEAK_MS       5000             /* for gateways to speak up */
#define BEATING_MS     500              /* more, of one that beats */
#define TOLD_BY_MS     7000             /* of the reseed: telling is over */
#define CATCH_MS       1500             /* of draining when all have told */
#define OPEN_BY_MS     8500             /* of the reseed: drain no more */
#define PIECE_MS       500              /* of draining in one step, and in one
                                         * turn: a lease ends after 3 s */
#define LEAST_MS       50               /* ... that a step has of its own, or
                                         * it would never add up */
#define ADOPT_PIECE_MS 100              /* ... in a turn, while gateways tell */
#define TURN_MS        1000             /* for all partitions together */
#define SLOW_MS        2000             /* a reseed that is told of */
#define STEPS_MAX      8
#define DROP_MAX       64
#define CAP_DEFAULT    1000000
#define CAP_LEAST      1000
#define ENTRY_BYTES    700              /* of one usage event in Redis */
#define EPOCHS_MAX     "1000"


static const char *
number(struct ctl_leader *l, int64_t n)
{
    return ctl_arena_printf(l->arena, "%lld", (long long) n);
}


/* The compare-and-set that stands before every step. */
static bool
step_to(struct ctl_leader *l, struct ctl_partition *p, const char *step,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(l->pg, l->arena, &rows, e,
            "UPDATE partitions SET step = $1,"
            " leader_until = now() + interval '" CTL_LEASE_S " s'"
            " WHERE partition = $2 AND leader_token = $3 AND epoch = $4"
            " AND step = $5", step, number(l, p->part), number(l, p->token),
            number(l, p->epoch), p->step))
    {
        return false;
    }
    if (rows.affected != 1) {
        return ctl_error_away(e, "not_leader", "partition %u has another "
                              "leader or step", p->part);
    }
    snprintf(p->step, sizeof(p->step), "%s", step);

    return true;
}


static bool
seed_ok(struct ctl_leader *l, struct ctl_partition *p, const char *verb,
    size_t argc, const asg_str_t *argv, struct ctl_error *e)
{
    asg_verdict_t verdict;

    return ctl_partition_seed(l, p, verb, 0, NULL, argc, argv, &verdict, e)
           && (verdict == ASG_VERDICT_OK
               || ctl_error_away(e, "reseed_pending", "partition %u: %s: %s",
                                 p->part, verb, asg_verdict_text(verdict)));
}


static int64_t
reply_number(const struct ctl_reply *list, size_t i)
{
    return i < list->nitems && list->items[i].kind == CTL_REPLY_TEXT
           ? strtoll(list->items[i].text.data, NULL, 10) : 0;
}


/* What Redis and the gateways have seen: a database that was restored to an
 * older point must not go below it. */
struct seen {
    int64_t epoch;                      /* of the counters that are there */
    int64_t highest;                    /* that any gateway knows of */
    int64_t token;
};


static bool
seen_read(struct ctl_leader *l, const struct ctl_partition *p,
    struct seen *seen, struct ctl_error *e)
{
    char meta[ASG_RKEY_MAX];
    asg_str_t argv[5] = {ASG_STR("HMGET"), ASG_STR_NULL, ASG_STR("f"),
                         ASG_STR("ctl"), ASG_STR("e")};
    struct ctl_reply reply;

    argv[1] = (asg_str_t) {meta, asg_rkey_meta(meta, p->part)};
    if (!ctl_redis_command(l->redis, l->arena, &reply, e, 5, argv)) {
        return false;
    }
    seen->epoch = reply_number(&reply, 0);
    seen->token = reply_number(&reply, 1);
    seen->highest = reply_number(&reply, 2);
    if (seen->highest < seen->epoch) {
        seen->highest = seen->epoch;
    }

    return true;
}


/* An epoch is also a time, so that none is used again when both stores were
 * set back and only the gateways remember.  Its cursor is there before anybody
 * can write under it: a reseed that ends early has a stream to be read too. */
static bool
begin(struct ctl_leader *l, struct ctl_partition *p, struct ctl_error *e)
{
    struct seen seen;
    struct ctl_rows rows;

    if (!ctl_redis_ready(l->redis, e) || !seen_read(l, p, &seen, e)
        || !ctl_redis_replid(l->redis, l->arena, l->replid, e)
        || !CTL_PG(l->pg, l->arena, &rows, e,
            "WITH p AS (UPDATE partitions SET step = 'closing',"
            " epoch = greatest(epoch + 1, $1::bigint + 1,"
            " extract(epoch FROM clock_timestamp())::bigint), run_id = $2,"
            " replid = $7,"
            " leader_token = CASE WHEN $3::bigint > leader_token"
            " THEN $3::bigint + 1 ELSE leader_token END,"
            " leader_until = now() + interval '" CTL_LEASE_S " s'"
            " WHERE partition = $4 AND leader_token = $5 AND epoch = $6"
            " RETURNING partition, epoch, leader_token),"
            " c AS (INSERT INTO cursors (partition, epoch)"
            " SELECT partition, epoch FROM p ON CONFLICT DO NOTHING)"
            " SELECT epoch, leader_token FROM p", number(l, seen.highest),
            ctl_redis_run_id(l->redis), number(l, seen.token),
            number(l, p->part), number(l, p->token), number(l, p->epoch),
            l->replid))
    {
        return false;
    }
    if (rows.nrows != 1) {
        return ctl_error_away(e, "not_leader", "partition %u has another "
                              "leader", p->part);
    }
    p->asked = strcmp(p->step, "open") != 0;
    p->before = seen.epoch;
    p->epoch = ctl_rows_i64(&rows, 0, 0);
    p->token = ctl_rows_i64(&rows, 0, 1);
    snprintf(p->run_id, sizeof(p->run_id), "%s", ctl_redis_run_id(l->redis));
    snprintf(p->replid, sizeof(p->replid), "%s", l->replid);
    snprintf(p->step, sizeof(p->step), "closing");
    p->rows_read = 0;
    snprintf(p->cursor, sizeof(p->cursor), "0-0");
    p->durable[0] = '\0';
    p->adopt_until_ms = p->catch_until_ms = 0;
    p->drained = 0;
    p->times = (struct ctl_reseed_times) {.begun_ms = ctl_clock_ms()};

    return seed_ok(l, p, "close", 0, NULL, e);
}


/* Till when a step may drain: those of one turn share its time. */
static int64_t
piece_until(const struct ctl_leader *l)
{
    int64_t now = ctl_clock_ms();
    int64_t until = (l->turn_ms != 0 ? l->turn_ms : now) + PIECE_MS;

    return until > now + LEAST_MS ? until : now + LEAST_MS;
}


/* From the oldest on, until all are drained or the time of the step is over:
 * what was drained is not looked at again. */
static bool
epochs_drain(struct ctl_leader *l, struct ctl_partition *p,
    const int64_t *epochs, unsigned n, struct ctl_error *e)
{
    int64_t until = piece_until(l);
    bool done = true;
    unsigned i;

    for (i = 0; i < n && done; i++) {
        if (i > 0 && ctl_clock_ms() >= until) {
            p->unfinished = true;
            return true;
        }
        if (!ctl_drain_epoch(l, p, epochs[i], until, &done, e)) {
            return false;
        }
        if (done) {
            p->drained = epochs[i];
        }
    }
    p->unfinished = !done;

    return true;
}


/* Streams of every epoch that was ever begun, and of the one in Redis. */
static bool
drain_older(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e)
{
    int64_t *epochs;
    struct ctl_rows rows;
    unsigned i;
    bool ok;

    ctl_arena_reset(l->arena);
    if (!CTL_PG(l->pg, l->arena, &rows, e,
            "SELECT epoch FROM (SELECT epoch FROM (SELECT epoch FROM cursors"
            " WHERE partition = $1 UNION SELECT $2::bigint) q"
            " WHERE epoch > $3::bigint AND epoch < $4::bigint"
            " ORDER BY epoch DESC LIMIT " EPOCHS_MAX ") r ORDER BY epoch",
            number(l, p->part), number(l, p->before), number(l, p->drained),
            number(l, p->epoch)))
    {
        return false;
    }
    epochs = malloc((rows.nrows + 1) * sizeof(*epochs));
    if (epochs == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    for (i = 0; i < rows.nrows; i++) {
        epochs[i] = ctl_rows_i64(&rows, i, 0);
    }
    ok = epochs_drain(l, p, epochs, rows.nrows, e);
    free(epochs);

    return ok;
}


/* Holds that have an end in the ledger must not be ended once more. */
static bool
drop_ended(struct ctl_leader *l, const struct ctl_partition *p,
    const struct ctl_sum *sum, struct ctl_error *e)
{
    char names[DROP_MAX][ASG_RKEY_MAX];
    asg_str_t keys[DROP_MAX];
    asg_verdict_t verdict;
    unsigned i, n;

    for (i = 0; i < sum->nended; i += n) {
        for (n = 0; n < DROP_MAX && i + n < sum->nended; n++) {
            keys[n].data = names[n];
            keys[n].len = asg_rkey_hold(names[n], p->part,
                                        asg_str_z(sum->ended[i + n]));
        }
        if (!ctl_partition_seed(l, p, "drop", n, keys, 0, NULL, &verdict, e)) {
            return false;
        }
        if (verdict != ASG_VERDICT_OK) {
            return ctl_error_away(e, "reseed_pending", "partition %u: drop: "
                                  "%s", p->part, asg_verdict_text(verdict));
        }
    }

    return true;
}


/* Of however many end users: those of one turn share its time. */
static bool
users_seed(struct ctl_leader *l, struct ctl_partition *p, struct ctl_error *e)
{
    bool done;

    if (!ctl_end_users_seed_some(l, p, piece_until(l), &done, e)) {
        return false;
    }
    p->unfinished = !done;

    return !done
           || (ctl_held_copy_seed(l, p, e)
               && ctl_record_send_partition(l->pg, l->redis, l->arena,
                                            p->part, e));
}


static bool
sum_and_seed(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e)
{
    struct ctl_sum sum;
    unsigned at = 0;

    ctl_arena_reset(l->arena);
    p->times.drained_ms = ctl_clock_ms();
    if (!step_to(l, p, "summing", e)
        || (p->asked && !ctl_hold_index_mend(l, p, e))
        || !ctl_sum_read(l, p, &sum, e)
        || !drop_ended(l, p, &sum, e))
    {
        return false;
    }
    while (at < sum.nwindows) {
        if (!ctl_sum_seed_budget(l, p, &sum, &at, e)) {
            return false;
        }
    }
    p->summed = sum.adj;

    return ctl_end_users_seed_held(l, p, sum.holds, e)
           && users_seed(l, p, e);
}


/* From here gateways may announce what they hold and tell what they ended. */
static bool
adopt(struct ctl_leader *l, struct ctl_partition *p, struct ctl_error *e)
{
    asg_str_t arg = asg_str_z(number(l, p->summed));

    if (!step_to(l, p, "adopting", e)
        || !seed_ok(l, p, "adopt", 1, &arg, e)
        || !ctl_apply_summed(l, p, p->summed, e))
    {
        return false;
    }
    p->times.adopting_ms = ctl_clock_ms();
    p->adopt_until_ms = p->times.adopting_ms + SPEAK_MS;

    return true;
}


/* Entries allowed in one stream: a quarter of the memory may be one stream's,
 * since Redis refuses reserve before settle when there is none left. */
static bool
cap_read(struct ctl_leader *l, int64_t *cap, struct ctl_error *e)
{
    int64_t bytes;

    if (!ctl_redis_maxmemory(l->redis, l->arena, &bytes, e)) {
        return false;
    }
    *cap = bytes > 0 ? bytes / 4 / ENTRY_BYTES : CAP_DEFAULT;
    *cap = *cap < CAP_LEAST ? CAP_LEAST : *cap;

    return true;
}


/* A piece of what the gateways have told reaches the ledger, and Redis what
 * it is owed for that.  *done: there was no more. */
static bool
told_drain(struct ctl_leader *l, struct ctl_partition *p, int64_t until_ms,
    bool *done, struct ctl_error *e)
{
    return ctl_drain_current(l, p, until_ms, done, e)
           && ctl_apply_owed(l, p, e);
}


/* What the gateways told reaches the ledger before the door opens, as far as
 * that goes in a short time: the counters have all of it since it was told
 * (finish.lua charges while adopting), and at most too much. */
static bool
catch_up(struct ctl_leader *l, struct ctl_partition *p, struct ctl_error *e)
{
    bool done;

    if (!told_drain(l, p, piece_until(l), &done, e)) {
        return false;
    }
    p->unfinished = !done && ctl_clock_ms() < p->catch_until_ms;

    return true;
}


static bool
told_all(struct ctl_leader *l, struct ctl_partition *p, struct ctl_error *e)
{
    int64_t most = p->times.begun_ms + OPEN_BY_MS;

    p->adopt_until_ms = 0;
    p->times.told_ms = ctl_clock_ms();
    p->catch_until_ms = p->times.told_ms + CATCH_MS;
    p->catch_until_ms = p->catch_until_ms < most ? p->catch_until_ms : most;
    p->owed = true;

    return step_to(l, p, "catching", e) && catch_up(l, p, e);
}


/* A little meanwhile: the gateways and Redis need the processor more. */
static bool
adopt_drain(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e)
{
    int64_t now = ctl_clock_ms();
    int64_t until = (l->turn_ms != 0 ? l->turn_ms : now) + ADOPT_PIECE_MS;
    bool done;

    return now >= until || told_drain(l, p, until, &done, e);
}


/* Who is silent is not waited for, nor is one that tells for ever.  *over: the
 * time to tell is. */
static bool
adopt_over(struct ctl_leader *l, struct ctl_partition *p, bool *over,
    struct ctl_error *e)
{
    int64_t now = ctl_clock_ms();
    int64_t most = p->times.begun_ms + TOLD_BY_MS;
    bool telling;

    *over = now >= p->adopt_until_ms;
    if (!*over || now >= most) {
        return true;
    }
    if (!ctl_gateways_are_telling(l, p, &telling, e)) {
        return false;
    }
    if (telling) {
        *over = false;
        p->adopt_until_ms = now + BEATING_MS < most ? now + BEATING_MS : most;
    }

    return true;
}


/* Would what the gateways say be heard? */
static bool
adopt_is_heard(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e)
{
    struct seen seen;

    if (!seen_read(l, p, &seen, e)) {
        return false;
    }
    if (seen.highest > p->epoch) {
        return ctl_error_away(e, "reseed_pending", "partition %u: a gateway "
                              "knows of a higher epoch", p->part);
    }

    return seen.epoch == p->epoch
           || ctl_error_away(e, "reseed_pending", "partition %u was lost "
                             "while it was seeded", p->part);
}


static bool
adopt_wait(struct ctl_leader *l, struct ctl_partition *p, struct ctl_error *e)
{
    bool all, over;

    if (!adopt_is_heard(l, p, e) || !ctl_gateways_have_told(l, p, &all, e)) {
        return false;
    }
    if (all) {
        return told_all(l, p, e);
    }
    if (!adopt_drain(l, p, e) || !adopt_over(l, p, &over, e)) {
        return false;
    }

    return !over || (ctl_gateways_give_up(l, p, e) && told_all(l, p, e));
}


static void
times_say(const struct ctl_partition *p)
{
    const struct ctl_reseed_times *t = &p->times;
    int64_t now = ctl_clock_ms();

    if (now - t->begun_ms >= SLOW_MS) {
        ctl_log(CTL_LOG_INFO, "partition %u was closed for %lld ms: draining "
                "%lld, summing %lld, gateways %lld, catching up %lld", p->part,
                (long long) (now - t->begun_ms),
                (long long) (t->drained_ms - t->begun_ms),
                (long long) (t->adopting_ms - t->drained_ms),
                (long long) (t->told_ms - t->adopting_ms),
                (long long) (now - t->told_ms));
    }
}


static bool
open_again(struct ctl_leader *l, struct ctl_partition *p, struct ctl_error *e)
{
    asg_str_t argv[3];
    struct ctl_rows rows;

    if (!ctl_redis_check_eviction(l->redis, l->arena, e)
        || !cap_read(l, &p->cap, e)
        || !CTL_PG(l->pg, l->arena, &rows, e,
            "WITH c AS (INSERT INTO cursors (partition, epoch)"
            " VALUES ($1, $2) ON CONFLICT DO NOTHING)"
            " SELECT coalesce((SELECT min(seq) - 1 FROM applies"
            " WHERE partition = $1 AND done_at IS NULL), max(seq), 0)"
            " FROM applies WHERE partition = $1",
            number(l, p->part), number(l, p->epoch)))
    {
        return false;
    }
    argv[0] = asg_str_z(ctl_rows_at(&rows, 0, 0));
    argv[1] = asg_str_z(number(l, p->cap));
    argv[2] = asg_str_z(p->cursor);
    if (!step_to(l, p, "open", e) || !seed_ok(l, p, "open", 3, argv, e)) {
        return false;
    }
    p->open = true;
    memcpy(p->durable, p->cursor, sizeof(p->durable));
    times_say(p);

    return true;
}


/* One that came to its end and was not opened, because Redis may evict, stays
 * closed as it is: no new epoch for each look. */
static bool
may_begin(struct ctl_leader *l, const struct ctl_partition *p,
    struct ctl_error *e)
{
    return strcmp(p->step, "catching") != 0
           || ctl_redis_check_eviction(l->redis, l->arena, e);
}


/* What each step does stands before its name in the row: a row that says
 * `draining` belongs to one who drains. */
static bool
step_take(struct ctl_leader *l, struct ctl_partition *p, struct ctl_error *e)
{
    bool unfinished = p->unfinished;

    p->unfinished = false;
    if (!p->seeding) {
        return may_begin(l, p, e) && begin(l, p, e);
    }
    if (!ctl_partition_is_here(l, p, e)) {
        return false;
    }
    if (strcmp(p->step, "closing") == 0) {
        return step_to(l, p, "draining", e) && drain_older(l, p, e);
    }
    if (strcmp(p->step, "draining") == 0) {
        return unfinished ? drain_older(l, p, e) : sum_and_seed(l, p, e);
    }
    if (strcmp(p->step, "summing") == 0) {
        return unfinished ? users_seed(l, p, e) : adopt(l, p, e);
    }
    if (strcmp(p->step, "adopting") == 0) {
        return adopt_wait(l, p, e);
    }
    if (strcmp(p->step, "catching") == 0) {
        return unfinished ? catch_up(l, p, e) : open_again(l, p, e);
    }

    return ctl_error_away(e, "reseed_pending", "partition %u: another step",
                          p->part);
}


bool
ctl_reseed_step(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e)
{
    bool ok = step_take(l, p, e);

    p->seeding = ok && !p->open;

    return ok;
}


/* For gateways, or for its next turn. */
static bool
is_waiting(const struct ctl_partition *p)
{
    return p->seeding && (p->adopt_until_ms != 0 || p->unfinished);
}


/* From where it stands until it is open, or waits. */
static bool
advance_one(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e)
{
    unsigned i;

    for (i = 0; i < STEPS_MAX && !p->open; i++) {
        if (!ctl_reseed_step(l, p, e)) {
            return false;
        }
        if (is_waiting(p)) {
            break;
        }
    }

    return true;
}


bool
ctl_reseed_advance(struct ctl_leader *l, unsigned *waiting,
    struct ctl_error *e)
{
    int64_t until = ctl_clock_ms() + TURN_MS;
    unsigned i, first = l->seed_next, opened = 0;
    struct ctl_partition *p;
    bool ok = true;

    *waiting = 0;
    l->turn_ms = ctl_clock_ms();
    for (i = 0; i < ASG_PARTITIONS; i++) {
        p = &l->parts[(first + i) % ASG_PARTITIONS];
        if (!p->led || p->open) {
            continue;
        }
        if (ctl_clock_ms() >= until) {
            (*waiting)++;               /* begins the next turn */
            l->seed_next = p->part;
            break;
        }
        ok = advance_one(l, p, e) && ok;
        opened += p->open;
        *waiting += is_waiting(p);
    }
    l->turn_ms = 0;
    if (opened > 0) {
        ctl_log(CTL_LOG_INFO, "%u partitions were seeded and opened", opened);
    }

    return ok;
}
