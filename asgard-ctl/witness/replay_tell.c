/*
 * Telling Redis of one witness line.
 */
#include "witness/replay_tell.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define ARGS_MAX  (4 + ASG_SCRIPT_BUDGETS_MAX + 8)
#define PAUSE_MS  100
#define REPINS    2                     /* a hold that has other pins */
#define TTL_S     "1"

struct call {
    char meta[ASG_RKEY_MAX], hold[ASG_RKEY_MAX], expiry[ASG_RKEY_MAX];
    char stream[ASG_RKEY_MAX], fence[CTL_FENCE_TEXT];
    asg_str_t argv[ARGS_MAX];
    size_t nkeys, n;
};


static bool
fence_read(struct ctl_leader *l, struct ctl_partition *p, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(l->pg, l->arena, &rows, e, "SELECT epoch, run_id, step,"
                " replid FROM partitions WHERE partition = $1",
                ctl_arena_printf(l->arena, "%u", p->part)))
    {
        return false;
    }
    p->epoch = ctl_rows_i64(&rows, 0, 0);
    snprintf(p->run_id, sizeof(p->run_id), "%s", ctl_rows_at(&rows, 0, 1));
    p->open = strcmp(ctl_rows_at(&rows, 0, 2), "open") == 0;
    snprintf(p->replid, sizeof(p->replid), "%s", ctl_rows_at(&rows, 0, 3));

    return true;
}


static bool
call_begin(struct ctl_leader *l, struct ctl_partition *p,
    const struct ctl_replay_line *line, asg_str_t pins, struct call *c)
{
    ctl_partition_fence(p, c->fence);
    c->argv[0] = (asg_str_t) {c->meta, asg_rkey_meta(c->meta, p->part)};
    c->argv[1] = (asg_str_t) {c->hold, asg_rkey_hold(c->hold, p->part,
                                                     line->hold)};
    c->argv[2] = (asg_str_t) {c->expiry, asg_rkey_expiry(c->expiry, p->part)};
    c->argv[3] = (asg_str_t) {c->stream, asg_rkey_stream(c->stream, p->part,
                                         (uint64_t) p->epoch)};
    c->n = 4;
    if (!ctl_partition_pin_keys(l, p, pins, c->argv, &c->n)) {
        return false;
    }
    c->nkeys = c->n;
    c->argv[c->n++] = asg_str_z(c->fence);
    c->argv[c->n++] = line->hold;

    return true;
}


/* finish.lua: verb amount pins detail held project */
static void
finish_fill(struct call *c, const struct ctl_replay_line *line,
    asg_str_t pins, asg_str_t amount, asg_str_t held)
{
    c->argv[c->n++] = (asg_str_t) {&line->verb, 1};
    c->argv[c->n++] = amount;
    c->argv[c->n++] = pins;
    c->argv[c->n++] = line->detail;
    c->argv[c->n++] = held;
    c->argv[c->n++] = line->project;
}


/* reserve.lua: amount ttl mode not_after detail pins */
static void
adopt_fill(struct call *c, const struct ctl_replay_line *line,
    asg_str_t pins, asg_str_t amount)
{
    c->argv[c->n++] = amount;
    c->argv[c->n++] = ASG_STR(TTL_S);
    c->argv[c->n++] = ASG_STR("A");
    c->argv[c->n++] = ASG_STR("0");
    c->argv[c->n++] = line->detail;
    c->argv[c->n++] = pins;
}


static asg_str_t
number_text(struct ctl_leader *l, int64_t n)
{
    return asg_str_z(ctl_arena_printf(l->arena, "%lld", (long long) n));
}


/* One try.  *pins becomes the hold's own when it has others.  A Redis that was
 * started again with older data has the fence that the database has until it is
 * reseeded: what it is told is lost. */
static bool
ask(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_replay_line *line, asg_str_t *pins, asg_verdict_t *verdict,
    struct ctl_error *e)
{
    bool adopts = line->verb == 'x';
    asg_str_t held = number_text(l, line->held_nusd);
    struct ctl_reply reply;
    struct call c;

    if (!ctl_partition_is_here(l, p, e)) {
        return false;
    }
    if (!call_begin(l, p, line, *pins, &c)) {
        *verdict = ASG_VERDICT_ARG;
        return true;
    }
    if (adopts) {
        adopt_fill(&c, line, *pins, held);
    } else {
        finish_fill(&c, line, *pins, number_text(l, line->amount_nusd), held);
    }
    if (!ctl_redis_script(l->redis, l->arena, &reply, e,
                          adopts ? ASG_SCRIPT_RESERVE : ASG_SCRIPT_FINISH,
                          c.nkeys, c.n, c.argv)
        || !ctl_partition_verdict(&reply, verdict, e))
    {
        return false;
    }
    if (*verdict == ASG_VERDICT_KEYS && reply.nitems == 2) {
        *pins = ctl_arena_str(l->arena, reply.items[1].text);
    }
    if (*verdict == ASG_VERDICT_OTHER && reply.nitems == 2) {
        line->refusal = ctl_arena_printf(l->arena, "it is of a hold that Redis"
                                         " knows otherwise (%.*s)",
                                         (int) reply.items[1].text.len,
                                         reply.items[1].text.data);
    }

    return true;
}


/* What a verdict means; false: ask again. */
static bool
is_final(struct ctl_replay_line *line, asg_verdict_t verdict,
    enum ctl_replay_told *told)
{
    *told = CTL_REPLAY_REFUSED;
    switch (verdict) {
    case ASG_VERDICT_OK:
    case ASG_VERDICT_LATE:
        *told = CTL_REPLAY_TOLD;
        return true;
    case ASG_VERDICT_DUP:
        *told = CTL_REPLAY_OPEN;
        return true;
    case ASG_VERDICT_GONE:
        *told = CTL_REPLAY_VOIDED;
        return true;
    case ASG_VERDICT_IDREUSE:
        line->refusal = "it is of a hold that Redis knows otherwise (held)";
        return true;
    case ASG_VERDICT_OTHER:
        if (line->refusal == NULL) {
            line->refusal = "it is of a hold that Redis knows otherwise";
        }
        return true;
    case ASG_VERDICT_ARG:
        line->refusal = "Redis refuses its pins or detail";
        return true;
    default:
        return false;
    }
}


/* A partition that is closed, reseeded or of another server: its row is read
 * again until the time is over. */
bool
ctl_replay_tell(struct ctl_leader *l, struct ctl_replay_line *line,
    enum ctl_replay_told *told, struct ctl_error *e)
{
    const struct timespec pause = {0, PAUSE_MS * 1000000L};
    const int64_t until = ctl_clock_ms() + CTL_REPLAY_CLOSED_MS;
    struct ctl_partition *p = &l->parts[line->part];
    asg_str_t pins = line->pins;
    unsigned repins = 0;
    asg_verdict_t verdict = ASG_VERDICT_CLOSED;

    for ( ;; ) {
        if (!p->open && !fence_read(l, p, e)) {
            return false;
        }
        if (p->open) {
            if (!ask(l, p, line, &pins, &verdict, e)) {
                verdict = ASG_VERDICT_UNKNOWN;
            } else if (is_final(line, verdict, told)) {
                return true;
            } else if (verdict == ASG_VERDICT_KEYS && repins++ < REPINS) {
                continue;
            }
            p->open = false;
        }
        if (ctl_clock_ms() > until) {
            return verdict == ASG_VERDICT_UNKNOWN ? false
                   : ctl_error_away(e, "budget_unavailable",
                                    "partition %u is not open: %s", p->part,
                                    asg_verdict_text(verdict));
        }
        nanosleep(&pause, NULL);
    }
}
