/*
 * How large a project's own people may make its budget: the ceiling of its
 * classification, or what it has already where that is more.  Lowering is
 * always theirs; what is above is asked for, and decided by others.
 */
#ifndef CTL_CEILING_H
#define CTL_CEILING_H

#include "ops/budget.h"

/* False: there is no such classification. */
bool ctl_ceiling_of(const char *classification, asg_nusd_t *ceiling_nusd);

/* When the `total` of `list` passes the ceiling and the change may not
 * (ops/change.h), it stays as it was, or at the ceiling where there was none
 * (`before` NULL), and the rest is asked for: c->review. */
bool ctl_ceiling_hold(struct ctl_change *c, const char *project_id,
    const char *classification, const struct ctl_budget_list *before,
    struct ctl_budget_list *list, struct ctl_error *e);

#endif
