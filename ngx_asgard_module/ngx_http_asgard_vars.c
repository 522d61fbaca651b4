
/*
 * The variables: one table, one getter.
 */

#include "ngx_http_asgard_vars.h"

#include "ngx_http_asgard_candidate.h"
#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_snapshot.h"


#define NGX_HTTP_ASGARD_VAR_TEXT  32


typedef enum {
    NGX_HTTP_ASGARD_VAR_TRACE_ID = 0,
    NGX_HTTP_ASGARD_VAR_VERDICT,
    NGX_HTTP_ASGARD_VAR_PROJECT,
    NGX_HTTP_ASGARD_VAR_KEY_PREFIX,
    NGX_HTTP_ASGARD_VAR_MODEL,
    NGX_HTTP_ASGARD_VAR_ENDPOINT,
    NGX_HTTP_ASGARD_VAR_COST,
    NGX_HTTP_ASGARD_VAR_PROMPT_TOKENS,
    NGX_HTTP_ASGARD_VAR_COMPLETION_TOKENS,
    NGX_HTTP_ASGARD_VAR_HOLD,
    NGX_HTTP_ASGARD_VAR_POD
} ngx_http_asgard_var_e;


static ngx_int_t ngx_http_asgard_vars_get(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_variable_t  ngx_http_asgard_vars[] = {

    { ngx_string("asgard_trace_id"), NULL, ngx_http_asgard_vars_get,
      NGX_HTTP_ASGARD_VAR_TRACE_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("asgard_verdict"), NULL, ngx_http_asgard_vars_get,
      NGX_HTTP_ASGARD_VAR_VERDICT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("asgard_project"), NULL, ngx_http_asgard_vars_get,
      NGX_HTTP_ASGARD_VAR_PROJECT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("asgard_key_prefix"), NULL, ngx_http_asgard_vars_get,
      NGX_HTTP_ASGARD_VAR_KEY_PREFIX, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("asgard_model"), NULL, ngx_http_asgard_vars_get,
      NGX_HTTP_ASGARD_VAR_MODEL, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("asgard_endpoint"), NULL, ngx_http_asgard_vars_get,
      NGX_HTTP_ASGARD_VAR_ENDPOINT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("asgard_cost"), NULL, ngx_http_asgard_vars_get,
      NGX_HTTP_ASGARD_VAR_COST, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("asgard_prompt_tokens"), NULL, ngx_http_asgard_vars_get,
      NGX_HTTP_ASGARD_VAR_PROMPT_TOKENS, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("asgard_completion_tokens"), NULL, ngx_http_asgard_vars_get,
      NGX_HTTP_ASGARD_VAR_COMPLETION_TOKENS, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("asgard_hold"), NULL, ngx_http_asgard_vars_get,
      NGX_HTTP_ASGARD_VAR_HOLD, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("asgard_pod"), NULL, ngx_http_asgard_vars_get,
      NGX_HTTP_ASGARD_VAR_POD, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_asgard_vars_add(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_asgard_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static asg_str_t
ngx_http_asgard_vars_call(ngx_http_asgard_ctx_t *ctx, uintptr_t data,
    char text[NGX_HTTP_ASGARD_VAR_TEXT])
{
    asg_buf_t                out;
    ngx_http_asgard_call_t  *call = &ctx->call;

    asg_buf_init(&out, text, NGX_HTTP_ASGARD_VAR_TEXT);

    if (data == NGX_HTTP_ASGARD_VAR_HOLD) {
        return (asg_str_t) { (const char *) call->hold, call->hold_len };
    }

    if (!call->finalised) {
        return ASG_STR_NULL;
    }

    if (data == NGX_HTTP_ASGARD_VAR_COST) {
        return (asg_str_t) { text, asg_money_format(call->cost_nusd, text) };
    }

    if (!call->measured) {
        return ASG_STR_NULL;
    }

    asg_buf_i64(&out, data == NGX_HTTP_ASGARD_VAR_PROMPT_TOKENS
                      ? call->tokens.prompt : call->tokens.completion);

    return asg_buf_view(&out);
}


/* What served within the endpoint, as the last attempt's answer says. */

static asg_str_t
ngx_http_asgard_vars_pod(ngx_http_asgard_ctx_t *ctx)
{
    asg_str_t  pod;

    if (ctx->attempt == NULL) {
        return ASG_STR_NULL;
    }

    pod.data = (const char *) ctx->attempt->response.pod;
    pod.len = ctx->attempt->response.pod_len;

    return asg_leak_clears_id(ngx_http_asgard_candidate_leak(ctx->attempt),
                              pod)
           ? pod : ASG_STR_NULL;
}


static asg_str_t
ngx_http_asgard_vars_text(ngx_http_asgard_ctx_t *ctx, uintptr_t data,
    char text[NGX_HTTP_ASGARD_VAR_TEXT])
{
    const asg_catalog_t  *catalog;

    switch (data) {

    case NGX_HTTP_ASGARD_VAR_TRACE_ID:
        return (asg_str_t) { (const char *) ctx->trace, ctx->trace_len };

    case NGX_HTTP_ASGARD_VAR_VERDICT:
        return asg_str_z(asg_reason_info(ctx->reason)->code);

    case NGX_HTTP_ASGARD_VAR_PROJECT:
        return asg_str_z(ctx->key->project_id);

    case NGX_HTTP_ASGARD_VAR_KEY_PREFIX:
        return asg_str_z(ctx->key->prefix);

    case NGX_HTTP_ASGARD_VAR_POD:
        return ngx_http_asgard_vars_pod(ctx);
    }

    if (data != NGX_HTTP_ASGARD_VAR_MODEL
        && data != NGX_HTTP_ASGARD_VAR_ENDPOINT)
    {
        return ngx_http_asgard_vars_call(ctx, data, text);
    }

    if (ctx->name == NULL) {
        return ASG_STR_NULL;
    }

    if (data == NGX_HTTP_ASGARD_VAR_MODEL) {
        return ctx->name->name;
    }

    if (ctx->attempt && ctx->attempt->endpoint) {
        return ctx->attempt->endpoint->id;
    }

    catalog = &ctx->snapshot->catalog;

    return catalog->endpoints[
                  catalog->models[ctx->name->candidates[0]].endpoint].id;
}


static ngx_int_t
ngx_http_asgard_vars_get(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    char                    text[NGX_HTTP_ASGARD_VAR_TEXT];
    asg_str_t               value;
    ngx_http_asgard_ctx_t  *ctx;

    ctx = ngx_http_asgard_ctx(r->main);

    value = ctx ? ngx_http_asgard_vars_text(ctx, data, text) : ASG_STR_NULL;

    if (value.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = ngx_pnalloc(r->pool, value.len);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(v->data, value.data, value.len);
    v->len = value.len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
