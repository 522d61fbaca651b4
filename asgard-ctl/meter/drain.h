/*
 * Usage events → ledger, exactly once.
 *
 * Events after the cursor are joined (flow/evidence.h) and written with the
 * cursor in one transaction, in which the partition's row and the cursor are
 * locked and compared.  After the commit `dur` tells the gateways what they may
 * forget.  Reading the same events again changes nothing.
 */
#ifndef CTL_DRAIN_H
#define CTL_DRAIN_H

#include "meter/partition.h"

#define CTL_DRAIN_BATCH 512             /* events of one transaction */

/* Waits at most wait_ms for events of the open partitions and writes them.
 * *n: events written. */
bool ctl_drain_wait(struct ctl_leader *l, int wait_ms, unsigned *n,
    struct ctl_error *e);
/* What stands in the stream of an older epoch, until it is all (*done) or
 * until_ms has come; at least one transaction of it.  A stream that is done
 * goes in a day.  Resets the arena. */
bool ctl_drain_epoch(struct ctl_leader *l, struct ctl_partition *p,
    int64_t epoch, int64_t until_ms, bool *done, struct ctl_error *e);
/* The same for the epoch of the partition, which is being seeded. */
bool ctl_drain_current(struct ctl_leader *l, struct ctl_partition *p,
    int64_t until_ms, bool *done, struct ctl_error *e);
/* Publishes the cursor as `dur`. */
bool ctl_drain_publish(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e);
/* Cuts the stream 15 minutes behind the cursor, or at it when it is long. */
bool ctl_drain_trim(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e);

#endif
