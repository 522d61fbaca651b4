/*
 * The gate before every handler, and for what only a handler knows: which
 * project a request is about.
 *
 * policy/access.h decides; here its facts are fetched and its verdicts become
 * errors.  What the caller may not see is answered like what is not there.
 */
#ifndef CTL_GATE_H
#define CTL_GATE_H

#include "http/route.h"
#include "ops/ask.h"
#include "ops/budget_scope.h"

/* Identifies the caller unless the rule is OPEN; 401, 403, or 404.  What the
 * path names is looked at here where the rule says so: also before a stored
 * answer is given again. */
bool ctl_gate_enter(struct ctl_request *rq, enum ctl_rule rule,
    struct ctl_error *e);

/* 404 project_not_found, 403 forbidden.  `steer`: to change it. */
bool ctl_gate_project(struct ctl_request *rq, const char *project_id,
    bool steer, struct ctl_error *e);
/* The same of the project that a budget's scope is in: 404 as it is without
 * such a key or project.  What is of no project is an administrator's. */
bool ctl_gate_scope(struct ctl_request *rq, const char *scope,
    const char *scope_id, bool steer, struct ctl_budget_scope *out,
    struct ctl_error *e);

/* The request of the path, of a project that the caller sees, asked by them, or
 * for a group of theirs to agree to; else 404 request_not_found.  *relation:
 * what its project is to them. */
bool ctl_gate_ask(struct ctl_request *rq, struct ctl_ask *ask,
    unsigned *relation, struct ctl_error *e);

/* The address whose projects are all that the caller sees; NULL: every one. */
const char *ctl_gate_email(const struct ctl_request *rq);

#endif
