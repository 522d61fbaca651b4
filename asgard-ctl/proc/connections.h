/*
 * What a command needs to look at a running system: one connection each to
 * PostgreSQL and Redis, and memory.
 */
#ifndef CTL_CONNECTIONS_H
#define CTL_CONNECTIONS_H

#include "base/config.h"
#include "redis/client.h"
#include "store/pg.h"

struct ctl_connections {
    struct ctl_pg *pg;
    struct ctl_redis *redis;
    struct ctl_arena arena;
};

/* Does not connect yet.  Close it also after a failure. */
bool ctl_connections_open(struct ctl_connections *to,
    const struct ctl_config *config, struct ctl_error *e);
void ctl_connections_close(struct ctl_connections *c);

#endif
