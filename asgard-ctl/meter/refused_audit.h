/*
 * What gateways refused of callers that they know, into the audit log.
 *
 * One event `gateway.refused` for each key and code of a batch, with how often,
 * from when to when, the trace of the first and, as `traces`, those of others,
 * up to 512 in all.  A batch is taken out of Redis when it is written down; one
 * that was written and is still there, because somebody died between the two,
 * is known by its last entry.
 */
#ifndef CTL_REFUSED_AUDIT_H
#define CTL_REFUSED_AUDIT_H

#include "redis/client.h"
#include "store/pg.h"

/* One batch; nothing when another process is at one.  What is no such entry is
 * left out.  *more: there may be another batch. */
bool ctl_refused_audit(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, bool *more, struct ctl_error *e);

#endif
