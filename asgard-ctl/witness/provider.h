/*
 * What providers themselves have recorded of calls (their usage API, their
 * invoices), as evidence of the greatest rank.
 *
 * A line that can be of its call is written down (`provider_records`, sealed by
 * the audit log) and then told to Redis, from where it comes into the ledger
 * like any evidence: as an `adjust` entry, once, in whatever order and however
 * often the files are read.  The meter takes nothing of that rank that was not
 * written down first.
 */
#ifndef CTL_PROVIDER_H
#define CTL_PROVIDER_H

#include <stdio.h>

#include "redis/client.h"
#include "store/pg.h"

struct ctl_provider_counts {
    uint64_t lines, told, known, refused;
    int64_t missing;                    /* told, not in the ledger in time */
};

/* Each line that is refused is told on `out` with its place. */
bool ctl_provider_import(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *actor, const char *const *files,
    unsigned nfiles, FILE *out, struct ctl_provider_counts *counts,
    struct ctl_error *e);

#endif
