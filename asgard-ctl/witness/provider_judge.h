/*
 * Whether lines of a provider's record can be evidence: the ledger has the
 * call, and it can have cost that.
 */
#ifndef CTL_PROVIDER_JUDGE_H
#define CTL_PROVIDER_JUDGE_H

#include "witness/provider_line.h"
#include "witness/replay_tell.h"

#define CTL_PROVIDER_OVER 10            /* times what was held, at most */

/* Fills `to`, but for its place in a file: what Redis is told, or why not.
 * An amount is tokens x the card that the call has in the ledger. */
bool ctl_provider_judge(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_provider_line *lines, struct ctl_replay_line *to,
    unsigned n, struct ctl_error *e);

#endif
