/*
 * What the usage events behind the ledger's cursor moved, by pin.
 *
 * A stream only grows at its end, so the events up to one that was there can be
 * read in pages, outside of the transaction that told of it; only the sums stay
 * in memory.
 */
#ifndef CTL_AUDIT_AHEAD_H
#define CTL_AUDIT_AHEAD_H

#include "redis/client.h"
#include "store/pg.h"

struct ctl_audit_ahead {
    unsigned part;
    int64_t epoch;
    const char *after, *upto;           /* stream ids */
    int64_t most;                       /* events to be read */
    /* found: */
    int64_t events;                     /* `most`: there are more, perhaps */
    /* [{"p":pin,"a":moved,"n":…,"u":…}]: n of that by holds that the ledger has
     * not, each once, and u what they moved above what they held */
    const char *sums;
};

/* In the ledger's snapshot.  The sums are the arena's. */
bool ctl_audit_ahead_read(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, struct ctl_audit_ahead *a, struct ctl_error *e);

#endif
