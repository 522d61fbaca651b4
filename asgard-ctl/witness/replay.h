/*
 * Witness files as evidence: what a line says is told to Redis as its gateway
 * would have told it, and comes into the ledger from there.  Never a row of our
 * own, so that any order and any number of replays, also while calls run, give
 * one balance (flow/evidence.h).
 *
 * A settle, estimate or void goes through finish.lua: an open hold is ended by
 * it, an absent one gives late evidence.  A line whose outcome is not known
 * (`x`) must be charged in full with the least rank, and an absent hold cannot
 * expire: it is adopted again for a second, and then expires by the usual
 * way.  One that is still open is left alone.
 */
#ifndef CTL_REPLAY_H
#define CTL_REPLAY_H

#include <stdio.h>

#include "redis/client.h"
#include "store/pg.h"

struct ctl_replay_counts {
    uint64_t lines;                     /* read, torn and damaged too */
    uint64_t told, known, open, refused;
    int64_t missing;                    /* told, not in the ledger in time */
    uint64_t gaps;                      /* of the usage stream, closed by it */
};

/* Each line that is refused is told on `out` with its place.  Waits at most a
 * minute for a partition that is closed, and for the ledger at the end. */
bool ctl_replay(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *actor, const char *const *files,
    unsigned nfiles, FILE *out, struct ctl_replay_counts *counts,
    struct ctl_error *e);

#endif
