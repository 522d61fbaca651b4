/*
 * A Redis that may drop keys of its own accord is no place for counters.
 */
#ifndef CTL_EVICTION_H
#define CTL_EVICTION_H

#include "redis/client.h"

struct ctl_eviction {
    bool allowed;                       /* by its maxmemory-policy */
    int64_t keys;                       /* that went since it began */
};

bool ctl_redis_eviction(struct ctl_redis *r, struct ctl_arena *arena,
    struct ctl_eviction *out, struct ctl_error *e);

/* False with `redis_evicts` unless its maxmemory-policy is noeviction; false
 * with `redis_unavailable` when it does not say. */
bool ctl_redis_check_eviction(struct ctl_redis *r, struct ctl_arena *arena,
    struct ctl_error *e);

/* Its bound in bytes; 0: none. */
bool ctl_redis_maxmemory(struct ctl_redis *r, struct ctl_arena *arena,
    int64_t *bytes, struct ctl_error *e);

#endif
