/*
 * The counters of one partition in Redis against the ledger: M3 and M4.
 *
 * M1 too when it is asked for.  It is no matter of counters that are wrong: a
 * limit that was passed stays passed when they are built anew.
 */
#ifndef CTL_AUDIT_COUNTERS_H
#define CTL_AUDIT_COUNTERS_H

#include <stdio.h>

#include "audit/audit_users.h"
#include "redis/client.h"
#include "store/pg.h"

struct ctl_audit_look {
    unsigned part;
    bool limits;                        /* M1 too */
    int64_t events;                     /* behind the cursor, to be read */
    struct ctl_audit_users users;       /* which part of it is looked at */
    FILE *out;                          /* NULL: none */
    /* found: */
    const char *why;                    /* NULL: the two were compared */
    bool behind;                        /* why: they are more than that */
    unsigned broken;                    /* differences */
};

/* One look.  What `why` says is the arena's. */
bool ctl_audit_counters(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, struct ctl_audit_look *look,
    struct ctl_error *e);

#endif
