
/*
 * Which candidates of a name a call may be given to, and in which order they
 * are tried.
 *
 * The groups of a name come one after another.  Within one the strategy
 * decides, and those that are cooled are left out, unless all of it are: the
 * last that is left is never cooled away.  An endpoint whose cooling is over is
 * tried by one call at a time, whose turn it is.  A client says by
 * x-asgard-no-fallback that it wants the first group alone.
 */

#ifndef _NGX_HTTP_ASGARD_ORDER_H_INCLUDED_
#define _NGX_HTTP_ASGARD_ORDER_H_INCLUDED_


#include "ngx_http_asgard.h"


/* x-asgard-no-fallback, x-asgard-timeout-ms, and what the client's library
 * says of its patience.  NGX_OK, or a refusal was made. */
ngx_int_t ngx_http_asgard_order_controls(ngx_http_asgard_ctx_t *ctx);

/* How many of the name's candidates this call may come to, from the first. */
ngx_uint_t ngx_http_asgard_order_reach(ngx_http_asgard_ctx_t *ctx);

/* a->candidates, a->groups, a->ncandidates. */
void ngx_http_asgard_order(ngx_http_asgard_attempt_t *a);

/* 0: the model's endpoint is half open, and another call tries it.  1 also for
 * the one that is to try it now. */
ngx_uint_t ngx_http_asgard_order_claim(ngx_http_asgard_attempt_t *a,
    const asg_group_t *group, unsigned model);


#endif /* _NGX_HTTP_ASGARD_ORDER_H_INCLUDED_ */
