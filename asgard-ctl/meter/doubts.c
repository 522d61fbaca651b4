/*
 * Taking doubts, and when the next look is due.
 */
#include "meter/doubts.h"

#define PAUSE_LEAST_MS  1000
#define PAUSE_MOST_MS   64000
#define QUIET_MS        120000


bool
ctl_doubts_take(struct ctl_doubts *d, struct ctl_redis *redis,
    struct ctl_arena *arena, struct ctl_error *e)
{
    const asg_str_t key = ASG_STR(ASG_RKEY_DOUBT);
    const asg_str_t read[2] = {ASG_STR("SMEMBERS"), key};
    const asg_str_t forget[2] = {ASG_STR("DEL"), key};
    struct ctl_reply said;
    uint64_t part;
    size_t i;

    if (!ctl_redis_command(redis, arena, &said, e, 2, read)) {
        return false;
    }
    for (i = 0; i < said.nitems; i++) {
        if (asg_str_u64(said.items[i].text, &part) && part < ASG_PARTITIONS) {
            d->parts[part].waits = true;
        }
    }

    /* what is said between the two is said again, a second later */
    return said.nitems == 0
           || ctl_redis_command(redis, arena, NULL, e, 2, forget);
}


static void
look_note(struct ctl_doubt *d, int64_t now_ms)
{
    bool quiet = d->looked_ms == 0 || now_ms - d->looked_ms >= QUIET_MS;

    d->pause_ms = quiet ? PAUSE_LEAST_MS : 2 * d->pause_ms;
    if (d->pause_ms > PAUSE_MOST_MS) {
        d->pause_ms = PAUSE_MOST_MS;
    }
    d->looked_ms = now_ms;
    d->waits = false;
}


bool
ctl_doubts_next(struct ctl_doubts *d, int64_t now_ms, unsigned *part)
{
    struct ctl_doubt *one;
    unsigned i, first = *part;

    for (i = 0; i < ASG_PARTITIONS; i++) {
        one = &d->parts[(first + i) % ASG_PARTITIONS];
        if (one->waits
            && (one->looked_ms == 0
                || now_ms - one->looked_ms >= one->pause_ms))
        {
            *part = (first + i) % ASG_PARTITIONS;
            look_note(one, now_ms);
            return true;
        }
    }

    return false;
}
