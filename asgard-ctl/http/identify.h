/*
 * Who is calling: a token or session as bearer, or a session as cookie.
 */
#ifndef CTL_IDENTIFY_H
#define CTL_IDENTIFY_H

#include "http/route.h"

#define CTL_SESSION_COOKIE "asgard_session"

/* Sets rq->who, rq->by_cookie and rq->actor.  401 missing_token or
 * invalid_token, the same text for every wrong one, or 429 rate_limit_exceeded
 * (bad_tokens.h); a project key never enters here.  A bearer that is wrong is
 * not made good by a cookie. */
bool ctl_identify(struct ctl_request *rq, struct ctl_error *e);

/* The session's token in the cookie; null: none of its form. */
asg_str_t ctl_identify_cookie(const struct ctl_request *rq);

#endif
