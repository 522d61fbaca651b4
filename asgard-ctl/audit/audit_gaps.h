/*
 * What Redis must have, and has not.
 *
 * What is not there cannot differ from the ledger, and heals by itself never:
 * reserve refuses until the partition is seeded.
 */
#ifndef CTL_AUDIT_GAPS_H
#define CTL_AUDIT_GAPS_H

#include <stdio.h>

#include "redis/client.h"
#include "store/pg.h"

struct ctl_audit_gaps {
    const struct ctl_rows *budgets;     /* budget; of an end user without its
                                         * own the default; is it needed, or
                                         * has it end users */
    const struct ctl_reply *hashes;     /* of these, in their order */
    const struct ctl_reply *sets;       /* how many end users each has of those
                                         * that have some, in their order */
    const struct ctl_rows *windows;     /* budget, window; ordered likewise */
    int64_t epoch;
};

/* How many, each a line on `out`, if that is not NULL. */
unsigned ctl_audit_gaps(const struct ctl_audit_gaps *g, FILE *out);

#endif
