/*
 * What gateways doubt: partitions in which Redis answered as if a budget or a
 * hold were gone.
 *
 * Each doubt is a look at the partition, and only what the look finds has
 * consequences.  Looks are spaced, first by a second, then by twice as much
 * each time up to a minute, until two minutes were quiet: whoever doubts on and
 * on costs no more than the audit of each minute.  Not thread-safe.
 */
#ifndef CTL_DOUBTS_H
#define CTL_DOUBTS_H

#include "core/rkey.h"
#include "redis/client.h"

/* Zeroed at first. */
struct ctl_doubts {
    struct ctl_doubt {
        bool waits;                     /* for a look */
        int64_t looked_ms;              /* last, by base/clock.h; 0: never */
        int64_t pause_ms;               /* from then to the next look */
    } parts[ASG_PARTITIONS];
};

/* Takes what was said out of Redis; it waits here until it is looked at. */
bool ctl_doubts_take(struct ctl_doubts *d, struct ctl_redis *redis,
    struct ctl_arena *arena, struct ctl_error *e);

/* The first partition from *part on, once around, whose look is due at now_ms.
 * It is taken as looked at. */
bool ctl_doubts_next(struct ctl_doubts *d, int64_t now_ms, unsigned *part);

#endif
