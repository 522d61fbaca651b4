
/*
 * What the usage event says of a call.
 */

#include "ngx_http_asgard_alone.h"
#include "ngx_http_asgard_candidate.h"
#include "ngx_http_asgard_charge.h"
#include "ngx_http_asgard_detail.h"
#include "ngx_http_asgard_guard.h"
#include "ngx_http_asgard_policy.h"
#include "ngx_http_asgard_snapshot.h"


const asg_model_t *
ngx_http_asgard_detail_model(ngx_http_asgard_ctx_t *ctx)
{
    unsigned            i;
    const asg_model_t  *model;

    if (ctx->attempt && ctx->attempt->model) {
        return ctx->attempt->model;
    }

    for (i = 0; i < ctx->name->ncandidates; i++) {
        model = &ctx->snapshot->catalog.models[ctx->name->candidates[i]];

        if (model->path[(asg_api_t) ctx->route].len
            && ngx_http_asgard_policy_allows(ctx, model))
        {
            return model;
        }
    }

    return &ctx->snapshot->catalog.models[ctx->name->candidates[0]];
}


static void
ngx_http_asgard_detail_end(ngx_http_asgard_ctx_t *ctx,
    const ngx_http_asgard_end_t *end, asg_event_t *event)
{
    asg_tokens_t  *tokens;

    tokens = &ctx->call.tokens;

    event->settled = true;

    if (end->provider.data) {
        event->provider = end->provider;
        event->endpoint = end->endpoint;
    }

    event->upstream_id = end->upstream_id;
    event->status = end->status;
    event->flags = ctx->call.flags;
    event->latency_ms = ngx_current_msec - ctx->started;
    event->ttft_ms = ctx->first_byte
                     ? (int64_t) (ctx->first_byte - ctx->started) : -1;

    if (ctx->call.measured) {
        event->prompt = tokens->prompt;
        event->completion = tokens->completion;
        event->cached = tokens->cached;
        event->cache_write = tokens->cache_write;
        event->reasoning = tokens->reasoning;
        event->cache_write_1h = tokens->cache_write_1h;
        event->audio_in = tokens->audio_in;
        event->audio_out = tokens->audio_out;
    }
}


void
ngx_http_asgard_detail_event(ngx_http_asgard_ctx_t *ctx,
    ngx_http_asgard_slot_t *slot, const ngx_http_asgard_end_t *end,
    asg_event_t *event)
{
    const asg_model_t         *model;
    ngx_http_asgard_charge_t   charge;

    model = end && end->model ? end->model
                              : ngx_http_asgard_detail_model(ctx);

    ngx_http_asgard_charge(ctx, model, end && end->usage ? end->usage->tier
                                                         : ASG_TIER_UNSAID,
                           &charge);

    ngx_memzero(event, sizeof(asg_event_t));
    event->call = (asg_str_t) { (const char *) slot->hold, ctx->call.id_len };
    event->trace = (asg_str_t) { (const char *) ctx->trace, ctx->trace_len };
    event->project = asg_str_z(ctx->key->project_id);
    event->project_version = ctx->project->version;
    event->key = asg_str_z(ctx->key->key_id);
    event->prefix = asg_str_z(ctx->key->prefix);

    if (ctx->project->group[0]) {
        event->group = asg_str_z(ctx->project->group);
    }

    if (ctx->end_user[0]) {
        event->end_user = asg_str_z(ctx->end_user);
    }

    event->model = model->ref;
    event->provider = model->provider;
    event->endpoint = ctx->snapshot->catalog.endpoints[model->endpoint].id;
    event->requested = (asg_str_t) { (const char *) ctx->asked.data,
                                     ctx->asked.len };
    event->card = charge.id;
    event->card_version = charge.version;
    event->verdicts = ngx_http_asgard_guard_text(ctx);

    if (slot->fail_mode != NGX_HTTP_ASGARD_FAIL_CLOSED) {
        event->fail_mode = ngx_http_asgard_alone_name(slot->fail_mode);
    }

    event->prompt = -1;
    event->completion = -1;
    event->cached = -1;
    event->cache_write = -1;
    event->reasoning = -1;
    event->cache_write_1h = -1;
    event->audio_in = -1;
    event->audio_out = -1;
    event->status = -1;
    event->latency_ms = -1;
    event->ttft_ms = -1;

    if (end) {
        ngx_http_asgard_detail_end(ctx, end, event);
    }
}


void
ngx_http_asgard_detail_write(ngx_http_asgard_slot_t *slot, asg_event_t *event)
{
    asg_buf_t  out;

    /* empty while it changes: then Redis' own copy counts */
    slot->detail_len = 0;
    ngx_memory_barrier();

    asg_buf_init(&out, (char *) slot->detail, sizeof(slot->detail));

    if (asg_event_write(&out, event) != ASG_OK) {
        event->upstream_id = ASG_STR_NULL;
        event->requested = event->model;
        asg_buf_init(&out, (char *) slot->detail, sizeof(slot->detail));

        if (asg_event_write(&out, event) != ASG_OK) {
            event->verdicts = ASG_STR_NULL;
            asg_buf_init(&out, (char *) slot->detail, sizeof(slot->detail));
        }

        if (out.len == 0 && asg_event_write(&out, event) != ASG_OK) {
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                          "asgard: the detail of a call is too long");
            return;
        }
    }

    ngx_memory_barrier();
    slot->detail_len = (u_short) out.len;
}
