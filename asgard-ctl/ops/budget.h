/*
 * Budgets: lists of window and limit (whose they are: budget_scope.h).
 *
 * A limit of NULL money (`unlimited`) is explicit; 0 refuses every call.  Every
 * budget has the window `total`.  A change raises the budget's version and is
 * sent to Redis by the outbox; counters are never touched here.
 */
#ifndef CTL_BUDGET_H
#define CTL_BUDGET_H

#include "core/money.h"
#include "core/window.h"
#include "ops/change.h"

#define CTL_BUDGET_SOFT_PCT  80         /* unless said; as the column has it */

struct ctl_budget_window {
    char name[ASG_WINDOW_NAME_MAX];     /* canonical */
    char zone[ASG_WINDOW_ZONE_MAX];     /* "UTC" unless said */
    bool unlimited;
    asg_nusd_t limit_nusd;
    asg_nusd_t increase_nusd;           /* on top of it for a while; 0: none */
    int64_t increase_until;             /* ... up to this second */
    int soft_pct;                       /* of the limit: warns; 0: never */
};

struct ctl_budget_list {
    struct ctl_budget_window windows[ASG_WINDOWS_MAX];
    unsigned n;
};

/* Adds one; refuses an unknown window, a window named twice (also by another
 * spelling, or in two zones), what is no name of a zone, a zone for a window
 * that has no days, and more than ASG_WINDOWS_MAX.  `unlimited` ignores the
 * amount. */
bool ctl_budget_list_add(struct ctl_budget_list *list, const char *window,
    const char *zone, bool unlimited, asg_nusd_t limit_nusd,
    struct ctl_error *e);

/* What a list that has a `total` lets be spent.  An increase stays on top of
 * it, unless there is no limit any more. */
void ctl_budget_list_total(struct ctl_budget_list *list, bool unlimited,
    asg_nusd_t limit_nusd);

/* When to warn, of the window that was added last. */
bool ctl_budget_list_soft(struct ctl_budget_list *list, int64_t soft_pct,
    struct ctl_error *e);

/* Of the one that was added last: so much more up to that second, by the clock
 * of the database.  400 that names increase_usd or increase_until. */
bool ctl_budget_list_increase(struct ctl_budget_list *list,
    asg_nusd_t increase_nusd, int64_t until, struct ctl_error *e);

/* What a budget is called: `p.<project>`, `k.<key>`; of another scope its first
 * letter and 16 hex digits, which its id may be too long for. */
bool ctl_budget_name(struct ctl_change *c, const char *scope,
    const char *scope_id, const char **id, struct ctl_error *e);

/* A new budget; project_id NULL for a group.  `total` is added, unlimited, when
 * the list lacks it.  400 for a zone that the database does not know. */
bool ctl_budget_create(struct ctl_change *c, const char *scope,
    const char *scope_id, const char *project_id, int partition,
    const struct ctl_budget_list *list, struct ctl_error *e);

/* Replaces the list; a `total` left out keeps its limit.  A window in another
 * zone than before begins anew: see opening.h.  A total of a project above its
 * ceiling is asked for instead: see ceiling.h.  Its audit entry says the limits
 * before and after. */
bool ctl_budget_replace(struct ctl_change *c, const char *budget_id,
    const struct ctl_budget_list *list, struct ctl_error *e);

/* The audit entry of a change: `<scope>.budget_set`, also found by the
 * project's id. */
bool ctl_budget_note(struct ctl_change *c, const char *budget_id,
    const struct ctl_budget_list *before, struct ctl_error *e);

/* Of an increase that is over, and not yet taken back, nothing is told. */
bool ctl_budget_read(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *budget_id, struct ctl_budget_list *list, struct ctl_error *e);

#endif
