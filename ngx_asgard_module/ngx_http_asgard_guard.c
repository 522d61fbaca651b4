
/*
 * The guardrails of a call.
 */

#include "ngx_http_asgard_guard.h"

#include "ngx_http_asgard_body.h"
#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_error.h"
#include "ngx_http_asgard_policy.h"
#include "ngx_http_asgard_zone.h"


static ngx_int_t ngx_http_asgard_guard_redact(ngx_http_asgard_ctx_t *ctx);


static asg_guard_t  *ngx_http_asgard_guard_worker;


ngx_int_t
ngx_http_asgard_guard_init(ngx_cycle_t *cycle)
{
    ngx_http_asgard_guard_worker = ngx_pcalloc(cycle->pool,
                                               sizeof(asg_guard_t));

    return ngx_http_asgard_guard_worker ? NGX_OK : NGX_ERROR;
}


/* RULE=ACTION */

static ngx_int_t
ngx_http_asgard_guard_set_rule(asg_action_t *actions, ngx_str_t *value)
{
    u_char        *last, *p;
    asg_rule_t     rule;
    asg_action_t   action;

    last = value->data + value->len;
    p = ngx_strlchr(value->data, last, '=');

    if (p == NULL
        || asg_rule_parse((asg_str_t) { (const char *) value->data,
                                        p - value->data }, &rule) != ASG_OK
        || asg_action_parse((asg_str_t) { (const char *) p + 1,
                                          last - p - 1 }, &action) != ASG_OK)
    {
        return NGX_ERROR;
    }

    actions[rule] = action;

    return NGX_OK;
}


static char *
ngx_http_asgard_guard_set_rules(ngx_conf_t *cf, asg_action_t *actions,
    ngx_uint_t first)
{
    ngx_uint_t   i;
    ngx_str_t   *value;

    value = cf->args->elts;

    for (i = first; i < cf->args->nelts; i++) {
        if (ngx_http_asgard_guard_set_rule(actions, &value[i]) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "asgard: \"%V\" is no guardrail with its "
                               "action: block, redact, flag or allow",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_asgard_guard_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_asgard_main_conf_t *amcf = conf;

    ngx_str_t         *value;
    asg_guard_mode_t   mode;

    if (amcf->guard_mode != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (asg_guard_mode_parse(ngx_http_asgard_str(&value[1]), &mode) != ASG_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "asgard: \"%V\" is no mode of guardrails: enforce, "
                           "monitor or off", &value[1]);
        return NGX_CONF_ERROR;
    }

    amcf->guard_mode = mode;

    return ngx_http_asgard_guard_set_rules(cf, amcf->guard_actions, 2);
}


char *
ngx_http_asgard_guard_set_answers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_asgard_main_conf_t *amcf = conf;

    if (amcf->guard_answers_set) {
        return "is duplicate";
    }

    amcf->guard_answers_set = 1;

    return ngx_http_asgard_guard_set_rules(cf, amcf->guard_answers, 1);
}


const asg_guard_set_t *
ngx_http_asgard_guard_set_of(ngx_http_asgard_ctx_t *ctx)
{
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_asgard_module);

    return amcf->guard_set;
}


asg_guard_mode_t
ngx_http_asgard_guard_mode(ngx_http_asgard_ctx_t *ctx)
{
    ngx_http_asgard_main_conf_t  *amcf;

    if (ctx->project && ctx->project->guard_mode != ASG_GUARD_UNSAID) {
        return ctx->project->guard_mode;
    }

    amcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_asgard_module);

    return (asg_guard_mode_t) amcf->guard_mode;
}


ngx_http_asgard_guard_t *
ngx_http_asgard_guard_of(ngx_http_asgard_ctx_t *ctx)
{
    if (ctx->guard) {
        return ctx->guard;
    }

    ctx->guard = ngx_pcalloc(ctx->request->pool,
                             sizeof(ngx_http_asgard_guard_t));

    if (ctx->guard) {
        ctx->guard->mode = ngx_http_asgard_guard_mode(ctx);
        ctx->guard->blocked = ASG_RULE_MAX;
    }

    return ctx->guard;
}


asg_guard_t *
ngx_http_asgard_guard_begin(ngx_http_asgard_ctx_t *ctx)
{
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_asgard_module);

    if (ngx_http_asgard_guard_mode(ctx) == ASG_GUARD_OFF) {
        return NULL;
    }

    ngx_http_asgard_guard_worker->set = amcf->guard_set;
    asg_guard_begin(ngx_http_asgard_guard_worker, amcf->guard_actions);

    return ngx_http_asgard_guard_worker;
}


ngx_int_t
ngx_http_asgard_guard_texts(ngx_http_asgard_ctx_t *ctx, asg_buf_t *texts)
{
    ngx_int_t       rc;
    asg_guard_t    *guard = ngx_http_asgard_guard_worker;
    asg_request_t  *parsed;

    /* what was made of the first scan stays */

    parsed = ctx->parsed;
    ctx->parsed = ngx_palloc(ctx->request->pool, sizeof(asg_request_t));

    if (ctx->parsed == NULL) {
        ctx->parsed = parsed;
        return ngx_http_asgard_refuse(ctx, ASG_REASON_OVERLOADED, NULL);
    }

    guard->texts = texts;
    rc = ngx_http_asgard_body_scan_with(ctx, guard);
    guard->texts = NULL;
    ctx->parsed = parsed;

    return rc;
}


ngx_int_t
ngx_http_asgard_guard_keep(ngx_http_asgard_ctx_t *ctx)
{
    asg_guard_t                   *guard = ngx_http_asgard_guard_worker;
    ngx_http_asgard_guard_t       *found;
    ngx_http_asgard_guard_side_t  *side;

    if (asg_guard_action(guard) == ASG_ACTION_ALLOW) {
        return NGX_OK;
    }

    found = ngx_http_asgard_guard_of(ctx);
    if (found == NULL) {
        return NGX_ERROR;
    }

    side = &found->side[NGX_HTTP_ASGARD_GUARD_REQUEST];
    ngx_memcpy(side->matches, guard->matches, sizeof(side->matches));
    ngx_memcpy(side->actions, guard->actions, sizeof(side->actions));
    side->gave_up = guard->gave_up;

    if (asg_guard_action(guard) == ASG_ACTION_BLOCK) {
        found->blocked = asg_guard_rule(guard);
        found->blocked_in = NGX_HTTP_ASGARD_GUARD_REQUEST;
        ngx_memcpy(found->param, guard->first_at[found->blocked],
                   sizeof(found->param));
    }

    return NGX_OK;
}


/* What a rule asks for is done, or flagged alone. */

static void
ngx_http_asgard_guard_only_flag(ngx_http_asgard_guard_t *found)
{
    found->blocked = ASG_RULE_MAX;
    asg_guard_actions_monitor(
        found->side[NGX_HTTP_ASGARD_GUARD_REQUEST].actions);
}


void
ngx_http_asgard_guard_count(ngx_http_asgard_ctx_t *ctx, ngx_uint_t in)
{
    ngx_uint_t                     i;
    ngx_http_asgard_guard_side_t  *side;

    side = &ctx->guard->side[in];

    for (i = 0; i < ASG_RULE_MAX; i++) {
        if (side->matches[i]) {
            ngx_http_asgard_count_guard(in, ngx_http_asgard_guard_set_of(ctx),
                                        (asg_rule_t) i, side->actions[i]);
        }
    }
}


static ngx_uint_t
ngx_http_asgard_guard_redacts(ngx_http_asgard_guard_side_t *side)
{
    ngx_uint_t  i;

    for (i = 0; i < ASG_RULE_MAX; i++) {
        if (side->matches[i] && side->actions[i] == ASG_ACTION_REDACT) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_asgard_guard_refuse(ngx_http_asgard_ctx_t *ctx)
{
    ngx_str_t  param;

    param.data = (u_char *) ctx->guard->param;
    param.len = ngx_strlen(ctx->guard->param);

    return ngx_http_asgard_refuse(ctx, ASG_REASON_GUARDRAIL_BLOCKED, &param);
}


ngx_int_t
ngx_http_asgard_guard(ngx_http_asgard_ctx_t *ctx)
{
    ngx_int_t                 rc;
    ngx_http_asgard_guard_t  *found = ctx->guard;

    if (found == NULL) {
        return NGX_OK;
    }

    rc = NGX_OK;

    if (found->mode == ASG_GUARD_MONITOR) {
        ngx_http_asgard_guard_only_flag(found);

    } else if (found->blocked != ASG_RULE_MAX) {
        rc = ngx_http_asgard_guard_refuse(ctx);

    } else if (ngx_http_asgard_guard_redacts(
                               &found->side[NGX_HTTP_ASGARD_GUARD_REQUEST])) {
        rc = ngx_http_asgard_guard_redact(ctx);
    }

    ngx_http_asgard_guard_count(ctx, NGX_HTTP_ASGARD_GUARD_REQUEST);

    return rc;
}


/* A rule whose matches were all in text that must stay as it is has redacted
 * nothing. */

static void
ngx_http_asgard_guard_redacted(ngx_http_asgard_guard_side_t *side,
    asg_guard_t *guard)
{
    ngx_uint_t  i;

    for (i = 0; i < ASG_RULE_MAX; i++) {
        if (side->actions[i] == ASG_ACTION_REDACT && guard->redacted[i] == 0) {
            side->actions[i] = ASG_ACTION_FLAG;
        }
    }
}


/* The steps that have looked at the body look at the new one. */

static ngx_int_t
ngx_http_asgard_guard_redact(ngx_http_asgard_ctx_t *ctx)
{
    size_t        size;
    asg_buf_t     out;
    ngx_int_t     rc;
    ngx_str_t     body;
    asg_guard_t  *guard = ngx_http_asgard_guard_worker;

    ngx_http_asgard_guard_side_t  *side;

    side = &ctx->guard->side[NGX_HTTP_ASGARD_GUARD_REQUEST];

    asg_guard_begin(guard, side->actions);
    ngx_memcpy(guard->matches, side->matches, sizeof(guard->matches));
    size = ctx->body.len + asg_guard_growth(guard);

    rc = ngx_http_asgard_body_room_for(ctx, size, &body);
    if (rc != NGX_OK) {
        return rc;
    }

    asg_buf_init(&out, (char *) body.data, size);
    asg_guard_rewrite(guard, ngx_http_asgard_str(&ctx->body), &out);

    rc = ngx_http_asgard_body_scan_with(ctx, guard);
    if (rc != NGX_OK) {
        return rc;
    }

    asg_guard_rewrite_end(guard);

    if (!asg_buf_ok(&out)) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_INTERNAL, NULL);
    }

    if (asg_guard_action(guard) == ASG_ACTION_BLOCK) {
        /* the time for patterns ended this time */
        return ngx_http_asgard_guard_keep(ctx) == NGX_OK
               ? ngx_http_asgard_guard_refuse(ctx)
               : ngx_http_asgard_refuse(ctx, ASG_REASON_OVERLOADED, NULL);
    }

    ngx_http_asgard_guard_redacted(side, guard);

    body.len = out.len;
    ngx_http_asgard_body_replace(ctx, &body, size);
    ctx->translatable = NULL;

    rc = ngx_http_asgard_body_scan_with(ctx, NULL);

    if (rc == NGX_OK) {
        rc = ngx_http_asgard_policy_resolve(ctx);
    }

    return rc == NGX_OK ? ngx_http_asgard_policy_police(ctx) : rc;
}


/* Of a search that a limit ended it is that. */

static const char *
ngx_http_asgard_guard_category(ngx_http_asgard_ctx_t *ctx, ngx_uint_t in,
    asg_rule_t rule)
{
    return ctx->guard->side[in].lost
           || (ctx->guard->side[in].gave_up & asg_guard_bit(rule))
           ? ASG_GUARD_LIMIT
           : asg_guard_category(ngx_http_asgard_guard_set_of(ctx), rule);
}


void
ngx_http_asgard_guard_error(asg_buf_t *out, ngx_http_asgard_ctx_t *ctx)
{
    asg_rule_t  rule;

    rule = ctx->guard->blocked;

    if (rule == ASG_RULE_MAX) {
        asg_buf_z(out, ",\"rule_id\":");
        asg_buf_json(out, asg_str_z(ctx->guard->hook->rule));
        asg_buf_z(out, ",\"category\":");
        asg_buf_json(out, asg_str_z(ctx->guard->hook->category));
        return;
    }

    asg_buf_z(out, ",\"rule_id\":");
    asg_buf_json(out, asg_str_z(asg_guard_name(
                                    ngx_http_asgard_guard_set_of(ctx), rule)));
    asg_buf_z(out, ",\"category\":");
    asg_buf_json(out, asg_str_z(ngx_http_asgard_guard_category(ctx,
                                    ctx->guard->blocked_in, rule)));
}


/* Of the service that was asked. */

static void
ngx_http_asgard_guard_hook_verdict(asg_buf_t *out,
    const asg_hook_verdict_t *hook)
{
    asg_buf_z(out, "{\"rule_id\":");
    asg_buf_json(out, asg_str_z(hook->rule));
    asg_buf_z(out, ",\"category\":");
    asg_buf_json(out, asg_str_z(hook->category));
    asg_buf_z(out, ",\"action\":");
    asg_buf_json(out, asg_str_z(asg_action_name(hook->action)));
    asg_buf_z(out, ",\"matches\":1}");
}


static void
ngx_http_asgard_guard_hook_text(asg_buf_t *out, const asg_hook_verdict_t *hook)
{
    asg_buf_z(out, "q:");
    asg_buf_z(out, hook->rule);
    asg_buf_z(out, ":");
    asg_buf_z(out, hook->category);
    asg_buf_z(out, ":");
    asg_buf_z(out, asg_action_name(hook->action));
    asg_buf_z(out, ":1");
}


static void
ngx_http_asgard_guard_verdict(asg_buf_t *out, ngx_http_asgard_ctx_t *ctx,
    ngx_uint_t in, asg_rule_t rule)
{
    ngx_http_asgard_guard_side_t  *side;

    side = &ctx->guard->side[in];

    asg_buf_z(out, "{\"rule_id\":");
    asg_buf_json(out, asg_str_z(asg_guard_name(
                                    ngx_http_asgard_guard_set_of(ctx), rule)));
    asg_buf_z(out, ",\"category\":");
    asg_buf_json(out, asg_str_z(ngx_http_asgard_guard_category(ctx, in,
                                                               rule)));
    asg_buf_z(out, ",\"action\":");
    asg_buf_json(out, asg_str_z(asg_action_name(side->actions[rule])));
    asg_buf_z(out, ",\"matches\":");
    asg_buf_u64(out, side->matches[rule]);
}


void
ngx_http_asgard_guard_verdicts(asg_buf_t *out, ngx_http_asgard_ctx_t *ctx)
{
    ngx_uint_t                     in, i;
    const char                    *before;
    ngx_http_asgard_guard_side_t  *side;

    if (ctx->guard == NULL) {
        return;
    }

    before = "";

    if (ctx->guard->hook) {
        ngx_http_asgard_guard_hook_verdict(out, ctx->guard->hook);
        before = ",";
    }

    for (in = 0; in < NGX_HTTP_ASGARD_GUARD_SIDES; in++) {
        side = &ctx->guard->side[in];

        for (i = 0; i < ASG_RULE_MAX; i++) {
            if (side->matches[i] == 0) {
                continue;
            }

            asg_buf_z(out, before);
            ngx_http_asgard_guard_verdict(out, ctx, in, (asg_rule_t) i);
            asg_buf_z(out, in == NGX_HTTP_ASGARD_GUARD_ANSWER
                           ? ",\"in\":\"answer\"}" : "}");
            before = ",";
        }
    }
}


/* The gravest first; what does not fit is left out. */

static void
ngx_http_asgard_guard_text_of(asg_buf_t *out, ngx_http_asgard_ctx_t *ctx,
    ngx_uint_t in, asg_action_t action)
{
    size_t                         len;
    ngx_uint_t                     i;
    ngx_http_asgard_guard_side_t  *side;

    side = &ctx->guard->side[in];

    for (i = 0; i < ASG_RULE_MAX; i++) {
        if (side->matches[i] == 0 || side->actions[i] != action) {
            continue;
        }

        len = out->len;
        asg_buf_z(out, len ? "," : "");
        asg_buf_z(out, in == NGX_HTTP_ASGARD_GUARD_ANSWER ? "a:" : "q:");
        asg_buf_z(out, asg_guard_name(ngx_http_asgard_guard_set_of(ctx),
                                      (asg_rule_t) i));
        asg_buf_z(out, ":");
        asg_buf_z(out, ngx_http_asgard_guard_category(ctx, in,
                                                      (asg_rule_t) i));
        asg_buf_z(out, ":");
        asg_buf_z(out, asg_action_name(action));
        asg_buf_z(out, ":");
        asg_buf_u64(out, side->matches[i]);

        if (!asg_buf_ok(out)) {
            out->len = len;
            return;
        }
    }
}


asg_str_t
ngx_http_asgard_guard_text(ngx_http_asgard_ctx_t *ctx)
{
    asg_buf_t   out;
    ngx_int_t   action;

    if (ctx->guard == NULL) {
        return ASG_STR_NULL;
    }

    asg_buf_init(&out, ctx->guard->said, ASG_EVENT_VERDICTS);

    if (ctx->guard->hook) {
        ngx_http_asgard_guard_hook_text(&out, ctx->guard->hook);
    }

    for (action = ASG_ACTION_BLOCK; action > ASG_ACTION_ALLOW; action--) {
        ngx_http_asgard_guard_text_of(&out, ctx, NGX_HTTP_ASGARD_GUARD_REQUEST,
                                      (asg_action_t) action);
        ngx_http_asgard_guard_text_of(&out, ctx, NGX_HTTP_ASGARD_GUARD_ANSWER,
                                      (asg_action_t) action);
    }

    return out.len ? (asg_str_t) { out.data, out.len } : ASG_STR_NULL;
}
