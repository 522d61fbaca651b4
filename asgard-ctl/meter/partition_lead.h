/*
 * Leading: taking and keeping the lease of the partitions.
 *
 * A lease is free when its time is over, or when the database has no
 * connection any more under its leader's name: open the leader's connection
 * with that name as its application.
 */
#ifndef CTL_PARTITION_LEAD_H
#define CTL_PARTITION_LEAD_H

#include "meter/partition.h"

#define CTL_CLOCK_ALARM_S  2            /* Redis and database apart: told */
#define CTL_CLOCK_CLOSE_S  60           /* and no money moves */
#define CTL_CLOCK_BACK_S   5            /* further back reserve says CLOCK */

/* Zeroes *l and gives it a name that no other process has; the connections
 * are the caller's to set. */
bool ctl_lead_init(struct ctl_leader *l);
/* Takes what is free, renews what is ours, forgets what was lost.  Also reads
 * epoch, run id and step: a step of `new` asks for a reseed.  Once a second
 * at least. */
bool ctl_lead_renew(struct ctl_leader *l, struct ctl_error *e);
/* Lets another process take over at once. */
void ctl_lead_release(struct ctl_leader *l);

/* Of two stream ids; false when one of them is none. */
bool ctl_stream_id_is_after(asg_str_t id, const char *other);

/* Does Redis hold this partition, open, under this fence?  p->open says so;
 * p->seen is the time that its scripts have seen. */
bool ctl_lead_check(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e);

/* Redis' clock, in seconds. */
bool ctl_lead_redis_now(struct ctl_leader *l, int64_t *now,
    struct ctl_error *e);
/* The same, and how far it is ahead of the database's, in seconds. */
bool ctl_lead_clocks(struct ctl_leader *l, int64_t *now, int64_t *apart,
    struct ctl_error *e);

/* Redis' clock is `now`: closes the partitions that have seen a later time, and
 * would refuse every call until it comes again.  A reseed lets them take the
 * time as it is.  Returns by how many seconds it went back; 0: by no more than
 * reserve takes. */
int64_t ctl_lead_clock_back(struct ctl_leader *l, int64_t now);

/* Asks for a reseed of one partition, or of all with -1, and waits at most
 * timeout_ms until they are open again under a higher epoch; 0: not at all. */
bool ctl_lead_force_reseed(struct ctl_pg *pg, struct ctl_arena *arena,
    int part, int timeout_ms, struct ctl_error *e);

#endif
