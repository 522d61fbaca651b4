/*
 * Open holds of gateways that have fallen silent, kept in the database.
 *
 * A gateway whose workers are all stopped announces nothing when Redis loses
 * its data.  What it holds cannot change while it is silent, so it is enough to
 * copy the open holds once, when its beats stop: all of the partition, for
 * nobody can tell whose a hold is.  A reseed opens again what is copied and has
 * no end in the ledger; whoever lives announces the same holds, which count
 * once, and those of which nothing more is heard expire, charged in full.
 */
#ifndef CTL_HELD_COPY_H
#define CTL_HELD_COPY_H

#include "meter/partition.h"

/* Copies what must be, as far as it gets in half a second; for partitions that
 * are open, after the beats were noted. */
bool ctl_held_copy_take(struct ctl_leader *l, struct ctl_error *e);
/* While the partition is closed, after its budgets were written. */
bool ctl_held_copy_seed(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e);

#endif
