/*
 * Are the hash chains of the audit log and of the ledger whole?
 *
 * An event younger than the sealing interval may be without a seal.
 */
#ifndef CTL_AUDIT_CHAIN_H
#define CTL_AUDIT_CHAIN_H

#include <stdio.h>

#include "store/pg.h"

/* One line on `out` for each broken link.  *checked: links that were looked
 * at. */
bool ctl_audit_chain(struct ctl_pg *pg, struct ctl_arena *arena, FILE *out,
    unsigned *broken, int64_t *checked, struct ctl_error *e);

#endif
