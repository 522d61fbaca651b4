
/*
 * Guardrails over the answer of an attempt.
 */

#include "ngx_http_asgard_guard_answer.h"

#include "core/guard_answer.h"
#include "ngx_http_asgard_error.h"
#include "ngx_http_asgard_guard.h"
#include "ngx_http_asgard_route.h"
#include "ngx_http_asgard_stream.h"


#define NGX_HTTP_ASGARD_GUARD_EVENT  2048     /* our error in a stream */


static void *ngx_http_asgard_guard_answer_alloc(void *data, void *old,
    size_t used, size_t size);
static int ngx_http_asgard_guard_answer_drop(void *data, const char *bytes,
    size_t len);
static ngx_int_t ngx_http_asgard_guard_answer_keep(
    ngx_http_asgard_attempt_t *a);
static void ngx_http_asgard_guard_answer_blocked(ngx_http_asgard_ctx_t *ctx);
static int ngx_http_asgard_guard_answer_error(ngx_http_asgard_attempt_t *a);


/* NULL and NGX_OK: nothing is looked for. */

static ngx_int_t
ngx_http_asgard_guard_answer_new(ngx_http_asgard_attempt_t *a,
    ngx_uint_t stream, asg_guard_answer_t **out)
{
    asg_guard_mode_t              mode;
    asg_action_t                  actions[ASG_RULE_MAX];
    asg_guard_answer_t           *g;
    ngx_http_request_t           *r;
    ngx_http_asgard_main_conf_t  *amcf;

    r = a->ctx->request;
    *out = NULL;
    mode = ngx_http_asgard_guard_mode(a->ctx);

    if (mode == ASG_GUARD_OFF) {
        return NGX_OK;
    }

    g = ngx_palloc(r->pool, sizeof(asg_guard_answer_t));
    if (g == NULL) {
        return NGX_ERROR;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_asgard_module);
    ngx_memcpy(actions, amcf->guard_answers, sizeof(actions));

    if (mode == ASG_GUARD_MONITOR) {
        asg_guard_actions_monitor(actions);
    }

    asg_guard_answer_begin(g, (asg_api_t) a->ctx->route, stream,
                           amcf->guard_set, actions);
    g->emit = ngx_http_asgard_stream_emit;
    g->alloc = ngx_http_asgard_guard_answer_alloc;
    g->data = a;
    *out = g;

    return NGX_OK;
}


static void *
ngx_http_asgard_guard_answer_alloc(void *data, void *old, size_t used,
    size_t size)
{
    ngx_http_asgard_attempt_t *a = data;

    void        *more;
    ngx_pool_t  *pool;

    pool = a->ctx->request->pool;
    more = size ? ngx_palloc(pool, size) : NULL;

    if (old && (more || size == 0)) {
        if (used) {
            ngx_memcpy(more, old, used);
        }

        (void) ngx_pfree(pool, old);
    }

    return more;
}


static int
ngx_http_asgard_guard_answer_drop(void *data, const char *bytes, size_t len)
{
    (void) data;
    (void) bytes;
    (void) len;

    return 0;
}


ngx_int_t
ngx_http_asgard_guard_answer_begin(ngx_http_asgard_attempt_t *a)
{
    return ngx_http_asgard_guard_answer_new(a, 1, &a->guard);
}


static ngx_uint_t
ngx_http_asgard_guard_answer_stopped(asg_guard_answer_t *g)
{
    return g->blocked != ASG_RULE_MAX || g->too_large || g->failed;
}


int
ngx_http_asgard_guard_answer_emit(void *data, const char *bytes, size_t len)
{
    ngx_http_asgard_attempt_t *a = data;

    int                  rc;
    asg_guard_answer_t  *g;

    g = a->guard;

    if (g == NULL) {
        return ngx_http_asgard_stream_emit(a, bytes, len);
    }

    if (a->guard_stopped) {
        return 0;
    }

    rc = asg_guard_answer_feed(g, bytes, len);

    if (rc == 0 && g->holds && ngx_http_asgard_guard_answer_stopped(g)) {
        rc = ngx_http_asgard_guard_answer_error(a);
    }

    return rc;
}


int
ngx_http_asgard_guard_answer_end(ngx_http_asgard_attempt_t *a, ngx_uint_t pass)
{
    int                  rc;
    asg_guard_answer_t  *g;

    g = a->guard;

    if (g == NULL || a->guard_ended) {
        return 0;
    }

    a->guard_ended = 1;

    if (!pass) {
        g->emit = ngx_http_asgard_guard_answer_drop;
    }

    rc = a->guard_stopped ? 0 : asg_guard_answer_end(g);

    if (rc == 0 && g->holds && !a->guard_stopped && pass
        && ngx_http_asgard_guard_answer_stopped(g))
    {
        rc = ngx_http_asgard_guard_answer_error(a);
    }

    return ngx_http_asgard_guard_answer_keep(a) == NGX_OK ? rc : 1;
}


/* What was found, for verdicts and metrics. */

static ngx_int_t
ngx_http_asgard_guard_answer_keep(ngx_http_asgard_attempt_t *a)
{
    ngx_uint_t                     i, any;
    asg_guard_answer_t            *g = a->guard;
    ngx_http_asgard_guard_t       *found;
    ngx_http_asgard_guard_side_t  *side;

    any = 0;

    for (i = 0; i < ASG_RULE_MAX; i++) {
        any |= (g->matches[i] != 0);
    }

    if (!any) {
        return NGX_OK;
    }

    found = ngx_http_asgard_guard_of(a->ctx);
    if (found == NULL) {
        return NGX_ERROR;
    }

    side = &found->side[NGX_HTTP_ASGARD_GUARD_ANSWER];
    ngx_memcpy(side->matches, g->matches, sizeof(side->matches));

    for (i = 0; i < ASG_RULE_MAX; i++) {
        side->actions[i] = asg_guard_answer_action(g, (asg_rule_t) i);
    }

    side->gave_up = g->gave_up;
    side->lost = g->lost;

    if (g->blocked != ASG_RULE_MAX) {
        found->blocked = g->blocked;
        found->blocked_in = NGX_HTTP_ASGARD_GUARD_ANSWER;
    }

    ngx_http_asgard_guard_count(a->ctx, NGX_HTTP_ASGARD_GUARD_ANSWER);

    return NGX_OK;
}


static void
ngx_http_asgard_guard_answer_blocked(ngx_http_asgard_ctx_t *ctx)
{
    ngx_str_set(&ctx->message, "The model's answer has something that a "
                               "guardrail holds back.");
    (void) ngx_http_asgard_refuse(ctx, ASG_REASON_GUARDRAIL_BLOCKED, NULL);
}


/* Instead of the rest of a stream. */

static int
ngx_http_asgard_guard_answer_error(ngx_http_asgard_attempt_t *a)
{
    char                    text[NGX_HTTP_ASGARD_GUARD_EVENT];
    asg_buf_t               out;
    ngx_http_asgard_ctx_t  *ctx = a->ctx;

    a->guard_stopped = 1;

    if (a->answer.core.usage.leaked) {
        /* in place of its error, which the guard holds and drops */
        (void) ngx_http_asgard_refuse(ctx, ASG_REASON_UPSTREAM_ERROR, NULL);

    } else if (a->guard->blocked != ASG_RULE_MAX) {
        if (ngx_http_asgard_guard_of(ctx) == NULL) {
            return 1;
        }

        ctx->guard->blocked = a->guard->blocked;
        ctx->guard->blocked_in = NGX_HTTP_ASGARD_GUARD_ANSWER;
        ctx->guard->side[NGX_HTTP_ASGARD_GUARD_ANSWER].gave_up =
            a->guard->gave_up;
        ctx->guard->side[NGX_HTTP_ASGARD_GUARD_ANSWER].lost = a->guard->lost;
        ngx_http_asgard_guard_answer_blocked(ctx);

    } else {
        (void) ngx_http_asgard_refuse(ctx, a->guard->too_large
                                           ? ASG_REASON_UPSTREAM_ERROR
                                           : ASG_REASON_OVERLOADED, NULL);
    }

    asg_buf_init(&out, text, sizeof(text));
    asg_buf_z(&out, ngx_http_asgard_route_is_messages(ctx)
                    ? "event: error\ndata: " : "data: ");
    ngx_http_asgard_error_write(&out, ctx);
    asg_buf_z(&out, "\n\n");

    return asg_buf_ok(&out) ? ngx_http_asgard_stream_emit(a, out.data, out.len)
                            : 1;
}


/* The answer anew, without what is marked. */

static ngx_int_t
ngx_http_asgard_guard_answer_redact(ngx_http_asgard_attempt_t *a)
{
    size_t                     size;
    asg_str_t                  body;
    asg_answer_t              *meter;
    ngx_http_asgard_answer_t   old, *answer;

    answer = &a->answer;
    old = *answer;
    size = asg_guard_answer_size(a->guard, (char *) old.body, old.len);

    if (ngx_http_asgard_answer_renew(a, size) != NGX_OK) {
        return NGX_ERROR;
    }

    asg_guard_answer_write(a->guard, (char *) old.body, old.len,
                           (char *) answer->body);
    ngx_http_asgard_answer_drop(&old);

    /* where its name stands now: nothing else of this meter is used */

    meter = ngx_palloc(a->ctx->request->pool, sizeof(asg_answer_t));
    if (meter == NULL) {
        return NGX_ERROR;
    }

    asg_answer_init(meter, answer->core.model, 0, 0, NULL);
    asg_answer_speaks(meter, answer->core.words);
    meter->name = answer->core.name;
    body = (asg_str_t) { (const char *) answer->body, answer->len };

    return asg_answer_json(meter, body, answer->splice) == ASG_OK ? NGX_OK
                                                                  : NGX_ERROR;
}


ngx_int_t
ngx_http_asgard_guard_answer_json(ngx_http_asgard_attempt_t *a)
{
    asg_guard_answer_t        *g;
    ngx_http_asgard_answer_t  *answer;

    answer = &a->answer;

    if (ngx_http_asgard_guard_answer_new(a, 0, &a->guard) != NGX_OK) {
        return NGX_ERROR;
    }

    g = a->guard;

    if (g == NULL) {
        return NGX_OK;
    }

    a->guard_ended = 1;
    asg_guard_answer_json(g, (char *) answer->body, answer->len);

    if (g->failed || ngx_http_asgard_guard_answer_keep(a) != NGX_OK) {
        answer->reason = ASG_REASON_OVERLOADED;
        return NGX_ERROR;
    }

    if (g->blocked != ASG_RULE_MAX) {
        ngx_http_asgard_guard_answer_blocked(a->ctx);
        return NGX_DECLINED;
    }

    return g->is_cut ? ngx_http_asgard_guard_answer_redact(a) : NGX_OK;
}
