
/*
 * From a reason to what the client sees; the one place that writes a refusal.
 *
 * A refusal is a status that goes through nginx's special response like
 * nginx's own errors; the header filter gives it our headers, the body filter
 * our JSON.  So a refusal of ours and one of nginx's look alike, and the rest
 * of an unread body is discarded by nginx in either case.
 */

#include "ngx_http_asgard_error.h"
#include "ngx_http_asgard_hush.h"

#include "core/window.h"
#include "ngx_http_asgard_alone.h"
#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_fit.h"
#include "ngx_http_asgard_guard.h"
#include "ngx_http_asgard_limits.h"
#include "ngx_http_asgard_policy.h"
#include "ngx_http_asgard_refused.h"
#include "ngx_http_asgard_reserve.h"
#include "ngx_http_asgard_route.h"
#include "ngx_http_asgard_zone.h"


#define NGX_HTTP_ASGARD_ERROR_BODY   4096
#define NGX_HTTP_ASGARD_ERROR_EXTRA  1024
#define NGX_HTTP_ASGARD_PARAM_MAX    128
#define NGX_HTTP_ASGARD_ERROR_SHORTLY  1      /* s: "try again shortly" */
#define NGX_HTTP_ASGARD_HEADER_LINES   1000   /* nginx's own bound */


static ngx_int_t ngx_http_asgard_error_header(ngx_http_request_t *r,
    ngx_http_asgard_ctx_t *ctx, const char *name, u_char *value, size_t len);
static ngx_int_t ngx_http_asgard_error_replace(ngx_http_request_t *r,
    ngx_http_asgard_ctx_t *ctx, ngx_uint_t shape);


static ngx_http_output_header_filter_pt  ngx_http_asgard_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_asgard_next_body_filter;


ngx_int_t
ngx_http_asgard_refuse(ngx_http_asgard_ctx_t *ctx, asg_reason_t reason,
    ngx_str_t *param)
{
    size_t   len;
    u_char  *data;

    ctx->reason = reason;
    ngx_str_null(&ctx->param);

    if (param && param->len) {
        len = ngx_min(param->len, NGX_HTTP_ASGARD_PARAM_MAX);
        data = ngx_pnalloc(ctx->request->pool, len);

        if (data) {
            ngx_memcpy(data, param->data, len);
            ctx->param.data = data;
            ctx->param.len = len;
        }
    }

    return (ngx_int_t) asg_reason_info(reason)->status;
}


ngx_int_t
ngx_http_asgard_send_refusal(ngx_http_asgard_ctx_t *ctx)
{
    return ngx_http_special_response_handler(ctx->request,
                           (ngx_int_t) asg_reason_info(ctx->reason)->status);
}


/* What nginx refused by itself, in our words. */

static const struct {
    ngx_uint_t    status;
    asg_reason_t  reason;
} ngx_http_asgard_error_reasons[] = {
    { NGX_HTTP_UNAUTHORIZED, ASG_REASON_INVALID_API_KEY },
    { NGX_HTTP_FORBIDDEN, ASG_REASON_FORBIDDEN },
    { NGX_HTTP_NOT_FOUND, ASG_REASON_NOT_FOUND },
    { NGX_HTTP_NOT_ALLOWED, ASG_REASON_METHOD_NOT_ALLOWED },
    { NGX_HTTP_REQUEST_TIME_OUT, ASG_REASON_REQUEST_TIMEOUT },
    { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, ASG_REASON_BODY_TOO_LARGE },
    { NGX_HTTP_REQUEST_URI_TOO_LARGE, ASG_REASON_URI_TOO_LONG },
    { NGX_HTTP_UNSUPPORTED_MEDIA_TYPE, ASG_REASON_UNSUPPORTED_MEDIA_TYPE },
    { NGX_HTTP_MISDIRECTED_REQUEST, ASG_REASON_MISDIRECTED },
    { NGX_HTTP_TOO_MANY_REQUESTS, ASG_REASON_RATE_LIMIT_EXCEEDED },
    { NGX_HTTP_NOT_IMPLEMENTED, ASG_REASON_NOT_IMPLEMENTED },
    { NGX_HTTP_BAD_GATEWAY, ASG_REASON_UPSTREAM_ERROR },
    { NGX_HTTP_SERVICE_UNAVAILABLE, ASG_REASON_OVERLOADED },
    { NGX_HTTP_GATEWAY_TIME_OUT, ASG_REASON_UPSTREAM_TIMEOUT },
    { NGX_HTTP_VERSION_NOT_SUPPORTED, ASG_REASON_BAD_REQUEST },
    { 0, ASG_REASON_NONE }
};


/* nginx calls it 494 inside: the header ended with its buffers, or with the
 * lines that it may have. */

static ngx_uint_t
ngx_http_asgard_error_headers_full(ngx_http_request_t *r)
{
    ngx_uint_t        n;
    ngx_list_part_t  *part;

    if (r->http_state != NGX_HTTP_READING_REQUEST_STATE
        || r->request_line.len == 0 || r->header_in == NULL)
    {
        return 0;
    }

    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        n += part->nelts;
    }

    return r->header_in->pos == r->header_in->end
           || n >= NGX_HTTP_ASGARD_HEADER_LINES;
}


static asg_reason_t
ngx_http_asgard_error_reason(ngx_http_request_t *r, ngx_uint_t status,
    ngx_uint_t shape)
{
    ngx_uint_t  i;

    if (shape == NGX_HTTP_ASGARD_ERRORS_CONTROL
        && status == NGX_HTTP_SERVICE_UNAVAILABLE)
    {
        return ASG_REASON_CONTROL_UNAVAILABLE;
    }

    for (i = 0; ngx_http_asgard_error_reasons[i].status; i++) {
        if (ngx_http_asgard_error_reasons[i].status == status) {
            return ngx_http_asgard_error_reasons[i].reason;
        }
    }

    if (status == NGX_HTTP_BAD_REQUEST
        && ngx_http_asgard_error_headers_full(r))
    {
        return ASG_REASON_HEADERS_TOO_LARGE;
    }

    return status < NGX_HTTP_INTERNAL_SERVER_ERROR ? ASG_REASON_BAD_REQUEST
                                                   : ASG_REASON_INTERNAL;
}


static void
ngx_http_asgard_error_money(asg_buf_t *out, const char *name,
    asg_nusd_t amount_nusd)
{
    char  text[ASG_MONEY_TEXT];

    (void) asg_money_format(amount_nusd, text);
    asg_buf_z(out, name);
    asg_buf_z(out, text);
}


/* The numbers of a refusal by a budget, as further members of "error". */

static void
ngx_http_asgard_error_over(asg_buf_t *out, ngx_http_asgard_over_t *over)
{
    char  resets[24];

    asg_buf_z(out, ",\"scope\":");
    asg_buf_json(out, asg_str_z(over->scope));
    asg_buf_z(out, ",\"scope_id\":");
    asg_buf_json(out, asg_str_z((const char *) over->scope_id));
    asg_buf_z(out, ",\"window\":");
    asg_buf_json(out, asg_str_z((const char *) over->window));

    if (over->unlimited) {
        asg_buf_z(out, ",\"limit_usd\":null");

    } else {
        ngx_http_asgard_error_money(out, ",\"limit_usd\":", over->limit_nusd);
    }

    ngx_http_asgard_error_money(out, ",\"spent_usd\":", over->spent_nusd);
    ngx_http_asgard_error_money(out, ",\"held_usd\":", over->held_nusd);

    if (over->resets_at == 0) {
        asg_buf_z(out, ",\"resets_at\":null,\"zone\":null");
        return;
    }

    asg_time_rfc3339(over->resets_at, resets);
    asg_buf_z(out, ",\"resets_at\":");
    asg_buf_json(out, asg_str_z(resets));
    asg_buf_z(out, ",\"zone\":");
    asg_buf_json(out, asg_str_z((const char *) over->zone));
}


/* Who is refused by a rule hears which: those that have a reason of their own.
 * NULL: no rule says so. */
static const char *
ngx_http_asgard_error_rule(asg_reason_t reason)
{
    switch (reason) {

    case ASG_REASON_KEY_EXPIRED:
        return "key-expiry";

    case ASG_REASON_KEY_NOT_YET:
        return "key-not-before";

    case ASG_REASON_PROJECT_KILLED:
        return "project-killed";

    case ASG_REASON_PROJECT_INACTIVE:
        return "project-lifecycle";

    default:
        return NULL;
    }
}


static void
ngx_http_asgard_error_data(asg_buf_t *out, ngx_http_asgard_ctx_t *ctx,
    asg_reason_t reason)
{
    char         text[NGX_HTTP_ASGARD_ERROR_EXTRA];
    asg_buf_t    extra;
    const char  *rule;

    asg_buf_init(&extra, text, sizeof(text));

    if (reason == ASG_REASON_BUDGET_EXCEEDED && ctx->call.over) {
        ngx_http_asgard_error_over(&extra, ctx->call.over);
    }

    if (reason == ASG_REASON_RATE_LIMIT_EXCEEDED && ctx->call.rate
        && ctx->call.rate->refused)
    {
        ngx_http_asgard_limits_error(&extra, ctx->call.rate);
    }

    if (reason == ASG_REASON_POLICY_DENIED && ctx->project) {
        ngx_http_asgard_policy_error(&extra, ctx);
    }

    rule = ngx_http_asgard_error_rule(reason);

    if (rule) {
        asg_buf_z(&extra, ",\"rule_id\":");
        asg_buf_json(&extra, asg_str_z(rule));
    }

    if (reason == ASG_REASON_GUARDRAIL_BLOCKED && ctx->guard
        && (ctx->guard->blocked != ASG_RULE_MAX || ctx->guard->hook))
    {
        ngx_http_asgard_guard_error(&extra, ctx);
    }

    if (ngx_http_asgard_route_is_messages(ctx)) {
        asg_reason_messages_body(out, reason,
                                 ngx_http_asgard_str(&ctx->message),
                                 ngx_http_asgard_str(&ctx->param),
                                 asg_buf_view(&extra),
                                 (asg_str_t) { (const char *) ctx->trace,
                                               ctx->trace_len });
        return;
    }

    asg_reason_body(out, reason, ngx_http_asgard_str(&ctx->message),
                    ngx_http_asgard_str(&ctx->param), asg_buf_view(&extra));
}


void
ngx_http_asgard_error_write(asg_buf_t *out, ngx_http_asgard_ctx_t *ctx)
{
    ngx_http_asgard_error_data(out, ctx, ctx->reason);
}


static void
ngx_http_asgard_error_control(asg_buf_t *out, ngx_http_asgard_ctx_t *ctx,
    asg_reason_t reason)
{
    const asg_reason_info_t  *info;

    info = asg_reason_info(reason);

    asg_buf_z(out, "{\"error\":");
    asg_buf_json(out, asg_str_z(info->text));
    asg_buf_z(out, ",\"code\":");
    asg_buf_json(out, asg_str_z(info->code));
    asg_buf_z(out, ",\"trace_id\":");
    asg_buf_json(out, (asg_str_t) { (const char *) ctx->trace,
                                    ctx->trace_len });
    asg_buf_z(out, "}");
}


static ngx_int_t
ngx_http_asgard_error_body(ngx_http_request_t *r, ngx_http_asgard_ctx_t *ctx,
    asg_reason_t reason, ngx_uint_t shape)
{
    ngx_buf_t  *b;
    asg_buf_t   out;

    b = ngx_create_temp_buf(r->pool, NGX_HTTP_ASGARD_ERROR_BODY);
    if (b == NULL) {
        return NGX_ERROR;
    }

    asg_buf_init(&out, (char *) b->start, NGX_HTTP_ASGARD_ERROR_BODY);

    if (shape == NGX_HTTP_ASGARD_ERRORS_CONTROL) {
        ngx_http_asgard_error_control(&out, ctx, reason);

    } else {
        ngx_http_asgard_error_data(&out, ctx, reason);
    }

    if (!asg_buf_ok(&out)) {
        return NGX_ERROR;
    }

    b->last = b->pos + out.len;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    ctx->refusal = b;

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_error_header(ngx_http_request_t *r,
    ngx_http_asgard_ctx_t *ctx, const char *name, u_char *value, size_t len)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value.data = value;
    h->value.len = len;

    return NGX_OK;
}


/* A refusal may have cost something: what was read of an answer is paid. */

static ngx_int_t
ngx_http_asgard_error_cost(ngx_http_request_t *r, ngx_http_asgard_ctx_t *ctx)
{
    u_char  *p;

    if (!ctx->call.finalised || ctx->call.cost_nusd == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, ASG_MONEY_TEXT);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_asgard_error_header(r, ctx, "x-asgard-cost-usd", p,
                        asg_money_format(ctx->call.cost_nusd, (char *) p));
}


/* Headers that tell what to do next. */

static ngx_int_t
ngx_http_asgard_error_advice(ngx_http_request_t *r, ngx_http_asgard_ctx_t *ctx,
    const asg_reason_info_t *info)
{
    u_char      *p;
    ngx_int_t    rc;
    ngx_str_t   *allow;
    ngx_uint_t   never;

    rc = NGX_OK;

    /* after an attempt that may be charged, another call may cost twice */
    never = info->retry == ASG_RETRY_NEVER || ctx->call.further
            || ngx_http_asgard_limits_is_never(ctx);

    if (never && !ctx->may_retry) {
        rc = ngx_http_asgard_error_header(r, ctx, "x-should-retry",
                                          (u_char *) "false", 5);
    }

    if (rc == NGX_OK && ctx->retry_after >= 0 && !never) {
        p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
        if (p == NULL) {
            return NGX_ERROR;
        }

        rc = ngx_http_asgard_error_header(r, ctx, "Retry-After", p,
                            ngx_sprintf(p, "%i", ctx->retry_after) - p);
    }

    if (rc == NGX_OK && !never) {
        rc = ngx_http_asgard_limits_retry(r, ctx, ngx_http_asgard_error_header);
    }

    if (rc == NGX_OK && info->status == NGX_HTTP_UNAUTHORIZED) {
        rc = ngx_http_asgard_error_header(r, ctx, "WWW-Authenticate",
                                          (u_char *) "Bearer", 6);
    }

    allow = info->status == NGX_HTTP_NOT_ALLOWED
            ? ngx_http_asgard_route_allow(ctx) : NULL;

    if (rc == NGX_OK && allow) {
        rc = ngx_http_asgard_error_header(r, ctx, "Allow", allow->data,
                                          allow->len);
    }

    return rc;
}


/* Over in a moment: of nginx's own limits only they know when, and they do not
 * tell. */

static ngx_uint_t
ngx_http_asgard_error_is_short(asg_reason_t reason)
{
    return reason == ASG_REASON_BUDGET_UNAVAILABLE
           || reason == ASG_REASON_RATE_LIMIT_EXCEEDED
           || reason == ASG_REASON_OVERLOADED;
}


/* Turns the answer that is about to be sent into a refusal in our JSON. */

static ngx_int_t
ngx_http_asgard_error_replace(ngx_http_request_t *r,
    ngx_http_asgard_ctx_t *ctx, ngx_uint_t shape)
{
    ngx_uint_t                 status;
    asg_reason_t               reason;
    const asg_reason_info_t   *info;
    ngx_http_core_srv_conf_t  *cscf;

    status = r->err_status;
    reason = ctx->reason;

    if (reason == ASG_REASON_NONE) {
        reason = ngx_http_asgard_error_reason(r, status, shape);
        ctx->reason = reason;

    } else {
        status = ngx_http_asgard_route_is_messages(ctx)
                 ? asg_reason_messages_status(reason)
                 : asg_reason_info(reason)->status;
    }

    info = asg_reason_info(reason);

    /* refused before it had a location: nobody knows whose query it is */
    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    if (r->loc_conf == cscf->ctx->loc_conf) {
        ngx_http_asgard_route_hide(r);
    }

    if (ngx_http_asgard_error_is_short(reason) && ctx->retry_after < 0) {
        ctx->retry_after = NGX_HTTP_ASGARD_ERROR_SHORTLY;
    }

    if (ngx_http_asgard_error_body(r, ctx, reason, shape) != NGX_OK
        || ngx_http_asgard_error_cost(r, ctx) != NGX_OK
        || ngx_http_asgard_error_advice(r, ctx, info) != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_out.status = status;
    r->headers_out.status_line.len = 0;
    r->err_status = status;

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.charset.len = 0;
    r->headers_out.content_length_n = ngx_buf_size(ctx->refusal);

    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_REFUSED, 1);
    ngx_http_asgard_count_reason(reason);
    ngx_http_asgard_refused_note(ctx, reason);

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_error_header_filter(ngx_http_request_t *r)
{
    ngx_uint_t                   shape;
    ngx_http_asgard_ctx_t       *ctx;
    ngx_http_asgard_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_asgard_module);
    shape = alcf->enable ? NGX_HTTP_ASGARD_ERRORS_DATA : alcf->errors;

    if (shape == NGX_HTTP_ASGARD_ERRORS_OFF || r != r->main) {
        return ngx_http_asgard_next_header_filter(r);
    }

    ngx_http_asgard_hush_late(r);

    if (!alcf->enable && r->err_status < NGX_HTTP_BAD_REQUEST) {
        return ngx_http_asgard_next_header_filter(r);
    }

    ctx = ngx_http_asgard_ctx_create(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_asgard_error_header(r, ctx, "x-asgard-trace-id", ctx->trace,
                                     ctx->trace_len)
        != NGX_OK
        || (shape == NGX_HTTP_ASGARD_ERRORS_DATA
            && ngx_http_asgard_route_is_messages(ctx)
            && ngx_http_asgard_error_header(r, ctx, "request-id", ctx->trace,
                                            ctx->trace_len)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (ngx_http_asgard_limits_headers(r, ctx, ngx_http_asgard_error_header)
        != NGX_OK
        || ngx_http_asgard_fit_header(r, ctx, ngx_http_asgard_error_header)
           != NGX_OK
        || ngx_http_asgard_alone_header(r, ctx, ngx_http_asgard_error_header)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (r->err_status >= NGX_HTTP_BAD_REQUEST && ctx->refusal == NULL
        && ngx_http_asgard_error_replace(r, ctx, shape) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_asgard_next_header_filter(r);
}


static ngx_int_t
ngx_http_asgard_error_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t             out, *cl;
    ngx_http_asgard_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_asgard_module);

    if (ctx == NULL || ctx->refusal == NULL || in == NULL) {
        return ngx_http_asgard_next_body_filter(r, in);
    }

    /* nginx's page is dropped whole; ours leaves with its first buffer */

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    if (ctx->refused) {
        return ngx_http_asgard_next_body_filter(r, NULL);
    }

    ctx->refused = 1;

    out.buf = ctx->refusal;
    out.next = NULL;

    return ngx_http_asgard_next_body_filter(r, &out);
}


ngx_int_t
ngx_http_asgard_error_filters_init(ngx_conf_t *cf)
{
    ngx_http_asgard_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_asgard_error_header_filter;

    ngx_http_asgard_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_asgard_error_body_filter;

    return ngx_http_asgard_hush_init(cf);
}
