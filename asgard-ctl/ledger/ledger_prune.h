/*
 * Taking a month out of the ledger when its export is at hand.
 *
 * What stays: every hold with its balance, the number and amount of each entry
 * that went, and the hashes that the chain hangs on across the gap.
 */
#ifndef CTL_LEDGER_PRUNE_H
#define CTL_LEDGER_PRUNE_H

#include "ledger/ledger_lines.h"

/* 409 unless the month was exported, `file` is that export, whole, and the
 * ledger still says the same; 503 ledger_busy when somebody reads the ledger
 * for long.  Then nothing was done.  `pg` is the owner's. */
bool ctl_ledger_prune(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *month, const char *file, struct ctl_ledger_sum *sum,
    struct ctl_error *e);

#endif
