
/*
 * The request as a table of steps.
 *
 * A step returns NGX_OK: the next one; NGX_AGAIN: it waits, and will be entered
 * again by ngx_http_asgard_steps_resume(); a status of HTTP: refused, the
 * reason is in ctx.  The steps run in the precontent phase, where `satisfy any`
 * has no say.
 */

#include "ngx_http_asgard_steps.h"

#include "ngx_http_asgard_body.h"
#include "ngx_http_asgard_credential.h"
#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_end_user.h"
#include "ngx_http_asgard_error.h"
#include "ngx_http_asgard_flood.h"
#include "ngx_http_asgard_guard.h"
#include "ngx_http_asgard_hook.h"
#include "ngx_http_asgard_identify.h"
#include "ngx_http_asgard_kill.h"
#include "ngx_http_asgard_models.h"
#include "ngx_http_asgard_order.h"
#include "ngx_http_asgard_policy.h"
#include "ngx_http_asgard_redis_time.h"
#include "ngx_http_asgard_reserve.h"
#include "ngx_http_asgard_route.h"
#include "ngx_http_asgard_snapshot.h"
#include "ngx_http_asgard_times.h"
#include "ngx_http_asgard_upstream.h"
#include "ngx_http_asgard_zone.h"


typedef struct {
    const char  *name;
    ngx_int_t  (*run)(ngx_http_asgard_ctx_t *ctx);
} ngx_http_asgard_step_t;


static ngx_int_t ngx_http_asgard_step_identify(ngx_http_asgard_ctx_t *ctx);
static ngx_int_t ngx_http_asgard_step_admit(ngx_http_asgard_ctx_t *ctx);
static ngx_int_t ngx_http_asgard_step_read(ngx_http_asgard_ctx_t *ctx);
static ngx_int_t ngx_http_asgard_step_resolve(ngx_http_asgard_ctx_t *ctx);
static ngx_int_t ngx_http_asgard_step_police(ngx_http_asgard_ctx_t *ctx);
static ngx_int_t ngx_http_asgard_step_hook(ngx_http_asgard_ctx_t *ctx);
static ngx_int_t ngx_http_asgard_step_reserve(ngx_http_asgard_ctx_t *ctx);
static ngx_int_t ngx_http_asgard_step_route(ngx_http_asgard_ctx_t *ctx);


static const ngx_http_asgard_step_t  ngx_http_asgard_steps[] = {

    { "path",     ngx_http_asgard_route_find },     /* 404, 400, 405 */
    { "identify", ngx_http_asgard_step_identify },  /* 401, 429, 503 */
    { "admit",    ngx_http_asgard_step_admit },     /* 401, 403 */
    { "read",     ngx_http_asgard_step_read },      /* 415, 4xx, 503 */
    { "resolve",  ngx_http_asgard_step_resolve },   /* 404, 503 */
    { "police",   ngx_http_asgard_step_police },    /* 403, 400 */
    { "guard",    ngx_http_asgard_guard },          /* 400, 4xx */
    { "reserve",  ngx_http_asgard_step_reserve },   /* 429, 503 */
    { "hook",     ngx_http_asgard_step_hook },      /* 400, 503 */
    { "route",    ngx_http_asgard_step_route },
    { NULL, NULL }
};


ngx_int_t
ngx_http_asgard_steps_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_http_asgard_ctx_t         *ctx;
    ngx_http_asgard_loc_conf_t    *alcf;
    const ngx_http_asgard_step_t  *step;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_asgard_module);

    if (!alcf->enable) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_asgard_ctx_create(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->waiting) {
        return NGX_DONE;
    }

    for (step = &ngx_http_asgard_steps[ctx->step]; step->run; step++) {
        ctx->step = step - ngx_http_asgard_steps;

        rc = step->run(ctx);

        if (rc == NGX_AGAIN) {
            ctx->waiting = 1;
            r->write_event_handler = ngx_http_request_empty_handler;
            return NGX_DONE;
        }

        if (rc != NGX_OK) {
            ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                           "asgard step %s: %i, reason %d", step->name, rc,
                           (int) ctx->reason);
            return rc;
        }
    }

    return NGX_OK;
}


void
ngx_http_asgard_steps_resume(ngx_http_asgard_ctx_t *ctx)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    if (!ctx->waiting) {
        return;
    }

    ctx->waiting = 0;

    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}


/* A wait that the client may end by leaving. */

static ngx_int_t
ngx_http_asgard_step_wait(ngx_http_asgard_ctx_t *ctx, ngx_int_t rc)
{
    ngx_http_request_t  *r = ctx->request;

    if (rc == NGX_AGAIN) {
        r->read_event_handler = ngx_http_test_reading;

        if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return NGX_AGAIN;
    }

    if (rc == NGX_ERROR) {
        if (ctx->reason == ASG_REASON_NONE) {
            ctx->reason = ASG_REASON_INTERNAL;
        }

        return (ngx_int_t) asg_reason_info(ctx->reason)->status;
    }

    return rc;
}


/* A key that is none; told as a flood when its address shows too many.  A
 * revoked one is no guess, and stays 401 however often it comes. */

static ngx_int_t
ngx_http_asgard_step_bad_key(ngx_http_asgard_ctx_t *ctx)
{
    if (!ngx_http_asgard_flood(ctx->request)) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_INVALID_API_KEY, NULL);
    }

    ctx->retry_after = 1;
    ngx_str_set(&ctx->message, "Too many keys that are not valid came from "
                "this address; correct the key, then try again after the "
                "time in Retry-After.");

    return ngx_http_asgard_refuse(ctx, ASG_REASON_RATE_LIMIT_EXCEEDED, NULL);
}


/* The grammar is judged before any store. */

static ngx_int_t
ngx_http_asgard_step_identify(ngx_http_asgard_ctx_t *ctx)
{
    ngx_int_t  rc;
    ngx_str_t  token;

    rc = ngx_http_asgard_credential(ctx, &token);

    if (rc == NGX_DECLINED) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_MISSING_API_KEY, NULL);
    }

    if (rc != NGX_OK
        || !asg_key_is_inference(asg_key_classify(
                                     ngx_http_asgard_str(&token))))
    {
        return ngx_http_asgard_step_bad_key(ctx);
    }

    rc = ngx_http_asgard_identify(ctx, &token);

    if (rc == NGX_ERROR && ctx->reason == ASG_REASON_INVALID_API_KEY
        && !ctx->key->revoked)
    {
        return ngx_http_asgard_step_bad_key(ctx);
    }

    return ngx_http_asgard_step_wait(ctx, rc);
}


/* Is the client in a network of the key?  Its address is the connection's, as
 * `realip` leaves it; over a socket of this machine it has none. */

static ngx_uint_t
ngx_http_asgard_step_is_near(ngx_http_asgard_ctx_t *ctx)
{
    struct sockaddr  *sa;

    sa = ctx->request->connection->sockaddr;

    switch (sa->sa_family) {

    case AF_INET:
        return asg_networks_have(&ctx->key->networks,
            (u_char *) &((struct sockaddr_in *) sa)->sin_addr, 4);

#if (NGX_HAVE_INET6)
    case AF_INET6:
        return asg_networks_have(&ctx->key->networks,
            ((struct sockaddr_in6 *) sa)->sin6_addr.s6_addr, 16);
#endif

    default:
        return 0;
    }
}


/* Expiry and lifecycle: judged on each request, whatever the records' age. */

static ngx_int_t
ngx_http_asgard_step_admit(ngx_http_asgard_ctx_t *ctx)
{
    if (ctx->key->expires
        && ctx->key->expires <= ngx_http_asgard_redis_time_later())
    {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_KEY_EXPIRED, NULL);
    }

    if (ctx->key->not_before > ngx_http_asgard_redis_time_sooner()) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_KEY_NOT_YET, NULL);
    }

    if (ctx->key->networks.n && !ngx_http_asgard_step_is_near(ctx)) {
        ctx->rule = "client-network";
        ngx_str_set(&ctx->message, "This API key may not be used from this"
                    " address; ask the project's owner where it may.");
        return ngx_http_asgard_refuse(ctx, ASG_REASON_POLICY_DENIED, NULL);
    }

    if (ctx->project->killed) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_PROJECT_KILLED, NULL);
    }

    if (!asg_project_is_live(ctx->project->state)) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_PROJECT_INACTIVE, NULL);
    }

    ctx->snapshot = ngx_http_asgard_snapshot_take();

    if (ctx->snapshot == NULL) {
        ctx->retry_after = 1;
        return ngx_http_asgard_refuse(ctx, ASG_REASON_CATALOG_UNAVAILABLE,
                                      NULL);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_step_read(ngx_http_asgard_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (ctx->route >= NGX_HTTP_ASGARD_ROUTE_MODELS) {
        return NGX_OK;
    }

    if (ctx->request->request_body == NULL) {
        rc = ngx_http_asgard_route_media(ctx);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    rc = ngx_http_asgard_body_read(ctx);

    if (rc == NGX_AGAIN) {
        if (ctx->body_since_us == 0) {
            ctx->body_since_us = ngx_http_asgard_times_now();
        }

        return NGX_AGAIN;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (ctx->body_since_us) {
        ctx->body_us = ngx_http_asgard_times_now() - ctx->body_since_us;
    }

    rc = ngx_http_asgard_body_scan(ctx);

    return rc == NGX_OK ? ngx_http_asgard_end_user(ctx) : rc;
}


static ngx_int_t
ngx_http_asgard_step_resolve(ngx_http_asgard_ctx_t *ctx)
{
    if (ctx->route >= NGX_HTTP_ASGARD_ROUTE_MODELS) {
        return NGX_OK;
    }

    return ngx_http_asgard_policy_resolve(ctx);
}


static ngx_int_t
ngx_http_asgard_step_police(ngx_http_asgard_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (ctx->route >= NGX_HTTP_ASGARD_ROUTE_MODELS) {
        return NGX_OK;
    }

    rc = ngx_http_asgard_order_controls(ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_asgard_policy_police(ctx);
}


static ngx_int_t
ngx_http_asgard_step_reserve(ngx_http_asgard_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (ctx->route >= NGX_HTTP_ASGARD_ROUTE_MODELS) {
        return NGX_OK;
    }

    if (ctx->route == NGX_HTTP_ASGARD_ROUTE_COUNT_TOKENS) {
        ctx->unpaid = 1;
        return NGX_OK;
    }

    rc = ngx_http_asgard_policy_hold(ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_asgard_step_wait(ctx, ngx_http_asgard_reserve(ctx));
}


/* Behind the reserve, so that the limits of a key and its budgets bound how
 * often the service is asked; whoever leaves or is refused here gives the hold
 * back.  From here on the call is cut when its project is killed; what is
 * killed while the service is asked is sent to nobody. */

static ngx_int_t
ngx_http_asgard_step_hook(ngx_http_asgard_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (ctx->route < NGX_HTTP_ASGARD_ROUTE_MODELS) {
        ngx_http_asgard_kill_watch(ctx);
    }

    rc = ngx_http_asgard_step_wait(ctx, ngx_http_asgard_hook(ctx));

    if (rc == NGX_OK && ctx->killed) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_PROJECT_KILLED, NULL);
    }

    return rc;
}


/* Whatever handler the location has: a governed request is answered by ours. */

static ngx_int_t
ngx_http_asgard_step_route(ngx_http_asgard_ctx_t *ctx)
{
    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_CALLS, 1);
    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_UNPAID, ctx->unpaid);

    if (ctx->route >= NGX_HTTP_ASGARD_ROUTE_MODELS) {
        ctx->request->content_handler = ngx_http_asgard_models_handler;

    } else {
        ctx->timed = 1;
        ngx_http_asgard_times_note(NGX_HTTP_ASGARD_TIMES_OVERHEAD,
                                   ngx_http_asgard_times_now() - ctx->begun_us
                                   - ctx->body_us);

        ctx->request->content_handler = ngx_http_asgard_upstream_handler;
    }

    return NGX_OK;
}
