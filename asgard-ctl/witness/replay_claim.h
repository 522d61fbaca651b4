/*
 * Whose a hold is that only a replay knows of: the first line that is told says
 * it, and others must agree, until the ledger has the hold and is asked
 * instead.  Kept in the database, so that it holds for further files, further
 * replays, and one that was broken off.
 */
#ifndef CTL_REPLAY_CLAIM_H
#define CTL_REPLAY_CLAIM_H

#include "store/pg.h"
#include "witness/replay_tell.h"

/* Before the line is told.  *made: it is the first.  Sets the refusal of one
 * that is of another call than the first. */
bool ctl_replay_claim(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_replay_line *line, bool *made, struct ctl_error *e);
/* The line that was the first was not told after all. */
bool ctl_replay_unclaim(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_replay_line *line, struct ctl_error *e);
/* Forgets those that the ledger knows. */
bool ctl_replay_claims_end(struct ctl_pg *pg, struct ctl_error *e);

#endif
