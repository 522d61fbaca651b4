/*
 * The rest of what a request is, for one look at it: who approved, who could,
 * what happened.
 */
#ifndef CTL_ASK_LOOK_H
#define CTL_ASK_LOOK_H

#include "ops/ask.h"

#define CTL_ASK_HISTORY_MAX  200        /* the latest */

/* JSON lists, as text of the arena. */
struct ctl_ask_look {
    const char *approvals;              /* {approver, as, groups, at, reason} */
    const char *may_decide;             /* {username, as, groups}: people with
                                         * an account whose yes it lacks */
    const char *history;                /* {at, actor, event, state, reason} */
    const char *now;                    /* not a list: what the project has and
                                         * spends now, which no approval is
                                         * bound to */
};

bool ctl_ask_look(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_ask *ask, struct ctl_ask_look *out, struct ctl_error *e);

/* What it waits for, in words; NULL: it is over. */
const char *ctl_ask_waits_for(struct ctl_arena *arena,
    const struct ctl_ask *ask);
/* Why somebody does not decide who else would; NULL: nobody. */
const char *ctl_ask_waits_note(const struct ctl_ask *ask);

#endif
