/*
 * The end users whom a default budget holds, written anew by a reseed.
 *
 * Those who spent, or hold, something in a period that may still go on, be it
 * of a window that the default has or of one that was taken away and may come
 * back.  First whoever an open hold names, then the others in pages.  The
 * partition is closed meanwhile and its old streams are read: its ledger moves
 * no more, which each page makes sure of.
 */
#ifndef CTL_END_USER_SEED_H
#define CTL_END_USER_SEED_H

#include "meter/partition.h"

/* Whom the open holds name, [{"i":id,"a":amount,"p":pins}], at once; the pages
 * begin at the first.  The budgets were written before. */
bool ctl_end_users_seed_held(struct ctl_leader *l, struct ctl_partition *p,
    const char *holds, struct ctl_error *e);
/* Pages of 500, from where the last one ended, until the time is over; one at
 * least.  *done: these were the last.  Resets the arena. */
bool ctl_end_users_seed_some(struct ctl_leader *l, struct ctl_partition *p,
    int64_t until_ms, bool *done, struct ctl_error *e);

#endif
