/*
 * Counting tokens that are none.
 */
#include "http/bad_tokens.h"

#include "base/clock.h"
#include "http/remote.h"


bool
ctl_bad_tokens_is_over(struct ctl_request *rq)
{
    struct ctl_bad_tokens *bad = rq->worker->bad_tokens;
    uint64_t now_us = (uint64_t) ctl_clock_ms() * 1000;

    atomic_fetch_add(&bad->shown, 1);
    if (!asg_flood_is_over(&bad->flood, ctl_remote_network(rq->remote_addr),
                           now_us, rq->worker->config->bad_tokens))
    {
        return false;
    }
    atomic_fetch_add(&bad->refused, 1);

    return true;
}
