/*
 * Whose data a Redis server has: its replication id.
 *
 * The run id names the process.  A server that follows another one and is
 * promoted again keeps it, while its data were replaced: only this id changes
 * then, with each time that it becomes a replica or a master.
 */
#ifndef CTL_REPLID_H
#define CTL_REPLID_H

#include "redis/client.h"

#define CTL_REPLID_CHARS 40

/* Asks anew.  "" when the server does not tell. */
bool ctl_redis_replid(struct ctl_redis *r, struct ctl_arena *arena,
    char out[CTL_REPLID_CHARS + 1], struct ctl_error *e);

#endif
