
/*
 * Lowering max_tokens to what a budget has left.
 */

#include "ngx_http_asgard_fit.h"
#include "ngx_http_asgard_policy.h"


/* Is what the call holds at most `left`, when it may use so many tokens? */
static ngx_uint_t
ngx_http_asgard_fit_holds(ngx_http_asgard_ctx_t *ctx, int64_t tokens,
    asg_nusd_t left)
{
    ctx->parsed->has_max_tokens = true;
    ctx->parsed->max_tokens = tokens;
    ctx->call.hold_nusd = 0;
    ctx->call.prompt_bound = 0;
    ctx->call.prompt_estimate = 0;
    ctx->call.output_bound = 0;

    return ngx_http_asgard_policy_hold(ctx) == NGX_OK
           && ctx->call.hold_nusd <= left;
}


/* The most tokens whose hold is at most `left`; 0: not even one beside those of
 * the thoughts that were asked for. */
static int64_t
ngx_http_asgard_fit_tokens(ngx_http_asgard_ctx_t *ctx, asg_nusd_t left,
    int64_t above)
{
    int64_t  thoughts, fits, middle;

    thoughts = ctx->parsed->thinking_tokens;
    fits = thoughts;

    while (above - fits > 1) {
        middle = fits + (above - fits) / 2;

        if (ngx_http_asgard_fit_holds(ctx, middle, left)) {
            fits = middle;

        } else {
            above = middle;
        }
    }

    return fits > thoughts ? fits : 0;
}


ngx_int_t
ngx_http_asgard_fit(ngx_http_asgard_ctx_t *ctx,
    const ngx_http_asgard_over_t *over)
{
    int64_t                 given, above, tokens;
    asg_nusd_t              left;
    ngx_uint_t              had;
    ngx_http_asgard_call_t  saved;

    left = over->limit_nusd - over->spent_nusd - over->held_nusd;

    if (!ctx->project->fits || ctx->call.further || over->unlimited
        || left <= 0 || ctx->call.output_bound == 0)
    {
        return NGX_DECLINED;
    }

    saved = ctx->call;
    had = ctx->parsed->has_max_tokens;
    given = ctx->parsed->max_tokens;

    /* a model may take fewer than were given, and the bound has all answers */

    above = had ? ngx_min(given, saved.output_bound) : saved.output_bound;
    tokens = ngx_http_asgard_fit_tokens(ctx, left, above);

    if (tokens > 0 && ngx_http_asgard_fit_holds(ctx, tokens, left)) {
        /* its words were counted with another number among them */
        ctx->translatable = NULL;
        ctx->call.fitted = tokens;
        ctx->call.unsaid |= !had;
        return NGX_OK;
    }

    ctx->call = saved;
    ctx->parsed->has_max_tokens = had;
    ctx->parsed->max_tokens = given;
    return NGX_DECLINED;
}


ngx_int_t
ngx_http_asgard_fit_header(ngx_http_request_t *r, ngx_http_asgard_ctx_t *ctx,
    ngx_http_asgard_limits_push_pt push)
{
    u_char  *p;

    /* refused all the same: nothing was asked for */

    if (ctx->call.fitted == 0 || ctx->call.over) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return push(r, ctx, "x-asgard-max-tokens", p,
                ngx_sprintf(p, "%L", ctx->call.fitted) - p);
}
