
/*
 * Which card a call is held and charged by: its model's, the project's own, or
 * that of a service tier (core/tier.h).
 *
 * A project with prices of its own pays those at whatever tier.
 */

#ifndef _NGX_HTTP_ASGARD_CHARGE_H_INCLUDED_
#define _NGX_HTTP_ASGARD_CHARGE_H_INCLUDED_


#include "ngx_http_asgard.h"


typedef struct {
    const asg_card_t  *card;
    asg_str_t          id;
    uint64_t           version;
} ngx_http_asgard_charge_t;


/* Can the tier that the request asks for be charged? */
ngx_uint_t ngx_http_asgard_charge_takes(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model);

/* What the call costs at most, at the dearest tier that may serve it. */
asg_err_t ngx_http_asgard_charge_bound(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model, int64_t limit_tokens, asg_bound_t *bound);

/* An attempt at `model` begins: at which tiers it may be served is remembered,
 * for the request is forgotten when its answer begins. */
void ngx_http_asgard_charge_begin(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model);

/* After an answer that said `said`; UNSAID: before one, at the dearest. */
void ngx_http_asgard_charge(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model, asg_tier_t said,
    ngx_http_asgard_charge_t *charge);


#endif /* _NGX_HTTP_ASGARD_CHARGE_H_INCLUDED_ */
