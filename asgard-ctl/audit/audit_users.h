/*
 * Which end users without a budget of their own an audit compares.
 *
 * One default may hold ten thousand, and a partition may have many defaults: so
 * they are looked at in slices of a thousand, each in a snapshot and a
 * transaction of its own.  Those are compared whom Redis has in the set of the
 * default, and those who by the ledger spent something in a period that may
 * still go on.
 */
#ifndef CTL_AUDIT_USERS_H
#define CTL_AUDIT_USERS_H

#include "core/rkey.h"
#include "redis/client.h"
#include "store/pg.h"

/* A slice; zeroed: the budgets of the partition themselves. */
struct ctl_audit_users {
    char of[ASG_BUDGET_SHORT + 1];      /* the default that holds them */
    char from[ASG_BUDGET_SHORT + 1];    /* ... those behind this one */
    char last[ASG_BUDGET_SHORT + 1];    /* found: "" when there are no more */
};

/* budget, default, is it needed: the default itself, whose second is NULL, then
 * the end users of the slice.  Needed is who is within a window by what Redis
 * says: without its counters reserve refuses its calls. */
bool ctl_audit_users_read(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, unsigned part, struct ctl_audit_users *u,
    struct ctl_rows *rows, struct ctl_error *e);
/* The slice after that one; *more: there is one. */
bool ctl_audit_users_next(struct ctl_pg *pg, struct ctl_arena *arena,
    unsigned part, struct ctl_audit_users *u, bool *more,
    struct ctl_error *e);

#endif
