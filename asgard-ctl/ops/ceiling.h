/*
 * How large a project's own people may make its budget: the ceiling of its
 * classification, or what it has already where that is more.  Lowering is
 * always theirs; what is above is an administrator's to give.
 */
#ifndef CTL_CEILING_H
#define CTL_CEILING_H

#include "ops/budget.h"

/* False: there is no such classification. */
bool ctl_ceiling_of(const char *classification, asg_nusd_t *ceiling_nusd);

/* 403 approval_needed when the `total` of `list` passes the ceiling and the
 * change may not (ops/change.h).  `before` NULL: there was none. */
bool ctl_ceiling_check(struct ctl_change *c, const char *classification,
    const struct ctl_budget_list *before, const struct ctl_budget_list *list,
    struct ctl_error *e);

#endif
