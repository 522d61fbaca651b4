
/*
 * Reserve: a slot of the journal, then Redis.
 *
 * The slot is what Redis' answer comes back to; a request that went away has
 * left it (slot->ctx is NULL) and the hold is given back.
 */

#include "ngx_http_asgard_script_args.h"
#include "ngx_http_asgard_alone.h"
#include "ngx_http_asgard_budgets.h"
#include "ngx_http_asgard_candidate.h"
#include "ngx_http_asgard_detail.h"
#include "ngx_http_asgard_doubt.h"
#include "ngx_http_asgard_fit.h"
#include "ngx_http_asgard_limits.h"
#include "ngx_http_asgard_redis_time.h"
#include "ngx_http_asgard_reserve.h"
#include "ngx_http_asgard_settle.h"
#include "ngx_http_asgard_share.h"
#include "ngx_http_asgard_spool.h"
#include "ngx_http_asgard_steps.h"


#define NGX_HTTP_ASGARD_RESERVE_TRIES  2
#define NGX_HTTP_ASGARD_RESERVE_FITS   8        /* the first one included */
#define NGX_HTTP_ASGARD_RESERVE_SAY    10       /* s between two lines */
#define NGX_HTTP_ASGARD_RESERVE_LATE   60       /* s, below the 600 of a void's
                                                 * marker */


static ngx_int_t ngx_http_asgard_reserve_send(ngx_http_asgard_slot_t *slot);
static ngx_int_t ngx_http_asgard_reserve_alone(ngx_http_asgard_ctx_t *ctx);


static void
ngx_http_asgard_reserve_unavailable(ngx_http_asgard_ctx_t *ctx)
{
    ctx->reason = ASG_REASON_BUDGET_UNAVAILABLE;

    if (ctx->call.further) {
        ngx_str_set(&ctx->message, "A provider did not answer and may be"
                    " charged, and the budget cannot be checked right now for"
                    " another one; a new call may cost twice.");
    }
}


/* The request waits among the steps, or parked between two attempts. */
static void
ngx_http_asgard_reserve_resume(ngx_http_asgard_ctx_t *ctx)
{
    if (ctx->attempt) {
        ngx_http_asgard_candidate_wake(ctx->attempt);

    } else {
        ngx_http_asgard_steps_resume(ctx);
    }
}


/* Lets go of the slot, which must not be open in Redis. */
static void
ngx_http_asgard_reserve_drop(ngx_http_asgard_slot_t *slot)
{
    if (slot->ctx) {
        slot->ctx->call.asked = NULL;
    }

    ngx_http_asgard_journal_move(slot, NGX_HTTP_ASGARD_SLOT_FREE);
}


/* Whether Redis did it is not known, or nobody wants it any more: the void
 * carries the same id and finds the hold, or keeps it from coming.  That id is
 * used up: whatever lets the call in now must have another one, or it would be
 * void too. */
static void
ngx_http_asgard_reserve_undo(ngx_http_asgard_slot_t *slot)
{
    ngx_http_asgard_call_t  *call;

    if (slot->ctx) {
        call = &slot->ctx->call;
        call->asked = NULL;
        call->further += call->further ? 1 : 0;
    }

    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_VOIDED, 1);
    ngx_http_asgard_spool_slot(slot, 'v', 0, ASG_STR("given_back"));
    ngx_http_asgard_settle_end(slot, 'v', 0);
}


static void
ngx_http_asgard_reserve_over(ngx_http_asgard_ctx_t *ctx,
    const asg_str_t *words, ngx_uint_t n)
{
    asg_reply_over_t         reply;
    ngx_http_asgard_over_t  *over;

    ctx->reason = ASG_REASON_BUDGET_EXCEEDED;

    over = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_asgard_over_t));
    if (over == NULL || asg_reply_over(words, n, &reply) != ASG_OK
        || reply.budget.len < 3 || reply.window.len >= sizeof(over->window)
        || ngx_http_asgard_budgets_whose(ctx, reply.budget, over) != NGX_OK)
    {
        return;
    }

    ngx_http_asgard_alone_over(reply.budget);
    ngx_memcpy(over->window, reply.window.data, reply.window.len);
    ngx_memcpy(over->zone, reply.zone.data, reply.zone.len);
    over->unlimited = reply.unlimited;
    over->limit_nusd = reply.limit_nusd;
    over->spent_nusd = reply.spent_nusd;
    over->held_nusd = reply.held_nusd;
    over->resets_at = reply.resets_at_s;
    ctx->call.over = over;
}


/* The call speaks of this hold from here, and of no result of an earlier. */
static void
ngx_http_asgard_reserve_enter(ngx_http_asgard_call_t *call,
    ngx_http_asgard_slot_t *slot)
{
    ngx_http_asgard_limits_passed(call);
    call->asked = NULL;
    call->slot = slot;
    call->hold_len = slot->hold_len;
    ngx_memcpy(call->hold, slot->hold, slot->hold_len);

    call->finalised = 0;
    call->cost_nusd = 0;
    call->measured = 0;
    call->flags = 0;

    if (call->further) {
        ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_FURTHER, 1);
    }
}


/* Worth another try: an epoch that was learned, or a clock of Redis that was
 * stepped since we looked at it, and we know that our words are not late. */
static ngx_uint_t
ngx_http_asgard_reserve_again(ngx_http_asgard_slot_t *slot,
    asg_verdict_t verdict, const asg_str_t *words, ngx_uint_t n)
{
    if (verdict == ASG_VERDICT_FENCE) {
        return ngx_http_asgard_args_learn(slot->part, slot->epoch, words, n)
               == NGX_OK;
    }

    if (verdict == ASG_VERDICT_CLOCK && ngx_http_asgard_redis_time()) {
        ngx_http_asgard_redis_time_forget();
        return 1;
    }

    return 0;
}


static ngx_int_t
ngx_http_asgard_reserve_held(ngx_http_asgard_slot_t *slot,
    const asg_str_t *words, ngx_uint_t n)
{
    asg_reply_hold_t              hold;
    ngx_http_asgard_ctx_t        *ctx;
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_asgard_module);

    if (asg_reply_hold(words, n, &hold) != ASG_OK
        || hold.pins.len > sizeof(slot->pins))
    {
        return NGX_ERROR;
    }

    ngx_memcpy(slot->pins, hold.pins.data, hold.pins.len);
    slot->pins_len = (u_short) hold.pins.len;
    ngx_http_asgard_alone_passed(slot);
    ngx_http_asgard_budgets_taken(slot);
    slot->expires = hold.expires_s;
    ngx_http_asgard_redis_time_learn(hold.expires_s - amcf->hold_ttl);
    slot->due = ngx_current_msec + ngx_http_asgard_settle_pause();
    slot->tries = 0;
    ngx_http_asgard_limits_granted(slot, words, n);

    ctx = slot->ctx;

    /* who was stopped meanwhile reads the answer of a Redis that has lost the
     * hold since: nobody could tell of it, and its room may be given away */
    if (ctx == NULL
        || slot->epoch < ngx_http_asgard_zone_epoch(slot->part))
    {
        return NGX_ERROR;
    }

    ngx_http_asgard_journal_move(slot, NGX_HTTP_ASGARD_SLOT_HELD);
    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_HELD_NUSD, slot->held_nusd);
    ngx_http_asgard_reserve_enter(&ctx->call, slot);
    return NGX_OK;
}


/* With fewer tokens it may fit, if its project wants that.  Of several windows
 * without room Redis names one. */
static ngx_int_t
ngx_http_asgard_reserve_fit(ngx_http_asgard_slot_t *slot,
    const asg_str_t *words, ngx_uint_t n)
{
    ngx_http_asgard_ctx_t  *ctx;

    ctx = slot->ctx;

    if (!ctx->project->fits || slot->tries >= NGX_HTTP_ASGARD_RESERVE_FITS) {
        return NGX_DECLINED;
    }

    ngx_http_asgard_reserve_over(ctx, words, n);

    if (ctx->call.over == NULL
        || ngx_http_asgard_fit(ctx, ctx->call.over) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    slot->held_nusd = ctx->call.hold_nusd;
    slot->output_bound = ctx->call.output_bound;

    if (ngx_http_asgard_reserve_send(slot) != NGX_OK) {
        return NGX_DECLINED;
    }

    ctx->reason = ASG_REASON_NONE;
    ctx->call.over = NULL;
    return NGX_OK;
}


/* Redis is not to be asked now of what it was asked of: it has lost it. */
static ngx_uint_t
ngx_http_asgard_reserve_is_lost(asg_verdict_t verdict)
{
    return verdict == ASG_VERDICT_FENCE || verdict == ASG_VERDICT_CLOSED
           || verdict == ASG_VERDICT_UNSEEDED;
}


/* A verdict that says: nothing was written. */
static void
ngx_http_asgard_reserve_verdict(ngx_http_asgard_slot_t *slot,
    asg_verdict_t verdict, const asg_str_t *words, ngx_uint_t n)
{
    ngx_http_asgard_ctx_t  *ctx;

    ctx = slot->ctx;

    if (ngx_http_asgard_reserve_again(slot, verdict, words, n)
        && slot->tries < NGX_HTTP_ASGARD_RESERVE_TRIES && ctx
        && ngx_http_asgard_reserve_send(slot) == NGX_OK)
    {
        return;
    }

    if (verdict == ASG_VERDICT_OVER && ctx
        && ngx_http_asgard_reserve_fit(slot, words, n) == NGX_OK)
    {
        return;
    }

    if (verdict == ASG_VERDICT_UNSEEDED) {
        ngx_http_asgard_doubt(slot->part);
    }

    ngx_http_asgard_reserve_drop(slot);

    if (ctx == NULL) {
        return;
    }

    if (verdict == ASG_VERDICT_OVER) {
        ngx_http_asgard_reserve_over(ctx, words, n);

    } else if (verdict == ASG_VERDICT_RATE) {
        ngx_http_asgard_limits_refused(ctx, words, n);

    } else {
        ngx_log_error(NGX_LOG_WARN, ctx->request->connection->log, 0,
                      "asgard: reserve: %s", asg_verdict_text(verdict));

        if (ngx_http_asgard_reserve_is_lost(verdict)) {
            (void) ngx_http_asgard_reserve_alone(ctx);

        } else {
            ngx_http_asgard_reserve_unavailable(ctx);
        }
    }

    ngx_http_asgard_reserve_resume(ctx);
}


/* No verdict came.  An error that Redis raised before the script ran left
 * nothing behind; of all else nothing is known. */
static void
ngx_http_asgard_reserve_failed(ngx_http_asgard_slot_t *slot, redisReply *reply)
{
    asg_str_t               text;
    ngx_uint_t              clean;
    ngx_http_asgard_ctx_t  *ctx;

    ctx = slot->ctx;
    clean = 0;

    if (reply && reply->type == REDIS_REPLY_ERROR) {
        text = (asg_str_t) { reply->str, (size_t) reply->len };
        clean = asg_script_error_is_clean(text);
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "asgard: reserve: %*s",
                      (size_t) ngx_min(reply->len, 200), reply->str);
    }

    if (clean) {
        ngx_http_asgard_reserve_drop(slot);

    } else {
        ngx_http_asgard_reserve_undo(slot);
    }

    if (ctx) {
        (void) ngx_http_asgard_reserve_alone(ctx);
        ngx_http_asgard_reserve_resume(ctx);
    }
}


static void
ngx_http_asgard_reserve_handler(void *data, redisReply *reply, ngx_uint_t sent)
{
    asg_str_t                words[ASG_SCRIPT_REPLY_MAX] = { ASG_STR_NULL };
    ngx_uint_t               n;
    asg_verdict_t            verdict;
    ngx_http_asgard_ctx_t   *ctx;
    ngx_http_asgard_slot_t  *slot = data;

    n = reply ? ngx_http_asgard_args_reply(reply, words) : 0;
    verdict = asg_reply_verdict(words, n);
    ctx = slot->ctx;

    if (verdict == ASG_VERDICT_UNKNOWN) {
        ngx_http_asgard_reserve_failed(slot, reply);
        return;
    }

    if (verdict != ASG_VERDICT_OK && verdict != ASG_VERDICT_DUP) {
        ngx_http_asgard_reserve_verdict(slot, verdict, words, n);
        return;
    }

    if (ngx_http_asgard_reserve_held(slot, words, n) != NGX_OK) {
        ngx_http_asgard_reserve_undo(slot);
        if (ctx) {
            (void) ngx_http_asgard_reserve_alone(ctx);
        }
    }

    if (ctx) {
        ngx_http_asgard_reserve_resume(ctx);
    }
}


static ngx_int_t
ngx_http_asgard_reserve_send(ngx_http_asgard_slot_t *slot)
{
    time_t                        now;
    ngx_http_asgard_args_t        args;
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(slot->ctx->request,
                                         ngx_http_asgard_module);
    now = ngx_http_asgard_redis_time();

    slot->tries++;
    slot->epoch = ngx_http_asgard_zone_epoch(slot->part);
    ngx_http_asgard_args_begin(&args, slot, slot->epoch,
                               NGX_HTTP_ASGARD_ARGS_OF_RESERVE);
    ngx_http_asgard_args_number(&args, slot->held_nusd);
    ngx_http_asgard_args_number(&args, amcf->hold_ttl);
    ngx_http_asgard_args_text(&args, "R", 1);
    ngx_http_asgard_args_number(&args, now ? now + NGX_HTTP_ASGARD_RESERVE_LATE
                                           : 0);
    ngx_http_asgard_args_text(&args, slot->detail, slot->detail_len);
    ngx_http_asgard_limits_reserve(&args, slot);

    return ngx_http_asgard_args_call(&args, ASG_SCRIPT_RESERVE,
                                     ngx_http_asgard_reserve_handler, slot);
}


/* A first hold names the call; those of further attempts are numbered, with
 * gaps where one was given back before it was known. */
static void
ngx_http_asgard_reserve_name(ngx_http_asgard_slot_t *slot,
    ngx_http_asgard_call_t *call)
{
    u_char  *p;

    if (call->further == 0) {
        call->id_len = slot->hold_len;
        return;
    }

    p = ngx_cpymem(slot->hold, call->hold, call->id_len);
    p = ngx_sprintf(p, ".%ui", call->further);
    slot->hold_len = (u_short) (p - slot->hold);
}


static ngx_int_t
ngx_http_asgard_reserve_fill(ngx_http_asgard_slot_t *slot,
    ngx_http_asgard_ctx_t *ctx)
{
    asg_event_t              event;
    ngx_http_asgard_call_t  *call;

    call = &ctx->call;
    ngx_http_asgard_reserve_name(slot, call);

    slot->ctx = ctx;
    slot->part = ctx->project->partition % ASG_PARTITIONS;
    slot->held_nusd = call->hold_nusd;
    slot->rates = call->rates;
    slot->output_bound = call->output_bound;
    slot->prompt_estimate = call->prompt_estimate;

    if (ngx_http_asgard_budgets_fill(slot, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_asgard_limits_fill(slot, ctx);

    ngx_http_asgard_detail_event(ctx, slot, NULL, &event);
    ngx_http_asgard_detail_write(slot, &event);
    return NGX_OK;
}


void
ngx_http_asgard_reserve_leave(ngx_http_asgard_ctx_t *ctx)
{
    ctx->call.asked->ctx = NULL;
    ctx->call.asked = NULL;

    if (!ctx->killed && !ctx->client_gone) {
        ngx_http_asgard_reserve_unavailable(ctx);
    }
}


static void
ngx_http_asgard_reserve_cleanup(void *data)
{
    ngx_http_asgard_ctx_t  *ctx = data;

    if (ctx->call.asked) {
        ngx_http_asgard_reserve_leave(ctx);
    }
}


/* Whoever looks for the cause of 503s finds it in the log, once in a while. */
static void
ngx_http_asgard_reserve_full(ngx_http_asgard_ctx_t *ctx)
{
    static time_t  said;

    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_JOURNAL_FULL, 1);
    ngx_http_asgard_reserve_unavailable(ctx);

    if (ngx_time() - said < NGX_HTTP_ASGARD_RESERVE_SAY) {
        return;
    }

    said = ngx_time();
    ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                  "asgard: %ui of %ui slots of the journal are in use, and "
                  "project %s gets no more: its calls are refused until some "
                  "of them are in the ledger, or their holds expire",
                  ngx_http_asgard_journal_used(),
                  ngx_http_asgard_journal_slots(), ctx->key->project_id);
}


/* A slot that says what is asked for; NULL: ctx->reason says why not. */
static ngx_http_asgard_slot_t *
ngx_http_asgard_reserve_slot(ngx_http_asgard_ctx_t *ctx, ngx_uint_t fail_mode)
{
    ngx_http_asgard_slot_t  *slot;

    slot = ngx_http_asgard_journal_take(ngx_http_asgard_share(ctx));
    if (slot == NULL) {
        ngx_http_asgard_reserve_full(ctx);
        return NULL;
    }

    slot->fail_mode = (u_char) fail_mode;

    if (ngx_http_asgard_reserve_fill(slot, ctx) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "asgard: key %s has more budgets for one model than a "
                      "call can be held against", ctx->key->key_id);
        ngx_http_asgard_reserve_drop(slot);
        ngx_http_asgard_reserve_unavailable(ctx);
        return NULL;
    }

    return slot;
}


/* Redis cannot say whether it fits: refused, or let in by the fail mode. */
static ngx_int_t
ngx_http_asgard_reserve_alone(ngx_http_asgard_ctx_t *ctx)
{
    ngx_http_asgard_slot_t       *slot;
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_asgard_module);
    ngx_http_asgard_reserve_unavailable(ctx);

    if (amcf->fail_mode == NGX_HTTP_ASGARD_FAIL_CLOSED) {
        return NGX_ERROR;
    }

    slot = ngx_http_asgard_reserve_slot(ctx, amcf->fail_mode);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_asgard_alone_take(ctx, slot) != NGX_OK) {
        ngx_http_asgard_reserve_drop(slot);
        return NGX_ERROR;
    }

    /* Redis has nothing that would expire: without us only this is left */
    ngx_http_asgard_spool_slot(slot, 'x', slot->held_nusd, ASG_STR("opened"));

    ctx->reason = ASG_REASON_NONE;
    ngx_str_null(&ctx->message);
    ngx_http_asgard_journal_move(slot, NGX_HTTP_ASGARD_SLOT_HELD);
    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_HELD_NUSD, slot->held_nusd);
    ngx_http_asgard_reserve_enter(&ctx->call, slot);
    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_reserve_start(ngx_http_asgard_ctx_t *ctx)
{
    ngx_pool_cleanup_t      *cln;
    ngx_http_asgard_slot_t  *slot;

    if (ngx_http_asgard_redis_run_id()->len == 0) {
        return ngx_http_asgard_reserve_alone(ctx);
    }

    cln = ngx_pool_cleanup_add(ctx->request->pool, 0);
    if (cln == NULL) {
        ctx->reason = ASG_REASON_INTERNAL;
        return NGX_ERROR;
    }

    slot = ngx_http_asgard_reserve_slot(ctx, NGX_HTTP_ASGARD_FAIL_CLOSED);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    ngx_http_asgard_journal_move(slot, NGX_HTTP_ASGARD_SLOT_ASKED);
    ctx->call.asked = slot;
    cln->handler = ngx_http_asgard_reserve_cleanup;
    cln->data = ctx;

    if (ngx_http_asgard_reserve_send(slot) != NGX_OK) {
        ngx_http_asgard_reserve_drop(slot);
        return ngx_http_asgard_reserve_alone(ctx);
    }

    return NGX_AGAIN;
}


ngx_int_t
ngx_http_asgard_reserve(ngx_http_asgard_ctx_t *ctx)
{
    if (ctx->call.slot) {
        return NGX_OK;
    }

    if (ctx->call.asked) {
        return NGX_AGAIN;
    }

    if (ctx->reason != ASG_REASON_NONE) {
        return NGX_ERROR;
    }

    return ngx_http_asgard_reserve_start(ctx);
}
