/*
 * Connections of a command.
 */
#include "proc/connections.h"

#include <string.h>

#define ARENA_BYTES      (512u * 1024 * 1024)
#define REDIS_TIMEOUT_MS 2000


bool
ctl_connections_open(struct ctl_connections *to,
    const struct ctl_config *config, struct ctl_error *e)
{
    memset(to, 0, sizeof(*to));
    ctl_arena_init(&to->arena, ARENA_BYTES);
    to->pg = ctl_pg_open(config->postgres, "asgard-ctl command");
    to->redis = ctl_redis_open(config->redis, REDIS_TIMEOUT_MS);
    if (to->redis == NULL) {
        return ctl_error_field(e, "invalid_value", "redis",
                               "%s: the setting redis is not an address",
                               config->file);
    }

    return to->pg != NULL || ctl_error_internal(e, "out of memory");
}


void
ctl_connections_close(struct ctl_connections *c)
{
    ctl_pg_close(c->pg);
    ctl_redis_close(c->redis);
    ctl_arena_reset(&c->arena);
}
