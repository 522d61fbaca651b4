/*
 * Evidence that Redis was told, and that the ledger must get: kept in a
 * temporary table of the connection.
 */
#ifndef CTL_AWAITED_H
#define CTL_AWAITED_H

#include "store/pg.h"

bool ctl_awaited_begin(struct ctl_pg *pg, struct ctl_error *e);
/* `lines`: [{"i":hold,"r":rank,"a":amount,...}] */
bool ctl_awaited_add(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *lines, struct ctl_error *e);
/* Until the ledger has all of it, or a minute is over.  *missing: what it has
 * not got.  Resets the arena. */
bool ctl_awaited_wait(struct ctl_pg *pg, struct ctl_arena *arena,
    int64_t *missing, struct ctl_error *e);

#endif
