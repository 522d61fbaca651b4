/*
 * Whether lines of a witness can be evidence: what they say must be what a
 * gateway can have done with the budgets and the price cards that there are,
 * and of the hold that the ledger has under their id.
 */
#ifndef CTL_REPLAY_JUDGE_H
#define CTL_REPLAY_JUDGE_H

#include "witness/replay_tell.h"

/* Sets `known` and `refusal` of each. */
bool ctl_replay_judge(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_replay_line *lines, unsigned n, struct ctl_error *e);

/* [{"n":...,"i":hold,"r":rank,"a":amount,"m":held,"q":partition,"t":time,
 * "p":pins,"j":project,"d":detail}] of all lines, or of `which`.  NULL: no
 * memory. */
const char *ctl_replay_text(struct ctl_arena *arena,
    const struct ctl_replay_line *lines, unsigned n, const bool *which);

#endif
