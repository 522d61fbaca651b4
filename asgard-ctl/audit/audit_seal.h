/*
 * The sealer: chains committed audit events.
 *
 * hash = SHA-256(previous hash || audit_text(event)).  audit_head says where
 * the chain ends, in the transaction of each seal.  One sealer at a time, by
 * an advisory lock; a second one does nothing.
 */
#ifndef CTL_AUDIT_SEAL_H
#define CTL_AUDIT_SEAL_H

#include "store/pg.h"

/* `whole`: looks at all events, not only at the newest; at start.  *n: events
 * sealed. */
bool ctl_audit_seal(struct ctl_pg *pg, struct ctl_arena *arena, bool whole,
    unsigned *n, struct ctl_error *e);

/* The head of the chain, "<seq> <hash>"; NULL with the error set. */
const char *ctl_audit_checkpoint(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_error *e);

#endif
