
/*
 * What is tried after an attempt that failed, and under which hold.
 */

#include "ngx_http_asgard_advance.h"

#include "ngx_http_asgard_candidate.h"
#include "ngx_http_asgard_outcome.h"
#include "ngx_http_asgard_policy.h"
#include "ngx_http_asgard_reserve.h"
#include "ngx_http_asgard_snapshot.h"
#include "ngx_http_asgard_zone.h"


static ngx_uint_t ngx_http_asgard_advance_next(ngx_http_asgard_attempt_t *a);
static ngx_uint_t ngx_http_asgard_advance_begun(ngx_http_asgard_attempt_t *a);


static const asg_endpoint_t *
ngx_http_asgard_advance_endpoint(ngx_http_asgard_attempt_t *a, ngx_uint_t i)
{
    const asg_catalog_t  *catalog;

    catalog = &a->ctx->snapshot->catalog;

    return &catalog->endpoints[catalog->models[a->candidates[i]].endpoint];
}


ngx_uint_t
ngx_http_asgard_advance_has_begun(ngx_http_asgard_attempt_t *a, ngx_uint_t i)
{
    ngx_uint_t             j;
    const asg_endpoint_t  *e, *begun;

    e = ngx_http_asgard_advance_endpoint(a, i);

    for (j = 0; j < a->ncandidates; j++) {

        if (a->begun & (1u << j)) {
            begun = ngx_http_asgard_advance_endpoint(a, j);

            if (asg_str_eq(begun->provider, e->provider)) {
                return 1;
            }
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_asgard_advance_may_call(ngx_http_asgard_attempt_t *a, ngx_uint_t i)
{
    return ngx_http_asgard_advance_endpoint(a, i)->resend_safe
           || !ngx_http_asgard_advance_has_begun(a, i);
}


static ngx_uint_t
ngx_http_asgard_advance_is_late(ngx_http_asgard_attempt_t *a)
{
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(a->ctx->request,
                                         ngx_http_asgard_module);

    return ngx_current_msec - a->ctx->started >= amcf->retry_timeout;
}


ngx_uint_t
ngx_http_asgard_advance(ngx_http_asgard_attempt_t *a)
{
    if (a->ctx->client_gone || a->cut || a->ctx->reason != ASG_REASON_NONE) {
        return 0;
    }

    switch (a->fault) {

    case NGX_HTTP_ASGARD_FAULT_STALE:
        /* once: the next connection is a new one */
        a->fresh = 1;
        return 1;

    case NGX_HTTP_ASGARD_FAULT_CONNECT:
        if (a->peer && a->address + 1 < a->peer->resolve.naddrs) {
            a->address++;
            return 1;
        }

        return ngx_http_asgard_advance_next(a);

    case NGX_HTTP_ASGARD_FAULT_STATUS:
        return a->status >= NGX_HTTP_INTERNAL_SERVER_ERROR
               && ngx_http_asgard_advance_next(a);

    case NGX_HTTP_ASGARD_FAULT_SILENT:
    case NGX_HTTP_ASGARD_FAULT_BROKEN:
        return ngx_http_asgard_advance_begun(a);

    default:
        return 0;
    }
}


static ngx_uint_t
ngx_http_asgard_advance_next(ngx_http_asgard_attempt_t *a)
{
    ngx_uint_t  i;

    if (ngx_http_asgard_advance_is_late(a)) {
        return 0;
    }

    for (i = a->index + 1; i < a->ncandidates; i++) {

        if (ngx_http_asgard_advance_may_call(a, i)) {
            a->index = i;
            a->address = 0;
            a->fresh = 0;

            ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_FALLBACK, 1);

            return 1;
        }
    }

    return 0;
}


/* The provider may be at work.  An answer that is whole, or larger than we can
 * hold, would not be better elsewhere. */

static ngx_uint_t
ngx_http_asgard_advance_begun(ngx_http_asgard_attempt_t *a)
{
    if (a->response.whole || a->answer.reason != ASG_REASON_NONE
        || a->ctx->call.further == NGX_HTTP_ASGARD_FURTHER_MAX)
    {
        return 0;
    }

    a->begun |= 1u << a->index;

    if (a->stale && a->endpoint->resend_safe
        && !ngx_http_asgard_advance_is_late(a))
    {
        a->fresh = 1;

    } else if (!ngx_http_asgard_advance_next(a)) {
        return 0;
    }

    ngx_http_asgard_outcome_pass(a);
    ngx_http_asgard_answer_reset(&a->answer);

    a->accepted = 0;
    a->renew = 1;

    return 1;
}


/* What the candidates that are left cost at most. */

static ngx_int_t
ngx_http_asgard_advance_bound(ngx_http_asgard_attempt_t *a)
{
    ngx_uint_t               i;
    const asg_catalog_t     *catalog;
    ngx_http_asgard_call_t  *call;

    call = &a->ctx->call;
    catalog = &a->ctx->snapshot->catalog;

    call->hold_nusd = 0;
    call->prompt_bound = 0;
    call->output_bound = 0;

    for (i = a->index; i < a->ncandidates; i++) {

        if (ngx_http_asgard_advance_may_call(a, i)
            && ngx_http_asgard_policy_bound(a->ctx,
                                       &catalog->models[a->candidates[i]])
               != ASG_OK)
        {
            a->ctx->reason = ASG_REASON_INTERNAL;
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_advance_hold(ngx_http_asgard_attempt_t *a)
{
    ngx_int_t               rc;
    ngx_http_asgard_ctx_t  *ctx;

    ctx = a->ctx;

    if (!a->renew) {
        return NGX_OK;
    }

    if (ctx->call.slot == NULL && ngx_http_asgard_advance_bound(a) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_asgard_reserve(ctx);

    if (rc == NGX_OK) {
        a->renew = 0;
    }

    return rc;
}
