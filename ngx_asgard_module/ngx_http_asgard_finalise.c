
/*
 * The one end of a hold: what it cost, said to slot, witness, counters, Redis.
 */

#include "ngx_http_asgard_finalise.h"

#include "ngx_http_asgard_candidate.h"
#include "ngx_http_asgard_charge.h"
#include "ngx_http_asgard_detail.h"
#include "ngx_http_asgard_orphan.h"
#include "ngx_http_asgard_policy.h"
#include "ngx_http_asgard_settle.h"
#include "ngx_http_asgard_spool.h"
#include "ngx_http_asgard_tally.h"
#include "ngx_http_asgard_zone.h"


void
ngx_http_asgard_call_sent(ngx_http_asgard_ctx_t *ctx)
{
    asg_event_t              event;
    ngx_http_asgard_slot_t  *slot;

    slot = ctx->call.slot;
    if (slot == NULL || ctx->call.finalised) {
        return;
    }

    /* another candidate than the first: it is the one that counts now */
    if (ctx->attempt->index
        || ngx_memcmp(&slot->rates, &ctx->call.rates, sizeof(asg_rates_t)) != 0)
    {
        slot->rates = ctx->call.rates;
        ngx_http_asgard_detail_event(ctx, slot, NULL, &event);
        ngx_http_asgard_detail_write(slot, &event);
    }

    ngx_http_asgard_journal_move(slot, NGX_HTTP_ASGARD_SLOT_SENT);
}


/* Into the place that is not shown: a worker that dies here leaves the last. */
static void
ngx_http_asgard_finalise_said(ngx_http_asgard_slot_t *slot,
    const asg_usage_t *usage)
{
    ngx_uint_t  next;

    if (usage == NULL || usage->verdict != ASG_USAGE_GOOD) {
        return;
    }

    next = (slot->said == 1) ? 2 : 1;
    slot->tokens[next - 1] = usage->tokens;
    ngx_memory_barrier();
    slot->said = next;
}


void
ngx_http_asgard_call_bytes(ngx_http_asgard_ctx_t *ctx, uint64_t content_bytes,
    const asg_usage_t *usage)
{
    ngx_http_asgard_slot_t  *slot;

    slot = ctx->call.slot;
    if (slot == NULL || ctx->call.finalised) {
        return;
    }

    slot->content_bytes = content_bytes;
    slot->answered = 1;

    ngx_http_asgard_finalise_said(slot, usage);
}


/* Good usage with a price: the cost as measured, above the hold too. */
static ngx_int_t
ngx_http_asgard_finalise_measure(ngx_http_asgard_call_t *call,
    const asg_usage_t *usage, const asg_rates_t *rates)
{
    if (usage == NULL || usage->verdict != ASG_USAGE_GOOD
        || asg_price_cost(rates, &usage->tokens, &call->cost_nusd) != ASG_OK)
    {
        return NGX_DECLINED;
    }

    call->tokens = usage->tokens;
    call->measured = 1;
    call->slot->tokens_used = (int64_t) usage->tokens.prompt
                              + usage->tokens.completion;

    return NGX_OK;
}


static void
ngx_http_asgard_finalise_estimate(ngx_http_asgard_call_t *call,
    const ngx_http_asgard_end_t *end)
{
    if (end->usage) {
        call->slot->content_bytes = end->usage->content_bytes;
        ngx_http_asgard_finalise_said(call->slot, end->usage);
    }

    if (end->outcome == NGX_HTTP_ASGARD_MEASURED) {
        call->flags |= end->usage == NULL
                       || end->usage->verdict == ASG_USAGE_NONE
                       ? ASG_FLAG_NO_USAGE : ASG_FLAG_BAD_USAGE;
    }

    call->outcome = NGX_HTTP_ASGARD_ESTIMATED;
    call->flags |= ASG_FLAG_ESTIMATED;
    call->cost_nusd = ngx_http_asgard_orphan_estimate(call->slot);

    /* more than the call can have used: a lie, or more than its bound */

    if (end->usage && end->usage->above) {
        call->cost_nusd = ngx_max(call->cost_nusd, call->hold_nusd);
    }
}


/* Outcome, cost, tokens and flags of ctx->call; returns the verb. */
static u_char
ngx_http_asgard_finalise_decide(ngx_http_asgard_ctx_t *ctx,
    const ngx_http_asgard_end_t *end)
{
    const asg_rates_t         *rates;
    ngx_http_asgard_call_t    *call;
    ngx_http_asgard_charge_t   charge;

    call = &ctx->call;
    rates = &call->rates;

    if (end->model) {
        ngx_http_asgard_charge(ctx, end->model, end->usage ? end->usage->tier
                                                : ASG_TIER_UNSAID, &charge);
        rates = &charge.card->rates;
    }

    call->outcome = end->outcome;
    call->flags = end->flags;
    call->slot->rates = *rates;

    switch (end->outcome) {

    case NGX_HTTP_ASGARD_VOID:
        return 'v';

    case NGX_HTTP_ASGARD_UNKNOWN:
        return 'x';

    case NGX_HTTP_ASGARD_MEASURED:
        if (ngx_http_asgard_finalise_measure(call, end->usage, rates)
            == NGX_OK)
        {
            return 's';
        }
        break;

    default:
        break;
    }

    ngx_http_asgard_finalise_estimate(call, end);
    return 'e';
}


/* Of a provider that cannot count, or lies: an operator must know. */
static void
ngx_http_asgard_finalise_doubt(ngx_http_asgard_ctx_t *ctx,
    const ngx_http_asgard_end_t *end)
{
    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_BAD_USAGE, 1);

    ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                  "asgard: endpoint \"%*s\" reported usage that cannot be "
                  "true, hold %*s is %s",
                  end->endpoint.len, end->endpoint.data,
                  (size_t) ctx->call.slot->hold_len, ctx->call.slot->hold,
                  end->usage && end->usage->above
                  ? "charged in full" : "settled by an estimate");
}


static void
ngx_http_asgard_finalise_count(ngx_http_asgard_call_t *call, u_char verb)
{
    ngx_http_asgard_count(verb == 's' ? NGX_HTTP_ASGARD_COUNT_SETTLED
                          : verb == 'e' ? NGX_HTTP_ASGARD_COUNT_ESTIMATED
                          : verb == 'v' ? NGX_HTTP_ASGARD_COUNT_VOIDED
                          : NGX_HTTP_ASGARD_COUNT_UNKNOWN, 1);

    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_COST_NUSD, call->cost_nusd);

    if (call->measured) {
        ngx_http_asgard_count_used(call->cost_nusd, call->hold_nusd);
        ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_PROMPT_TOKENS,
                              call->tokens.prompt);
        ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_COMPLETION_TOKENS,
                              call->tokens.completion);
    }
}


static asg_str_t
ngx_http_asgard_finalise_verdict(ngx_http_asgard_ctx_t *ctx, u_char verb)
{
    if (ctx->reason != ASG_REASON_NONE) {
        return asg_str_z(asg_reason_info(ctx->reason)->code);
    }

    return verb == 'v' ? ASG_STR("void")
           : verb == 'x' ? ASG_STR("unknown") : ASG_STR("ok");
}


void
ngx_http_asgard_finalise(ngx_http_asgard_ctx_t *ctx,
    const ngx_http_asgard_end_t *end)
{
    u_char                   verb;
    asg_event_t              event;
    ngx_http_asgard_slot_t  *slot;

    slot = ctx->call.slot;

    if (slot == NULL || ctx->call.finalised) {
        return;
    }

    ctx->call.finalised = 1;
    slot->ctx = NULL;

    verb = ngx_http_asgard_finalise_decide(ctx, end);

    if (ctx->call.cost_nusd > ctx->call.hold_nusd) {
        ctx->call.flags |= ASG_FLAG_OVERSHOOT;
        ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_OVERSHOOT, 1);
    }

    if (ctx->call.flags & ASG_FLAG_BAD_USAGE) {
        ngx_http_asgard_finalise_doubt(ctx, end);
    }

    ngx_http_asgard_detail_event(ctx, slot, end, &event);
    ngx_http_asgard_detail_write(slot, &event);
    ngx_http_asgard_finalise_count(&ctx->call, verb);

    if (end->model && verb != 'v') {
        ngx_http_asgard_tally(end->model, ctx->call.cost_nusd,
                              end->fallback);
    }

    /* before Redis is told: what the ledger has, the witness had before it */

    ngx_http_asgard_spool_call(slot, &event, verb,
                               verb == 'x' ? slot->held_nusd
                                           : ctx->call.cost_nusd,
                               ngx_http_asgard_finalise_verdict(ctx, verb));

    if (verb == 'x') {
        /* the hold expires, and is charged in full */
        ngx_http_asgard_settle_leave(slot);

    } else {
        ngx_http_asgard_settle_end(slot, verb, ctx->call.cost_nusd);
    }
}
