/*
 * Tokens that are none, by the address that shows them, as nginx tells it: of
 * these an address may show `bad_tokens` a second.  Only such a token is ever
 * refused for it: whoever shows a good one is served.
 */
#ifndef CTL_BAD_TOKENS_H
#define CTL_BAD_TOKENS_H

#include "core/flood.h"
#include "http/route.h"

/* Of all threads of the API; all zero at the start. */
struct ctl_bad_tokens {
    asg_flood_t flood;
    atomic_uint_fast64_t shown;         /* tokens that were none */
    atomic_uint_fast64_t refused;       /* those of them that were too many */
};

/* Counts one more of the caller's address. */
bool ctl_bad_tokens_is_over(struct ctl_request *rq);

#endif
