/*
 * A connected socket for hiredis, whose own way to connect aborts when it has
 * no memory.
 */
#ifndef CTL_REDIS_CONNECT_H
#define CTL_REDIS_CONNECT_H

#include "redis/address.h"

/* Blocking, and the caller's to close; -1 with errno when nobody answered
 * within `timeout_ms` at any address of the name. */
int ctl_redis_connect(const struct ctl_redis_address *to, int timeout_ms);

#endif
