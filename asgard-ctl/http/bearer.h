/*
 * Who is calling: the bearer token of an administrator.
 *
 * A token that is none counts for the address that shows it, as nginx tells
 * it; of these an address may show `bad_tokens` a second.  Only such a token is
 * ever refused for it: whoever shows a good one is served.
 */
#ifndef CTL_BEARER_H
#define CTL_BEARER_H

#include "core/flood.h"
#include "http/route.h"

/* Of all threads of the API; all zero at the start. */
struct ctl_bad_tokens {
    asg_flood_t flood;
    atomic_uint_fast64_t shown;         /* tokens that were none */
    atomic_uint_fast64_t refused;       /* those of them that were too many */
};

/* Sets rq->actor.  401 missing_token or invalid_token, the same text for
 * every wrong one, or 429 rate_limit_exceeded; a project key never enters
 * here. */
bool ctl_bearer_admin(struct ctl_request *rq, asg_str_t authorization,
    struct ctl_error *e);

#endif
