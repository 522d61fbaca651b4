/*
 * Who does what only one process may do at a time: a lease with a fence, of the
 * database's clock.
 *
 * Take it again before it ends to keep it.  Whoever writes as the leader asks
 * ctl_leader_hold() in the same transaction: one that was held still past its
 * lease finds another fence there, and nothing of it is written.
 */
#ifndef CTL_LEADER_H
#define CTL_LEADER_H

#include "store/pg.h"

/* *fence 0: somebody else leads. */
bool ctl_leader_take(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *name, const char *owner, int64_t lease_ms, int64_t *fence,
    struct ctl_error *e);

/* Until the end of the transaction nobody takes over when *held. */
bool ctl_leader_hold(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *name, int64_t fence, bool *held, struct ctl_error *e);

/* Who goes by itself leaves nobody to wait for the end of its lease. */
bool ctl_leader_release(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *name, const char *owner, struct ctl_error *e);

#endif
