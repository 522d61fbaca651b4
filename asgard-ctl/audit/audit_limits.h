/*
 * M1: spent + held stays within each limit.
 *
 * An admission never passes a limit; what is above one now was admitted under a
 * higher limit of the same window, and then what was used when Redis got the
 * lower one is on record; or is an amount that no admission checked:
 * what balances are above the least that their holds stood for (an overshoot,
 * a later correction upward).  All is on record, so the excess is proved to the
 * nano-dollar or reported.
 *
 * Each call counts once: as the ledger has it, or as an event that the ledger
 * has not read says, or else as it is held.  In Redis one that was announced
 * again after a loss may count twice for a while, and one that was corrected
 * not yet.  That Redis says the same otherwise is M3 and M4.
 *
 * The limit in Redis must itself be the one on
 * record; a change that waits for Redis for longer than five minutes is
 * reported.
 */
#ifndef CTL_AUDIT_LIMITS_H
#define CTL_AUDIT_LIMITS_H

#include <stdio.h>

#include "store/pg.h"

/* `counters`, `holds` and `ahead` as audit/audit_counters.c read them, in its
 * transaction; adds to *broken. */
bool ctl_audit_limits(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *part, const char *counters, const char *holds,
    const char *ahead, FILE *out, unsigned *broken, struct ctl_error *e);

#endif
