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

/* One look.  *steady: the two could be compared.  Lines go to `out` (NULL:
 * none); *broken counts the differences. */
bool ctl_audit_counters(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, unsigned part, bool limits, FILE *out,
    bool *steady, unsigned *broken, struct ctl_error *e);

#endif
