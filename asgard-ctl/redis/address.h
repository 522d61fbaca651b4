/*
 * Where Redis is: `host:port`, `unix:PATH`, `redis://user:password@host:port`,
 * `unix://user:password@PATH`.
 */
#ifndef CTL_REDIS_ADDRESS_H
#define CTL_REDIS_ADDRESS_H

#include <stdbool.h>

#include "base/secret.h"

struct ctl_redis_address {
    char *host;                         /* NULL with a path */
    char *path;                         /* of a unix socket, or NULL */
    int port;
    char user[65];
    struct ctl_secret password;
};

/* Everything in *a is owned: finish() it, also after a failure. */
bool ctl_redis_address_parse(struct ctl_redis_address *a, const char *text);
void ctl_redis_address_finish(struct ctl_redis_address *a);

#endif
