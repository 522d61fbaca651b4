
/*
 * May this call be made, with which model, and what can it cost at most.
 *
 * A name stands for an ordered list of candidates.  One is eligible when the
 * key may use it, it serves the API that was asked for, and it is cleared for
 * the call's class of data.  The hold covers the dearest eligible one;
 * candidate.c asks ngx_http_asgard_policy_allows() again before it tries one.
 */

#ifndef _NGX_HTTP_ASGARD_POLICY_H_INCLUDED_
#define _NGX_HTTP_ASGARD_POLICY_H_INCLUDED_


#include "ngx_http_asgard.h"


/* Each NGX_OK, or a status with ctx->reason set. */
ngx_int_t ngx_http_asgard_policy_resolve(ngx_http_asgard_ctx_t *ctx);
ngx_int_t ngx_http_asgard_policy_police(ngx_http_asgard_ctx_t *ctx);
/* Of the data of this call: what project, body and header say. */
asg_data_class_t ngx_http_asgard_policy_class(ngx_http_asgard_ctx_t *ctx);
/* The rule that denied it, as further members of "error". */
void ngx_http_asgard_policy_error(asg_buf_t *out, ngx_http_asgard_ctx_t *ctx);

ngx_int_t ngx_http_asgard_policy_hold(ngx_http_asgard_ctx_t *ctx);

/* Adds what `model` would cost at most to the bounds of the call. */
asg_err_t ngx_http_asgard_policy_bound(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model);

/* What it would cost at most, and by how many tokens. */
asg_err_t ngx_http_asgard_policy_worst(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model, asg_bound_t *bound);
uint64_t ngx_http_asgard_policy_cost(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model);

/* Is this model eligible for the call? */
ngx_uint_t ngx_http_asgard_policy_allows(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model);

/* What this model costs the call's project, and its bounds. */
const asg_card_t *ngx_http_asgard_policy_card(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model);

/* Tokens of output, per choice, that are held for with this model and sent to
 * it as the limit; 0: the API has none. */
int64_t ngx_http_asgard_policy_output(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model);

/* May the key of ctx use this name (through any of its candidates)? */
ngx_uint_t ngx_http_asgard_policy_grants(ngx_http_asgard_ctx_t *ctx,
    const asg_public_name_t *name);


#endif /* _NGX_HTTP_ASGARD_POLICY_H_INCLUDED_ */
