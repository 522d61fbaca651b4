/*
 * After PostgreSQL was restored to an older point.
 *
 * Redis tells: it has seen a correction, a durable event, an epoch or a change
 * (meter/outbox_mark.h) that the database knows nothing of.  Then every version
 * is raised above those that Redis has, so that a change made from now on is
 * not refused as old; records that the database does not know any more are
 * taken back; the numbers of projects go on behind those that were given.  The
 * reseed that follows reads the streams from the older cursor on, and those of
 * epochs that the database never heard of; what they have let go is a gap.
 */
#ifndef CTL_RESTORED_H
#define CTL_RESTORED_H

#include "meter/partition.h"

/* Has Redis seen what the database that we lead by does not know?  False while
 * we lead nothing. */
bool ctl_restored_is_behind(struct ctl_leader *l, bool *behind,
    struct ctl_error *e);

/* Every partition that is led is reseeded afterwards (p->open is false). */
bool ctl_restored_take(struct ctl_leader *l, struct ctl_error *e);

/* For a Redis that was lost too, and so cannot tell: raises every version above
 * the database's clock, which is above all that was counted up from 1, with an
 * audit entry. */
bool ctl_restored_raise_by_clock(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *actor, struct ctl_error *e);

/* Before a stream is read on behind `after`, of which rows_read events are in
 * the ledger: had Redis let go of more?  A gap is kept in `stream_gaps`, logged
 * and audited, once. */
bool ctl_restored_gap(struct ctl_leader *l, const struct ctl_partition *p,
    int64_t epoch, const char *after, int64_t rows_read, struct ctl_error *e);

#endif
