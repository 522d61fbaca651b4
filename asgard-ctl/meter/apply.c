/*
 * Sending corrections to Redis.
 */
#include "meter/apply.h"

#include <string.h>

#define BATCH     "64"
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


static bool
corrections_send(struct ctl_leader *l, struct ctl_partition *p, unsigned *n,
    struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(l->pg, l->arena, &rows, e,
            "SELECT seq, delta_nano, pins FROM applies"
            " WHERE partition = $1 AND done_at IS NULL ORDER BY seq"
            " LIMIT " BATCH, ctl_arena_printf(l->arena, "%u", p->part)))
    {
        return false;
    }
    *n = rows.nrows;
    for (i = 0; i < rows.nrows; i++) {
        if (!correction_send(l, p, &rows, i, e)) {
            return false;
        }
    }

    return rows.nrows == 0
           || corrections_mark(l, p, ctl_rows_at(&rows, rows.nrows - 1, 0),
                               e);
}


bool
ctl_apply_owed(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e)
{
    unsigned n;

    while (p->owed) {
        if (!corrections_send(l, p, &n, e)) {
            return false;
        }
        p->owed = n > 0;
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
