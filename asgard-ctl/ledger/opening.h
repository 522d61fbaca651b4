/*
 * Openings: what a budget had spent in a period when a window over that
 * period was added to it, or when its window got another time zone.
 *
 * spent = opening + balances of the holds that name the window.  An opening
 * covers the holds of the period that do not and were settled before: calls in
 * flight stay outside.
 */
#ifndef CTL_OPENING_H
#define CTL_OPENING_H

#include "core/money.h"
#include "core/window.h"
#include "store/pg.h"

struct ctl_window_row {
    const char *budget_id;
    asg_window_t window;
    const char *limit;                  /* "-": unlimited; as Redis has it */
    int64_t added_at;
};

/* Writes the opening if it has none yet, or anew while the outbox has a row of
 * the budget that was not sent, for a window that Redis is not counting,
 * however old it is; for `_ensure` only if the window was added, or got its
 * zone, after its period began.  `changed` becomes true when the row is another
 * than before. */
bool ctl_opening_write(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_window_row *w, int64_t now, bool *changed,
    struct ctl_error *e);
bool ctl_opening_ensure(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_window_row *w, int64_t now, struct ctl_error *e);
/* Opening + balances of the period that holds `now`; and up to where they go:
 * "<adj>:<stream-id>", the last correction and the last event of the partition
 * that are in them. */
bool ctl_opening_spent(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_window_row *w, int64_t now, asg_nusd_t *spent_nusd,
    const char **upto, struct ctl_error *e);

#endif
