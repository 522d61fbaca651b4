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

#include "ops/partition.h"

/* Every partition that is led and not open, so that the wait for the gateways
 * is one for all.  False: at least one stayed closed; *e says why one did.
 * Resets the arena. */
bool ctl_partition_reseed(struct ctl_leader *l, struct ctl_error *e);

#endif
