/*
 * Which part of Asgard is not ready: for /internal/ready and `status`.
 */
#ifndef CTL_READINESS_H
#define CTL_READINESS_H

#include "redis/client.h"
#include "store/pg.h"


/* "ok", or what is wrong; of the arena or constant.  A part that cannot be
 * looked at because another is away is not blamed. */
struct ctl_readiness {
    const char *redis, *postgres, *ctl, *catalog;
    bool ready;
};

void ctl_readiness_check(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, struct ctl_readiness *out);

/* A role says that it lives; `info` is JSON, NULL: {}. */
bool ctl_readiness_beat(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *role, const char *info, struct ctl_error *e);

#endif
