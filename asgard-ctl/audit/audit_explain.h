/*
 * One hold's whole life, told for an auditor: from Redis, the ledger and, when
 * they are given, the witness files.  Times are UTC, money is exact USD.
 */
#ifndef CTL_AUDIT_EXPLAIN_H
#define CTL_AUDIT_EXPLAIN_H

#include <stdio.h>

#include "redis/client.h"
#include "store/pg.h"

/* *found: something is known of it; else `out` says where it was looked for.
 * `hold` is a valid id.  404 missing_file. */
bool ctl_audit_explain(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *hold, const char *const *files,
    unsigned nfiles, FILE *out, bool *found, struct ctl_error *e);

#endif
