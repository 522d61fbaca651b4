/*
 * Increases that are over: a limit that was higher for a while goes back.
 *
 * Each of several meters may do it: what one has lowered another finds done.
 * The lower limit is sent as any that an administrator lowers, and the audit
 * log has `budget.increase_ended` of it.
 */
#ifndef CTL_INCREASE_H
#define CTL_INCREASE_H

#include "store/pg.h"

/* At most 100 windows at once. */
bool ctl_increase_end(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_error *e);

#endif
