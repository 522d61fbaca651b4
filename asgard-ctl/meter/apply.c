/*
 * Sending corrections to Redis.
 */
#include "meter/apply.h"

#include <string.h>

#include "base/clock.h"

#define BATCH     "64"
#define APPLY_MS  200
#define ARGS_MAX  (1 + ASG_SCRIPT_BUDGETS_MAX + 4)


/* DUP: it was applied, and the mark in Postgres was lost. */
static bool
correction_send(struct ctl_leader *l, struct ctl_partition *p,
    const struct ctl_rows *rows, unsigned i, struct ctl_error *e)
{
    char meta[ASG_RKEY_MAX], fence[CTL_FENCE_TEXT];
    asg_str_t argv[ARGS_MAX], pins = asg_str_z(ctl_rows_at(rows, i, 2));
    struct ctl_reply reply;
    asg_verdict_t verdict;
    size_t n = 1, nkeys;

    if (!ctl_partition_is_here(l, p, e)) {
        p->open = false;
        return false;
    }
    ctl_partition_fence(p, fence);
    argv[0] = (asg_str_t) {meta, asg_rkey_meta(meta, p->part)};
    if (!ctl_partition_pin_keys(l, p, pins, argv, &n)) {
        n = 1;
        pins = ASG_STR("");             /* only the number is taken */
    }
    nkeys = n;
    argv[n++] = asg_str_z(fence);
    argv[n++] = asg_str_z(ctl_rows_at(rows, i, 0));
    argv[n++] = asg_str_z(ctl_rows_at(rows, i, 1));
    argv[n++] = pins;
    if (!ctl_redis_script(l->redis, l->arena, &reply, e, ASG_SCRIPT_APPLY,
                          nkeys, n, argv)
        || !ctl_partition_verdict(&reply, &verdict, e))
    {
        return false;
    }
    if (verdict == ASG_VERDICT_OK || verdict == ASG_VERDICT_DUP) {
        return true;
    }
    p->open = false;

    return ctl_error_away(e, "reseed_pending", "partition %u: correction %s: "
                          "%s", p->part, ctl_rows_at(rows, i, 0),
                          asg_verdict_text(verdict));
}


static bool
corrections_mark(struct ctl_leader *l, const struct ctl_partition *p,
    const char *upto, struct ctl_error *e)
{
    return CTL_PG(l->pg, l->arena, NULL, e,
        "UPDATE applies SET done_at = now()"
        " WHERE partition = $1 AND seq <= $2 AND done_at IS NULL",
        ctl_arena_printf(l->arena, "%u", p->part), upto);
}


/* One batch, or what of it begins in time; p->owed: there may be more. */
static bool
corrections_send(struct ctl_leader *l, struct ctl_partition *p,
    int64_t until_ms, struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i = 0;

    if (!CTL_PG(l->pg, l->arena, &rows, e,
            "SELECT seq, delta_nano, pins FROM applies"
            " WHERE partition = $1 AND done_at IS NULL ORDER BY seq"
            " LIMIT " BATCH, ctl_arena_printf(l->arena, "%u", p->part)))
    {
        return false;
    }
    p->owed = rows.nrows > 0;
    if (!p->owed) {
        return true;
    }
    do {
        if (!correction_send(l, p, &rows, i++, e)) {
            return false;
        }
    } while (i < rows.nrows && ctl_clock_ms() < until_ms);

    return corrections_mark(l, p, ctl_rows_at(&rows, i - 1, 0), e);
}


bool
ctl_apply_owed(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e)
{
    int64_t until = ctl_clock_ms() + APPLY_MS;

    while (p->owed && ctl_clock_ms() < until) {
        if (!corrections_send(l, p, until, e)) {
            return false;
        }
    }

    return true;
}


bool
ctl_apply_summed(struct ctl_leader *l, const struct ctl_partition *p,
    int64_t upto, struct ctl_error *e)
{
    return corrections_mark(l, p, ctl_arena_printf(l->arena, "%lld",
                                                   (long long) upto), e);
}
