/*
 * Corrections that Redis is owed, in the order of their numbers.
 */
#ifndef CTL_APPLY_H
#define CTL_APPLY_H

#include "meter/partition.h"

/* Until none is left, or for 200 ms and what has begun then: p->owed says
 * whether more may be.  A gap means that Redis and the ledger disagree about
 * what was applied: p->open becomes false, a reseed follows. */
bool ctl_apply_owed(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e);

/* Those up to `upto` are in the sums that Redis was seeded with. */
bool ctl_apply_summed(struct ctl_leader *l, const struct ctl_partition *p,
    int64_t upto, struct ctl_error *e);

#endif
