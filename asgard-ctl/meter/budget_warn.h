/*
 * Soft thresholds: who has spent most of a limit is told of it.
 *
 * In the transaction that raises a window's balance: one audit event
 * `gateway.budget_warn` for each period of a window whose spent money reaches
 * the window's `soft_pct` of its limit.  Once in a period for each limit that
 * it has had.  A limit of 0 and no limit have no threshold.  It is found by the
 * scope's id and the project's: of a group, of one whose call crossed it.  Of
 * an end user that its project's default holds, the default's limits count.
 */
#ifndef CTL_BUDGET_WARN_H
#define CTL_BUDGET_WARN_H

#include "store/pg.h"

/* sums: a JSON array whose items have `pins`, the windows that were charged;
 * entries: one of what is written into the ledger for that. */
bool ctl_budget_warn(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *sums, const char *entries, struct ctl_error *e);

#endif
