/*
 * The counters of one partition in Redis against the ledger: M3 and M4.
 *
 * M1 too when it is asked for.  It is no matter of counters that are wrong: a
 * limit that was passed stays passed when they are built anew.
 */
#ifndef CTL_AUDIT_COUNTERS_H
#define CTL_AUDIT_COUNTERS_H

#include <stdio.h>

#include "redis/client.h"
#include "store/pg.h"

/* A *why: reading so many events takes long, and they grow fewer slowly. */
#define CTL_AUDIT_BEHIND "the ledger is 20000 usage events or more behind"

/* One look.  *why: NULL when the two could be compared, else what kept them
 * from it.  Lines go to `out` (NULL: none); *broken counts the differences. */
bool ctl_audit_counters(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, unsigned part, bool limits, FILE *out,
    const char **why, unsigned *broken, struct ctl_error *e);

#endif
