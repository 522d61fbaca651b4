/*
 * Reseed: Redis is told again what the ledger knows.
 *
 * close, drain every older stream, sum in one snapshot, adopt, catch up, open
 * with a new epoch.  Holds that are found in Redis and have no end in `holds`
 * stay, and are counted as held; the others are dropped.  A first start is the
 * same path with nothing in it.  Whatever fails leaves the partition closed,
 * and the next attempt begins at close with a higher epoch.
 */
#ifndef CTL_PARTITION_RESEED_H
#define CTL_PARTITION_RESEED_H

#include "meter/partition.h"

/*
 * One step of one partition that is led and not open: close, drain, sum,
 * adopt, wait and catch up, open.  A step drains for 500 ms and one
 * transaction at most, and is taken again.  While the gateways have not all
 * said what they hold, a step only drains; it goes on without those that are
 * silent after 5 s, and without any 7 s after the reseed began, if that is
 * later.  1.5 s of draining later, or 8.5 s after it began, the door opens: of
 * what was told the ledger may lack some, the counters none.  False: it failed,
 * and the next step begins at close.  Resets the arena.
 */
bool ctl_reseed_step(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e);
/* Every partition that is led and not open, each as far as it gets within about
 * a second for all: so the wait for the gateways is one for all, and leases are
 * renewed between.  *waiting: how many wait, or did not have their turn.
 * False: at least one failed; *e says why one did.  Resets the arena. */
bool ctl_reseed_advance(struct ctl_leader *l, unsigned *waiting,
    struct ctl_error *e);

#endif
