/*
 * The life of a project after its registration: up and down the ladder of
 * classifications, its review window, its end.
 *
 * Each is one change with an audit entry.  A decommissioned project refuses
 * every call (403 project_inactive) and every change; what it cost and what was
 * said of it stays.
 */
#ifndef CTL_PROJECT_LIFE_H
#define CTL_PROJECT_LIFE_H

#include "ops/project.h"
#include "policy/promotion.h"

/* What the policy says of a step to `to`. */
bool ctl_project_promotion(struct ctl_arena *arena,
    const struct ctl_project *p, enum ctl_class to, struct ctl_promotion *out,
    struct ctl_error *e);

/* One step up, at once where nobody has to decide; else it is asked for, as
 * c->review.  It makes a provisional project active.  400 invalid_value for
 * what is no step, 403 risk_not_accepted. */
bool ctl_project_promote(struct ctl_change *c, const char *project_id,
    const char *target, const char *reason, struct ctl_error *e);
/* `target` NULL: one step.  Its budgets stay. */
bool ctl_project_demote(struct ctl_change *c, const char *project_id,
    const char *target, const char *reason, struct ctl_error *e);
/* By 90 days, once; then it is asked for.  409 conflict without a window. */
bool ctl_project_extend(struct ctl_change *c, const char *project_id,
    const char *reason, struct ctl_error *e);

/* For good; again it is no change.  What an agent wants to end is asked for. */
bool ctl_project_decommission(struct ctl_change *c, const char *project_id,
    const char *reason, struct ctl_error *e);
/* What was approved, of a project that is locked. */
bool ctl_project_climb(struct ctl_change *c, const struct ctl_project *p,
    const char *rule, const char *reason, struct ctl_error *e);
bool ctl_project_lengthen(struct ctl_change *c, const struct ctl_project *p,
    const char *reason, struct ctl_error *e);

/* Of one that is decommissioned, else 409 conflict. */
bool ctl_project_archive(struct ctl_change *c, const char *project_id,
    const char *reason, struct ctl_error *e);

#endif
