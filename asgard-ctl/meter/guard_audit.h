/*
 * What guardrails found in a call, from its usage event into the audit log.
 *
 * One event `gateway.guardrail` for each call in which something was found,
 * written in the transaction of its first entry in the ledger, so once.  It
 * says which rules matched, how often and what was done; what matched is not
 * known here.
 */
#ifndef CTL_GUARD_AUDIT_H
#define CTL_GUARD_AUDIT_H

#include "store/pg.h"

/* `entries`: those of a batch, a JSON array with its NUL. */
bool ctl_guard_audit(struct ctl_pg *pg, struct ctl_arena *arena,
    const asg_buf_t *entries, struct ctl_error *e);

/* The text of the event as the list of verdicts; what cannot be read of it is
 * left out.  NULL: no memory. */
const char *ctl_guard_verdicts(struct ctl_arena *arena, const char *text);

#endif
