/*
 * The outbox → Redis: records with their version guard, budgets, the catalog.
 *
 * A row is marked sent only when Redis has what it names, or something newer;
 * a budget's partition must have been open.  What is sent is the present state
 * with its version, so rows need no claim: several senders do each other's
 * work at worst, and never write anything older.  No transaction is open
 * while Redis is asked, since an opening must be committed before it is used.
 */
#ifndef CTL_OUTBOX_SEND_H
#define CTL_OUTBOX_SEND_H

#include "redis/client.h"
#include "store/pg.h"

/* At most 64 rows.  *sent: rows delivered; *kept: rows that must be tried
 * again, their reason stands in outbox.last_error. */
bool ctl_outbox_send_some(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, unsigned *sent, unsigned *kept,
    struct ctl_error *e);
/* Just these rows, without a meter: the break-glass commands, with the ids of
 * their change.  False when one could not be delivered. */
bool ctl_outbox_send_ids(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const int64_t *ids, unsigned n,
    struct ctl_error *e);
/* "hb <unix>" on the channel of changes. */
bool ctl_outbox_heartbeat(struct ctl_redis *redis, struct ctl_arena *arena,
    struct ctl_error *e);
/* A budget that is sent so long after its change is late. */
#define CTL_OUTBOX_LATE "5 minutes"
/* Budgets whose calendar windows were written a month ago are sent again with
 * later boundaries; rows sent a week ago are deleted, but those that were late:
 * which limit was in force then is asked for as long as the limits are kept. */
bool ctl_outbox_tend(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_error *e);

#endif
