/*
 * A list of budgets in a body: [{window, limit_usd, zone?, soft_pct?,
 * increase_usd?, increase_until?}].
 */
#ifndef CTL_BUDGET_JSON_H
#define CTL_BUDGET_JSON_H

#include "base/arena.h"
#include "ops/budget.h"

/* `raw` is the JSON of the list; a null string gives an empty list. */
bool ctl_budget_json_read(asg_str_t raw, struct ctl_arena *arena,
    struct ctl_budget_list *list, struct ctl_error *e);

#endif
