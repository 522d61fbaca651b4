
/*
 * Resolve, police, and the bound of the hold.
 */

#include "ngx_http_asgard_policy.h"

#include "ngx_http_asgard_anthropic.h"
#include "ngx_http_asgard_charge.h"
#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_echo.h"
#include "ngx_http_asgard_error.h"
#include "ngx_http_asgard_limits.h"
#include "ngx_http_asgard_order.h"
#include "ngx_http_asgard_snapshot.h"


#define NGX_HTTP_ASGARD_MAX_TOKENS  4096    /* when a model states nothing */


static ngx_int_t ngx_http_asgard_policy_refuse(ngx_http_asgard_ctx_t *ctx,
    asg_reason_t reason, const char *param);


static const asg_model_t *
ngx_http_asgard_policy_model(ngx_http_asgard_ctx_t *ctx, ngx_uint_t i)
{
    return &ctx->snapshot->catalog.models[ctx->name->candidates[i]];
}


const asg_card_t *
ngx_http_asgard_policy_card(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model)
{
    ngx_http_asgard_charge_t  charge;

    ngx_http_asgard_charge(ctx, model, ASG_TIER_UNSAID, &charge);

    return charge.card;
}


/* By the model's ref, by the name that it has for all, or by the name that key
 * or project have for it. */

static ngx_uint_t
ngx_http_asgard_policy_key_may(ngx_http_asgard_ctx_t *ctx,
    const asg_public_name_t *name, const asg_model_t *model)
{
    return ctx->key->all_models
           || asg_record_allows(ctx->key, model->ref, name->name)
           || (ctx->asked.len
               && asg_record_allows(ctx->key, model->ref,
                                    ngx_http_asgard_str(&ctx->asked)));
}


ngx_uint_t
ngx_http_asgard_policy_grants(ngx_http_asgard_ctx_t *ctx,
    const asg_public_name_t *name)
{
    unsigned        i;
    asg_catalog_t  *catalog;

    catalog = &ctx->snapshot->catalog;

    for (i = 0; i < name->ncandidates; i++) {
        if (ngx_http_asgard_policy_key_may(ctx, name,
                                      &catalog->models[name->candidates[i]]))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_asgard_policy_serves(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model)
{
    return model->path[ctx->route].len != 0;
}


static ngx_uint_t
ngx_http_asgard_policy_cleared(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model)
{
    return (model->data_classes >> ngx_http_asgard_policy_class(ctx)) & 1;
}


/* The first part of the body that this model has no bound for; nothing needs
 * one where nothing is charged. */

static asg_part_t
ngx_http_asgard_policy_unbound(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model)
{
    if (ctx->route == NGX_HTTP_ASGARD_ROUTE_COUNT_TOKENS) {
        return ASG_PART_NONE;
    }

    return asg_price_unbound(ngx_http_asgard_policy_card(ctx, model),
                             &ctx->parsed->parts);
}


/* The first field of the body that this model does not take; null: none. */

static asg_str_t
ngx_http_asgard_policy_unknown(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model)
{
    return asg_request_first_unknown(ctx->parsed, model->allow,
                                     model->nallow);
}


/* What this model may say at most leaves room for the thoughts that were asked
 * for, and for an answer. */

static ngx_uint_t
ngx_http_asgard_policy_thinks(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model)
{
    return ctx->parsed->thinking_tokens == 0
           || ctx->route == NGX_HTTP_ASGARD_ROUTE_COUNT_TOKENS
           || ctx->parsed->thinking_tokens
              < ngx_http_asgard_policy_output(ctx, model);
}


ngx_uint_t
ngx_http_asgard_policy_allows(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model)
{
    return ngx_http_asgard_policy_key_may(ctx, ctx->name, model)
           && ngx_http_asgard_policy_serves(ctx, model)
           && ngx_http_asgard_policy_cleared(ctx, model)
           && ngx_http_asgard_policy_unknown(ctx, model).data == NULL
           && ngx_http_asgard_charge_takes(ctx, model)
           && ngx_http_asgard_policy_thinks(ctx, model)
           && ngx_http_asgard_policy_unbound(ctx, model) == ASG_PART_NONE
           && ngx_http_asgard_anthropic_takes(ctx, model, NULL);
}


/* What key and project mean by a name of their own, else the name as it stands,
 * or, for the echo, without its options. */

static const asg_public_name_t *
ngx_http_asgard_policy_find(ngx_http_asgard_ctx_t *ctx)
{
    asg_str_t                 asked, base, own;
    asg_catalog_t            *catalog;
    const asg_model_t        *model;
    const asg_public_name_t  *name;

    catalog = &ctx->snapshot->catalog;
    asked = ctx->parsed->model;

    own = asg_record_alias(ctx->key, ctx->project, asked);
    if (own.data) {
        return asg_catalog_find(catalog, own);
    }

    name = asg_catalog_find(catalog, asked);
    if (name) {
        return name;
    }

    base = asg_catalog_base_name(asked);

    if (base.len == asked.len) {
        return NULL;
    }

    name = asg_catalog_find(catalog, base);
    if (name == NULL || name->ncandidates == 0) {
        return NULL;
    }

    model = &catalog->models[name->candidates[0]];

    return catalog->endpoints[model->endpoint].kind == ASG_KIND_ECHO ? name
                                                                     : NULL;
}


ngx_int_t
ngx_http_asgard_policy_resolve(ngx_http_asgard_ctx_t *ctx)
{
    ngx_http_asgard_echo_options_t  options;

    ctx->asked.data = (u_char *) ctx->parsed->model.data;
    ctx->asked.len = ctx->parsed->model.len;

    ctx->name = ngx_http_asgard_policy_find(ctx);

    /* unknown and not granted are one answer: nobody learns what exists */

    if (ctx->name == NULL
        || !ngx_http_asgard_policy_grants(ctx, ctx->name))
    {
        ctx->name = NULL;
        return ngx_http_asgard_policy_refuse(ctx, ASG_REASON_MODEL_NOT_FOUND,
                                             "model");
    }

    if (!asg_str_eq(ctx->name->name, ctx->parsed->model)
        && asg_record_alias(ctx->key, ctx->project,
                            ctx->parsed->model).data == NULL
        && ngx_http_asgard_echo_options(&ctx->asked, &options) != NGX_OK)
    {
        return ngx_http_asgard_policy_refuse(ctx, ASG_REASON_INVALID_VALUE,
                                             "model");
    }

    return NGX_OK;
}


/* What the call says of its data can only narrow: the strictest word counts. */

asg_data_class_t
ngx_http_asgard_policy_class(ngx_http_asgard_ctx_t *ctx)
{
    asg_data_class_t  asked, strictest;

    strictest = ngx_max(ctx->project->data_class, ctx->header_class);

    if (ctx->parsed && ctx->parsed->data_class.data
        && asg_data_class_parse(ctx->parsed->data_class, &asked) == ASG_OK)
    {
        strictest = ngx_max(strictest, asked);
    }

    return strictest;
}


static ngx_int_t
ngx_http_asgard_policy_header(ngx_http_asgard_ctx_t *ctx)
{
    ngx_str_t         *value;
    asg_data_class_t   asked;

    static const char  name[] = "x-asgard-data-class";

    value = NULL;

    while ((value = ngx_http_asgard_header_next(ctx->request, name, value))) {
        if (asg_data_class_parse(ngx_http_asgard_str(value), &asked)
            != ASG_OK)
        {
            return ngx_http_asgard_policy_refuse(ctx, ASG_REASON_INVALID_VALUE,
                                                 name);
        }

        ctx->header_class = ngx_max(ctx->header_class, asked);
    }

    return NGX_OK;
}


void
ngx_http_asgard_policy_error(asg_buf_t *out, ngx_http_asgard_ctx_t *ctx)
{
    if (ctx->rule) {
        asg_buf_z(out, ",\"rule_id\":");
        asg_buf_json(out, asg_str_z(ctx->rule));
        return;
    }

    asg_buf_z(out, ",\"rule_id\":\"data-class\",\"data_class\":");
    asg_buf_json(out, asg_str_z(asg_data_class_name(
                                      ngx_http_asgard_policy_class(ctx))));
}


/* Of a model that is cleared: a field that it does not take, else a tier that
 * it has no price for, else more thoughts than it may say, else a part that it
 * has no bound for, else what cannot be said to it. */

static ngx_int_t
ngx_http_asgard_policy_blame_body(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model)
{
    asg_str_t      field;
    ngx_str_t      param;
    asg_part_t     part;
    asg_refusal_t  why;

    field = ngx_http_asgard_policy_unknown(ctx, model);

    if (field.data) {
        param.data = (u_char *) field.data;
        param.len = field.len;
        return ngx_http_asgard_refuse(ctx, ASG_REASON_UNKNOWN_FIELD, &param);
    }

    if (!ngx_http_asgard_charge_takes(ctx, model)) {
        return ngx_http_asgard_policy_refuse(ctx, ASG_REASON_INVALID_VALUE,
                                             "service_tier");
    }

    if (!ngx_http_asgard_policy_thinks(ctx, model)) {
        return ngx_http_asgard_policy_refuse(ctx, ASG_REASON_INVALID_VALUE,
                                             "thinking.budget_tokens");
    }

    part = ngx_http_asgard_policy_unbound(ctx, model);

    if (part == ASG_PART_NONE) {

        if (ngx_http_asgard_anthropic_takes(ctx, model, &why)) {
            return ngx_http_asgard_refuse(ctx, ASG_REASON_INTERNAL, NULL);
        }

        return ngx_http_asgard_policy_refuse(ctx, why.reason, why.param);
    }

    return ngx_http_asgard_policy_refuse(ctx, ASG_REASON_UNBOUND_CONTENT,
                                         ctx->parsed->first_at[part]);
}


/* Why no candidate is eligible: the reason of the one that came furthest. */

static ngx_int_t
ngx_http_asgard_policy_blame(ngx_http_asgard_ctx_t *ctx)
{
    ngx_uint_t          i;
    asg_reason_t        reason;
    const asg_model_t  *model;

    reason = ASG_REASON_API_NOT_SUPPORTED;

    for (i = 0; i < ngx_http_asgard_order_reach(ctx); i++) {
        model = ngx_http_asgard_policy_model(ctx, i);

        if (!ngx_http_asgard_policy_key_may(ctx, ctx->name, model)
            || !ngx_http_asgard_policy_serves(ctx, model))
        {
            continue;
        }

        reason = ASG_REASON_POLICY_DENIED;

        if (ngx_http_asgard_policy_cleared(ctx, model)) {
            return ngx_http_asgard_policy_blame_body(ctx, model);
        }
    }

    return ngx_http_asgard_policy_refuse(ctx, reason, "model");
}


ngx_int_t
ngx_http_asgard_policy_police(ngx_http_asgard_ctx_t *ctx)
{
    ngx_int_t         rc;
    ngx_uint_t        i;
    asg_data_class_t  asked;

    rc = ngx_http_asgard_policy_header(ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ctx->parsed->data_class.data
        && asg_data_class_parse(ctx->parsed->data_class, &asked) != ASG_OK)
    {
        return ngx_http_asgard_policy_refuse(ctx, ASG_REASON_INVALID_VALUE,
                                             "data_class");
    }

    for (i = 0; i < ngx_http_asgard_order_reach(ctx); i++) {
        if (ngx_http_asgard_policy_allows(ctx,
                                     ngx_http_asgard_policy_model(ctx, i)))
        {
            return NGX_OK;
        }
    }

    return ngx_http_asgard_policy_blame(ctx);
}


static ngx_int_t
ngx_http_asgard_policy_refuse(ngx_http_asgard_ctx_t *ctx, asg_reason_t reason,
    const char *param)
{
    ngx_str_t  s;

    s.data = (u_char *) param;
    s.len = ngx_strlen(param);

    return ngx_http_asgard_refuse(ctx, reason, &s);
}


static int64_t
ngx_http_asgard_policy_estimate(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model, int64_t bound)
{
    return asg_price_prompt_estimate(ngx_http_asgard_policy_card(ctx, model),
                                     &ctx->parsed->parts, bound);
}


int64_t
ngx_http_asgard_policy_output(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model)
{
    int64_t  tokens;

    if (ctx->route == NGX_HTTP_ASGARD_ROUTE_EMBEDDINGS
        || ctx->route == NGX_HTTP_ASGARD_ROUTE_COUNT_TOKENS)
    {
        return 0;
    }

    if (ctx->parsed->has_max_tokens) {
        tokens = ctx->parsed->max_tokens;

    } else if (model->default_max_tokens > 0) {
        tokens = model->default_max_tokens;

    } else if (model->max_output_tokens > 0) {
        tokens = model->max_output_tokens;

    } else {
        tokens = NGX_HTTP_ASGARD_MAX_TOKENS;
    }

    if (!ctx->parsed->has_max_tokens) {
        tokens = ngx_http_asgard_limits_output(ctx, tokens,
                     ngx_http_asgard_policy_estimate(ctx, model,
                                                     ASG_TOKENS_MAX));
    }

    if (model->max_output_tokens > 0 && tokens > model->max_output_tokens) {
        tokens = model->max_output_tokens;
    }

    return tokens;
}


asg_err_t
ngx_http_asgard_policy_worst(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model, asg_bound_t *bound)
{
    return ngx_http_asgard_charge_bound(ctx, model,
                                    ngx_http_asgard_policy_output(ctx, model),
                                    bound);
}


uint64_t
ngx_http_asgard_policy_cost(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model)
{
    asg_bound_t  bound;

    return ngx_http_asgard_policy_worst(ctx, model, &bound) == ASG_OK
           ? (uint64_t) bound.hold_nusd : (uint64_t) -1;
}


asg_err_t
ngx_http_asgard_policy_bound(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model)
{
    asg_err_t                err;
    asg_bound_t              bound;
    ngx_http_asgard_call_t  *call = &ctx->call;

    err = ngx_http_asgard_policy_worst(ctx, model, &bound);

    if (err != ASG_OK) {
        return err;
    }

    call->hold_nusd = ngx_max(call->hold_nusd, bound.hold_nusd);
    call->prompt_bound = ngx_max(call->prompt_bound, bound.prompt);
    call->output_bound = ngx_max(call->output_bound, bound.output);
    call->prompt_estimate = ngx_max(call->prompt_estimate,
                                    ngx_http_asgard_policy_estimate(ctx, model,
                                                               bound.prompt));

    return ASG_OK;
}


ngx_int_t
ngx_http_asgard_policy_hold(ngx_http_asgard_ctx_t *ctx)
{
    asg_err_t           err;
    ngx_uint_t          i, n;
    const asg_model_t  *model;

    if (ctx->call.prompt_bound) {
        return NGX_OK;
    }

    n = 0;

    for (i = 0; i < ngx_http_asgard_order_reach(ctx); i++) {
        model = ngx_http_asgard_policy_model(ctx, i);

        if (!ngx_http_asgard_policy_allows(ctx, model)) {
            continue;
        }

        err = ngx_http_asgard_policy_bound(ctx, model);

        if (err != ASG_OK) {
            return ngx_http_asgard_policy_refuse(ctx,
                                                 ASG_REASON_INVALID_VALUE,
                                                 "max_tokens");
        }

        if (n++ == 0) {
            ctx->call.rates = ngx_http_asgard_policy_card(ctx, model)->rates;
        }
    }

    /* nobody may be asked: nothing is held for that */

    return n ? NGX_OK : ngx_http_asgard_policy_blame(ctx);
}
