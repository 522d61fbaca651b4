/*
 * Who is calling: the bearer token of an administrator.
 */
#ifndef CTL_BEARER_H
#define CTL_BEARER_H

#include "http/route.h"

/* Sets rq->actor.  401 missing_token or invalid_token, the same text for
 * every wrong one; a project key never enters here. */
bool ctl_bearer_admin(struct ctl_request *rq, asg_str_t authorization,
    struct ctl_error *e);

#endif
