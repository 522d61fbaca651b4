/*
 * Open holds whose ids were read before: what stands under them, or what the
 * event says that has ended one since.
 *
 * Ids and holds cannot be read in one step: nobody knows the ids before, and
 * a Redis Cluster makes no names of keys from them.  It need not be one step: a
 * hold's amount and pins are written once, and whatever ends it writes an event
 * with both.
 */
#ifndef CTL_AUDIT_HOLDS_H
#define CTL_AUDIT_HOLDS_H

#include "redis/client.h"

/* What stands under each of the n ids. */
bool ctl_audit_holds(struct ctl_redis *redis, struct ctl_arena *arena,
    unsigned part, const struct ctl_reply *ids, size_t n,
    struct ctl_reply *holds, struct ctl_error *e);
/* Those of `holds` that are none any more, by the events after `upto`, as if
 * they still stood there; one without an event stays as it is. */
bool ctl_audit_ended(struct ctl_redis *redis, struct ctl_arena *arena,
    unsigned part, int64_t epoch, const char *upto,
    const struct ctl_reply *ids, struct ctl_reply *holds,
    struct ctl_error *e);

#endif
