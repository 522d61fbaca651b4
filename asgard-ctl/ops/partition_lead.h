/*
 * Leading: taking and keeping the lease of the partitions.
 */
#ifndef CTL_PARTITION_LEAD_H
#define CTL_PARTITION_LEAD_H

#include "ops/partition.h"

/* A name that no other process has. */
bool ctl_lead_init(struct ctl_leader *l, struct ctl_pg *pg,
    struct ctl_redis *redis, struct ctl_arena *arena);
/* Takes what is free, renews what is ours, forgets what was lost.  Also reads
 * epoch, run id and step: a step of `new` asks for a reseed.  Once a second
 * at least. */
bool ctl_lead_renew(struct ctl_leader *l, struct ctl_error *e);
/* Lets another process take over at once. */
void ctl_lead_release(struct ctl_leader *l);

/* Does Redis hold this partition, open, under this fence?  p->open says so. */
bool ctl_lead_check(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e);

/* Asks for a reseed of one partition, or of all with -1, and waits at most
 * timeout_ms until they are open again under a higher epoch. */
bool ctl_lead_force_reseed(struct ctl_pg *pg, struct ctl_arena *arena,
    int part, int timeout_ms, struct ctl_error *e);

#endif
