/*
 * A project, and what a step up takes, as the API shows them.
 */
#ifndef CTL_PROJECT_JSON_H
#define CTL_PROJECT_JSON_H

#include "http/json_out.h"
#include "ops/project.h"

cJSON *ctl_project_json(const struct ctl_project *p);
/* As it now stands, inside the change if there is one. */
bool ctl_project_send(struct ctl_request *rq, struct ctl_answer *an,
    int status, const char *project_id, struct ctl_error *e);
/* And as `member` the request that the change made instead, or null. */
bool ctl_project_send_review(struct ctl_request *rq, struct ctl_answer *an,
    int status, const char *project_id, const char *member,
    struct ctl_error *e);
/* What the change asked for as `member` of `tree`; null without. */
void ctl_review_json_add(struct ctl_request *rq, cJSON *tree,
    const char *member);
/* The next step of the ladder; a member that nobody knows is null. */
bool ctl_promotion_json(struct ctl_request *rq, const struct ctl_project *p,
    cJSON **out, struct ctl_error *e);

#endif
