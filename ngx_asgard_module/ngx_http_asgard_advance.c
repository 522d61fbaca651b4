
/*
 * What is tried after an attempt that failed, and under which hold.
 */

#include "ngx_http_asgard_advance.h"

#include "ngx_http_asgard_candidate.h"
#include "ngx_http_asgard_order.h"
#include "ngx_http_asgard_outcome.h"
#include "ngx_http_asgard_policy.h"
#include "ngx_http_asgard_reserve.h"
#include "ngx_http_asgard_snapshot.h"
#include "ngx_http_asgard_zone.h"


#define NGX_HTTP_ASGARD_BACKOFF       250     /* ms, before the second try */
#define NGX_HTTP_ASGARD_BACKOFF_MAX   2000
#define NGX_HTTP_ASGARD_WAIT_MAX      5000    /* longer is not waited for */
#define NGX_HTTP_ASGARD_WAITS_MAX     15000   /* of one call together */


static ngx_uint_t ngx_http_asgard_advance_again(ngx_http_asgard_attempt_t *a);
static void ngx_http_asgard_advance_wake(ngx_event_t *ev);
static ngx_uint_t ngx_http_asgard_advance_past(ngx_http_asgard_attempt_t *a);
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
    return ngx_http_asgard_advance_endpoint(a, i)->retry_after_send
           || !ngx_http_asgard_advance_has_begun(a, i);
}


/* ms in which another attempt may begin. */

static ngx_msec_t
ngx_http_asgard_advance_left(ngx_http_asgard_attempt_t *a)
{
    ngx_msec_t                    limit, passed;
    ngx_http_asgard_ctx_t        *ctx;
    ngx_http_asgard_main_conf_t  *amcf;

    ctx = a->ctx;
    amcf = ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_asgard_module);
    limit = amcf->retry_timeout;

    if (ctx->patience) {
        limit = ngx_min(limit, ctx->patience);
    }

    passed = ngx_current_msec - ctx->started;

    return passed < limit ? limit - passed : 0;
}


/* Is the time over in which the attempt should have got its first byte? */

static ngx_uint_t
ngx_http_asgard_advance_is_due(ngx_http_asgard_attempt_t *a)
{
    return (ngx_msec_int_t) (a->due - ngx_current_msec) <= 0;
}


ngx_uint_t
ngx_http_asgard_advance_has_address(ngx_http_asgard_attempt_t *a)
{
    return a->peer && a->address + 1 < a->peer->resolve.naddrs
           && !ngx_http_asgard_advance_is_due(a);
}


/* An answer after which the same request may fare better. */

static ngx_uint_t
ngx_http_asgard_advance_may_pass(ngx_http_asgard_attempt_t *a)
{
    return a->status >= NGX_HTTP_INTERNAL_SERVER_ERROR
           || a->status == NGX_HTTP_TOO_MANY_REQUESTS;
}


ngx_uint_t
ngx_http_asgard_advance(ngx_http_asgard_attempt_t *a)
{
    if (a->ctx->client_gone || a->cut || a->ctx->reason != ASG_REASON_NONE) {
        return 0;
    }

    switch (a->fault) {

    case NGX_HTTP_ASGARD_FAULT_OURS:
        return ngx_http_asgard_advance_past(a);

    case NGX_HTTP_ASGARD_FAULT_STALE:
        /* once: the next connection is a new one */
        a->fresh = 1;
        return 1;

    case NGX_HTTP_ASGARD_FAULT_CONNECT:
        if (ngx_http_asgard_advance_has_address(a)) {
            a->address++;
            return 1;
        }

        return (!a->timed_out && ngx_http_asgard_advance_again(a))
               || ngx_http_asgard_advance_next(a);

    case NGX_HTTP_ASGARD_FAULT_STATUS:
        if (a->too_long) {
            return ngx_http_asgard_advance_next(a);
        }

        return ngx_http_asgard_advance_may_pass(a)
               && (ngx_http_asgard_advance_again(a)
                   || ngx_http_asgard_advance_next(a));

    case NGX_HTTP_ASGARD_FAULT_SILENT:
    case NGX_HTTP_ASGARD_FAULT_BROKEN:
        return ngx_http_asgard_advance_begun(a);

    default:
        return 0;
    }
}


/* The next candidate from `i` on; of a prompt that was too long, one for it. */

static ngx_uint_t
ngx_http_asgard_advance_from(ngx_http_asgard_attempt_t *a, ngx_uint_t i)
{
    for ( /* void */ ; i < a->ncandidates; i++) {

        if (a->groups[i]->on_context == a->too_long
            && ngx_http_asgard_advance_may_call(a, i))
        {
            break;
        }
    }

    return i;
}


ngx_uint_t
ngx_http_asgard_advance_asks_why(ngx_http_asgard_attempt_t *a)
{
    ngx_uint_t  i;

    if (a->too_long
        || (a->status != NGX_HTTP_BAD_REQUEST
            && a->status != NGX_HTTP_REQUEST_ENTITY_TOO_LARGE
            && a->status != 422))
    {
        return 0;
    }

    for (i = a->index + 1; i < a->ncandidates; i++) {

        if (a->groups[i]->on_context) {
            return 1;
        }
    }

    return 0;
}


/* Has the group of candidate `i` no other behind it, for what is tried now? */

static ngx_uint_t
ngx_http_asgard_advance_is_last(ngx_http_asgard_attempt_t *a, ngx_uint_t i)
{
    ngx_uint_t  next;

    next = ngx_http_asgard_advance_from(a, i + 1);

    return next == a->ncandidates || a->groups[next] != a->groups[i];
}


/* The same candidate, after a while: one that answered, as often as it may be
 * tried.  One that has just been cooled because it cannot be reached is left
 * alone, unless it is the last of its group. */

static ngx_uint_t
ngx_http_asgard_advance_again(ngx_http_asgard_attempt_t *a)
{
    ngx_msec_t  wait;

    if (a->tries >= a->groups[a->index]->retries
        || (a->cooled && a->fault != NGX_HTTP_ASGARD_FAULT_STATUS
            && !ngx_http_asgard_advance_is_last(a, a->index)))
    {
        return 0;
    }

    wait = ngx_min(NGX_HTTP_ASGARD_BACKOFF << a->tries,
                   NGX_HTTP_ASGARD_BACKOFF_MAX);
    wait -= (ngx_msec_t) ngx_random() % (wait / 2);

    if (a->response.retry_after > 0) {
        wait = ngx_max(wait, (ngx_msec_t) a->response.retry_after * 1000);
    }

    if (wait > NGX_HTTP_ASGARD_WAIT_MAX
        || a->waited + wait > NGX_HTTP_ASGARD_WAITS_MAX
        || wait >= ngx_http_asgard_advance_left(a))
    {
        return 0;
    }

    a->tries++;
    a->address = 0;
    a->dated = 0;
    a->waited += wait;
    a->not_before = ngx_current_msec + wait;
    a->waiting = 1;

    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_RETRY, 1);

    return 1;
}


/* To another candidate. */

static ngx_uint_t
ngx_http_asgard_advance_move(ngx_http_asgard_attempt_t *a)
{
    ngx_uint_t  i;

    if (ngx_http_asgard_advance_left(a) == 0) {
        return 0;
    }

    i = ngx_http_asgard_advance_from(a, a->index + 1);

    while (i < a->ncandidates && !ngx_http_asgard_advance_is_last(a, i)
           && !ngx_http_asgard_order_claim(a, a->groups[i], a->candidates[i]))
    {
        /* another call tries it */
        i = ngx_http_asgard_advance_from(a, i + 1);
    }

    if (i == a->ncandidates) {
        return 0;
    }

    a->index = i;
    a->tries = 0;
    a->address = 0;
    a->dated = 0;
    a->fresh = 0;

    return 1;
}


/* One that we could not ask: that is no fallback, and whatever was to blame,
 * for another there may be room. */

static ngx_uint_t
ngx_http_asgard_advance_past(ngx_http_asgard_attempt_t *a)
{
    if (!ngx_http_asgard_advance_move(a)) {
        return 0;
    }

    a->answer.reason = ASG_REASON_NONE;

    return 1;
}


static ngx_uint_t
ngx_http_asgard_advance_next(ngx_http_asgard_attempt_t *a)
{
    if (!ngx_http_asgard_advance_move(a)) {
        return 0;
    }

    a->fell = 1;
    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_FALLBACK, 1);

    return 1;
}


ngx_int_t
ngx_http_asgard_advance_wait(ngx_http_asgard_attempt_t *a)
{
    ngx_msec_int_t  left;

    left = a->waiting ? (ngx_msec_int_t) (a->not_before - ngx_current_msec)
                      : 0;

    if (left <= 0) {
        a->waiting = 0;
        a->dated = 1;
        return NGX_OK;
    }

    a->backoff.handler = ngx_http_asgard_advance_wake;
    a->backoff.data = a;
    a->backoff.log = a->ctx->request->connection->log;
    ngx_add_timer(&a->backoff, left);

    /* the core bounds every wait for a peer by this time */
    a->conf.connect_timeout = left + NGX_HTTP_ASGARD_BACKOFF_MAX;

    return NGX_AGAIN;
}


static void
ngx_http_asgard_advance_wake(ngx_event_t *ev)
{
    ngx_http_asgard_candidate_wake(ev->data);
}


ngx_msec_t
ngx_http_asgard_advance_within(ngx_http_asgard_ctx_t *ctx, ngx_msec_t time)
{
    ngx_msec_t  passed;

    if (ctx->patience == 0) {
        return time;
    }

    passed = ngx_current_msec - ctx->started;

    return passed < ctx->patience ? ngx_min(time, ctx->patience - passed) : 1;
}


ngx_uint_t
ngx_http_asgard_advance_is_clients(ngx_http_asgard_attempt_t *a)
{
    ngx_http_asgard_ctx_t  *ctx;

    ctx = a->ctx;

    if (!a->timed_out || ctx->patience == 0 || a->streaming
        || a->fault == NGX_HTTP_ASGARD_FAULT_STATUS)
    {
        return 0;
    }

    return ngx_current_msec - ctx->started >= ctx->patience;
}


void
ngx_http_asgard_advance_times(ngx_http_asgard_attempt_t *a)
{
    ngx_msec_t          first_byte, left;
    const asg_group_t  *group;

    group = a->groups[a->index];
    first_byte = group->first_byte_timeout_ms
                 ? group->first_byte_timeout_ms
                 : a->endpoint->first_byte_timeout_ms;

    if (!a->dated) {
        a->due = ngx_current_msec
                 + ngx_http_asgard_advance_within(a->ctx, first_byte);
    }

    left = ngx_http_asgard_advance_is_due(a) ? 1 : a->due - ngx_current_msec;

    a->conf.connect_timeout = ngx_min(left,
                                (ngx_msec_t) a->endpoint->connect_timeout_ms);
    a->conf.send_timeout = ngx_min(ngx_http_asgard_advance_idle(a), left);
    a->conf.read_timeout = left;
}


ngx_msec_t
ngx_http_asgard_advance_idle(ngx_http_asgard_attempt_t *a)
{
    const asg_group_t  *group;

    group = a->groups[a->index];

    return group->idle_timeout_ms ? group->idle_timeout_ms
                                  : a->endpoint->idle_timeout_ms;
}


/* The provider may be at work.  An answer that is whole, or larger than we can
 * hold, would not be better elsewhere. */

static ngx_uint_t
ngx_http_asgard_advance_begun(ngx_http_asgard_attempt_t *a)
{
    if (a->response.whole || a->answer.reason != ASG_REASON_NONE
        || a->ctx->call.further >= NGX_HTTP_ASGARD_FURTHER_MAX)
    {
        return 0;
    }

    a->begun |= 1u << a->index;

    if (a->stale && a->endpoint->retry_after_send
        && ngx_http_asgard_advance_left(a))
    {
        a->fresh = 1;
        a->dated = 0;

    } else if (a->endpoint->retry_after_send
               && ngx_http_asgard_advance_again(a))
    {
        a->fresh = 1;

    } else if (!ngx_http_asgard_advance_next(a)) {
        return 0;
    }

    ngx_http_asgard_outcome_pass(a);
    ngx_http_asgard_answer_reset(&a->answer);

    a->accepted = 0;
    a->renew = !a->ctx->unpaid;

    return 1;
}


/* What the candidates that can still be come to cost at most: also those for
 * long prompts, as the next answer may say that this one is. */

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
    call->prompt_estimate = 0;
    call->output_bound = 0;

    for (i = a->index; i < a->ncandidates; i++) {

        if (a->groups[i]->on_context >= a->too_long
            && ngx_http_asgard_advance_may_call(a, i)
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
