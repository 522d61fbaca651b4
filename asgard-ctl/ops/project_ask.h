/*
 * What others decide over a project: more budget than its classification has, a
 * step up the ladder, another extension of its review window, its end where an
 * agent asks for it.
 *
 * Each is a request (ask.h) whose payload says all that its approver must see;
 * the effect looks again, and does nothing when the project is no longer what
 * the payload says.  What is asked for, the change carries out as c->review.
 */
#ifndef CTL_PROJECT_ASK_H
#define CTL_PROJECT_ASK_H

#include "ops/ask_effect.h"
#include "ops/project_life.h"

/* As platform or security, or flagged, by `promotion`. */
bool ctl_project_ask_promotion(struct ctl_change *c,
    const struct ctl_project *p, enum ctl_class to,
    const struct ctl_promotion *promotion, const char *reason,
    struct ctl_error *e);
bool ctl_project_ask_extension(struct ctl_change *c,
    const struct ctl_project *p, const char *reason, struct ctl_error *e);
bool ctl_project_ask_end(struct ctl_change *c, const struct ctl_project *p,
    const char *reason, struct ctl_error *e);

/* The effects, rows of ask_effect.c. */
bool ctl_project_grant_budget(struct ctl_change *c, const struct ctl_ask *ask,
    enum ctl_ask_done *done, struct ctl_error *e);
bool ctl_project_grant_promotion(struct ctl_change *c,
    const struct ctl_ask *ask, enum ctl_ask_done *done, struct ctl_error *e);
bool ctl_project_grant_extension(struct ctl_change *c,
    const struct ctl_ask *ask, enum ctl_ask_done *done, struct ctl_error *e);
bool ctl_project_grant_end(struct ctl_change *c, const struct ctl_ask *ask,
    enum ctl_ask_done *done, struct ctl_error *e);

#endif
