/*
 * Openings: what a budget had spent in a period when a window over that
 * period was added to it, or when its window got another time zone.
 *
 * spent = opening + balances of the holds that name the window.  An opening
 * covers the holds of the period that do not, and had ended when Redis took the
 * window: calls in flight stay outside.  A key or group without a budget that
 * gets its first one brings along what it spent before, in `total` all of it;
 * an end user what its calls spent that name its budget, held by the default.
 *
 * A budget that Redis has is in use while it gets a window.  What the ledger
 * has of it is summed up to an event; seed.lua adds what ended after that event
 * and says what it took, and only that is written down.  Until then, as long as
 * the outbox has a row of the budget that was not sent, Redis knows better than
 * the table what a window opened with.
 */
#ifndef CTL_OPENING_H
#define CTL_OPENING_H

#include "core/money.h"
#include "core/window.h"
#include "store/pg.h"

/* Of the budget `b`: the key, the group that it is of, or null. */
#define CTL_BUDGET_KEY \
    "CASE WHEN b.scope = 'key' THEN b.scope_id::uuid END"

#define CTL_BUDGET_GROUP \
    "CASE WHEN b.scope = 'group' THEN b.scope_id END"

/* Is it an end user's own, which its project's default held before? */
#define CTL_BUDGET_OWN \
    "(b.scope = 'end_user' AND b.scope_id <> b.project_id || '/*')"

/* Did a key, a project of a group, or an end user have calls, perhaps, before
 * there was the budget `b`? */
#define CTL_BUDGET_LATE \
    "(" CTL_BUDGET_OWN " OR EXISTS (SELECT FROM keys k" \
    " WHERE k.key_id = " CTL_BUDGET_KEY \
    " AND k.created_at < b.created_at) OR EXISTS (SELECT FROM projects p" \
    " WHERE p.group_key = " CTL_BUDGET_GROUP \
    " AND p.created_at < b.created_at))"

struct ctl_window_row {
    const char *budget_id;
    asg_window_t window;
    const char *limit;                  /* "-": unlimited; as Redis has it */
    int64_t added_at;                   /* not before, by Redis' clock */
    bool late;                          /* CTL_BUDGET_LATE */
};

struct ctl_opening {
    asg_nusd_t spent_nusd;              /* opening + balances */
    asg_nusd_t outside_nusd;            /* of that, of holds without it */
    const char *upto;                   /* "<adj>:<stream-id>[:<mark>]": the
                                         * last correction and event in it,
                                         * and what tells calls it is for */
};

/* For a partition that is closed, or a budget that Redis has not: writes the
 * opening, if the window was added, or got its zone, after its period began.
 * One that is there stays unless it is older than that, or Redis was perhaps
 * not told of the window yet: until then calls ran without it. */
bool ctl_opening_ensure(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_window_row *w, int64_t now, struct ctl_error *e);
/* Opening + balances of the period that holds `now`, as they are written. */
bool ctl_opening_spent(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_window_row *w, int64_t now, asg_nusd_t *spent_nusd,
    struct ctl_error *e);

/* What the ledger has of the period that holds `now`, in one look; nothing is
 * written.  `now` must be in a period. */
bool ctl_opening_sum(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_window_row *w, int64_t now, struct ctl_opening *out,
    struct ctl_error *e);
/* What Redis took, "<id>:<outside>[:...]", under the epoch: is written down.
 * `same` becomes false where the partition is seeded again meanwhile, which
 * sums for itself. */
bool ctl_opening_take(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_window_row *w, int64_t epoch, const char *taken,
    bool *same, struct ctl_error *e);

#endif
