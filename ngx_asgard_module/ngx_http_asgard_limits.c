
/*
 * Limits of a call: arguments, replies, headers.
 */

#include "ngx_http_asgard_limits.h"


#define NGX_HTTP_ASGARD_LIMITS_PART  16
#define NGX_HTTP_ASGARD_LIMITS_TIME  24     /* of an RFC 3339 time */



/* Where a call's place is kept while it has no hold. */
struct ngx_http_asgard_passed_s {
    ngx_uint_t  is_kept;
    ngx_uint_t  part;
    ngx_uint_t  parallel;
    size_t      names_len;
    size_t      call_len;
    u_char      names[NGX_HTTP_ASGARD_SLOT_BUDGETS];
    u_char      call[NGX_HTTP_ASGARD_HOLD_MAX];
};


static const asg_limits_t *
ngx_http_asgard_limits_of(ngx_http_asgard_ctx_t *ctx, ngx_uint_t i)
{
    return i == 0 ? &ctx->project->limits : &ctx->key->limits;
}


/* The project first, as among the budgets. */
void
ngx_http_asgard_limits_fill(ngx_http_asgard_slot_t *slot,
    ngx_http_asgard_ctx_t *ctx)
{
    ngx_uint_t           i;
    const asg_limits_t  *limits;

    for (i = 0; i < NGX_HTTP_ASGARD_SCOPES; i++) {
        limits = ngx_http_asgard_limits_of(ctx, i);

        if (limits->set) {
            slot->limited |= 1 << i;
        }

        if (asg_limits_has(limits, ASG_LIMIT_PARALLEL)) {
            slot->parallel |= 1 << i;
        }
    }

    slot->tokens_used = -1;
}


/* Did the client say how long its answer may be?  A budget that it was fitted
 * to is no word of it. */
static ngx_uint_t
ngx_http_asgard_limits_said(ngx_http_asgard_ctx_t *ctx)
{
    return ctx->parsed->has_max_tokens && !ctx->call.unsaid;
}


/* Tokens that the answer is counted with until it has ended.  Whoever does not
 * say how long it may be is counted with a part of the limit: with all that it
 * may be, one call would take the whole minute. */
static int64_t
ngx_http_asgard_limits_expected(ngx_http_asgard_ctx_t *ctx, int64_t bound)
{
    int64_t              part;
    ngx_uint_t           i;
    const asg_limits_t  *limits;

    for (i = 0; i < NGX_HTTP_ASGARD_SCOPES && !ngx_http_asgard_limits_said(ctx);
         i++)
    {
        limits = ngx_http_asgard_limits_of(ctx, i);

        if (asg_limits_has(limits, ASG_LIMIT_TOKENS)) {
            part = limits->most[ASG_LIMIT_TOKENS]
                   / NGX_HTTP_ASGARD_LIMITS_PART;
            bound = ngx_min(bound, ngx_max(1, part) * ctx->parsed->n);
        }
    }

    return bound;
}


void
ngx_http_asgard_limits_reserve(ngx_http_asgard_args_t *args,
    ngx_http_asgard_slot_t *slot)
{
    size_t      len;
    ngx_uint_t  i;

    if (slot->limited == 0) {
        return;
    }

    ngx_http_asgard_args_text(args, "", 0);
    ngx_http_asgard_args_number(args, slot->prompt_estimate
                            + ngx_http_asgard_limits_expected(slot->ctx,
                                                         slot->output_bound));

    for (i = 0; i < NGX_HTTP_ASGARD_SCOPES; i++) {
        if (slot->limited >> i & 1) {
            len = asg_limits_text(ngx_http_asgard_limits_of(slot->ctx, i),
                                  args->limits[i]);
            ngx_http_asgard_args_text(args, args->limits[i], len);
        }
    }
}


/* How many there may be is not asked: only where a place is taken. */
void
ngx_http_asgard_limits_adopt(ngx_http_asgard_args_t *args,
    ngx_http_asgard_slot_t *slot)
{
    ngx_uint_t  i;

    if (slot->limited == 0) {
        return;
    }

    ngx_http_asgard_args_text(args, "0", 1);

    for (i = 0; i < NGX_HTTP_ASGARD_SCOPES; i++) {
        if (slot->limited >> i & 1) {
            ngx_http_asgard_args_text(args, slot->parallel >> i & 1 ? "- - 0"
                                                                : "- - -", 5);
        }
    }
}


void
ngx_http_asgard_limits_finish(ngx_http_asgard_args_t *args,
    ngx_http_asgard_slot_t *slot)
{
    ngx_uint_t  i;

    if (slot->limited == 0) {
        return;
    }

    if (slot->pins_len == 0) {
        ngx_http_asgard_args_text(args, "", 0);
    }

    ngx_http_asgard_args_text(args, "", 0);

    if (slot->tokens_used < 0) {
        ngx_http_asgard_args_text(args, "", 0);

    } else {
        ngx_http_asgard_args_number(args, slot->tokens_used);
    }

    for (i = 0; i < NGX_HTTP_ASGARD_SCOPES; i++) {
        if (slot->limited >> i & 1) {
            ngx_http_asgard_args_text(args, slot->marks[i],
                                      slot->marks_len[i]);
        }
    }
}


static ngx_http_asgard_rate_t *
ngx_http_asgard_limits_rate(ngx_http_asgard_ctx_t *ctx)
{
    if (ctx->call.rate == NULL) {
        ctx->call.rate = ngx_pcalloc(ctx->request->pool,
                                     sizeof(ngx_http_asgard_rate_t));
    }

    return ctx->call.rate;
}


void
ngx_http_asgard_limits_granted(ngx_http_asgard_slot_t *slot,
    const asg_str_t *words, ngx_uint_t n)
{
    asg_str_t                marks[NGX_HTTP_ASGARD_SCOPES];
    ngx_uint_t               i, n_marks;
    asg_limits_room_t        room;
    ngx_http_asgard_rate_t  *rate;

    n_marks = (slot->limited & 1) + (slot->limited >> 1 & 1);

    if (n_marks == 0
        || asg_reply_limits(words, n, n_marks, &room, marks) != ASG_OK)
    {
        return;
    }

    for (i = NGX_HTTP_ASGARD_SCOPES; i > 0; i--) {
        if (slot->limited >> (i - 1) & 1) {
            n_marks--;
            slot->marks_len[i - 1] = (u_char) marks[n_marks].len;
            ngx_memcpy(slot->marks[i - 1], marks[n_marks].data,
                       marks[n_marks].len);
        }
    }

    rate = slot->ctx ? ngx_http_asgard_limits_rate(slot->ctx) : NULL;

    if (rate) {
        rate->room = room;
    }
}


void
ngx_http_asgard_limits_refused(ngx_http_asgard_ctx_t *ctx,
    const asg_str_t *words, ngx_uint_t n)
{
    asg_reply_rate_t         reply;
    ngx_http_asgard_rate_t  *rate;

    ctx->reason = ASG_REASON_RATE_LIMIT_EXCEEDED;
    rate = ngx_http_asgard_limits_rate(ctx);

    if (rate == NULL || asg_reply_rate(words, n, &reply) != ASG_OK
        || reply.scope.len - 2 > ASG_ID_MAX)
    {
        return;
    }

    rate->room = reply.room;
    rate->refused = 1;
    rate->kind = reply.kind;
    rate->limit = reply.limit;
    rate->used = reply.used;
    rate->retry_ms = reply.retry_ms;
    rate->scope = reply.scope.data[0] == 'k' ? "key" : "project";
    ngx_memcpy(rate->scope_id, reply.scope.data + 2, reply.scope.len - 2);

    if (rate->retry_ms >= 0) {
        ctx->retry_after = (rate->retry_ms + 999) / 1000;
    }

    switch (rate->kind) {

    case ASG_LIMIT_TOKENS:
        if (rate->retry_ms == ASG_LIMIT_NEVER) {
            ngx_str_set(&ctx->message, "This call may use more tokens than its"
                        " limit admits in a minute; lower max_tokens or send a"
                        " shorter prompt.");
            return;
        }

        ngx_str_set(&ctx->message, "Too many tokens in a minute; try again"
                    " after the time in Retry-After, or lower max_tokens.");
        return;

    case ASG_LIMIT_PARALLEL:
        ngx_str_set(&ctx->message, "Too many calls are under way; wait until"
                    " one of them has ended.");
        return;

    default:
        ngx_str_set(&ctx->message, "Too many requests in a minute; try again"
                    " after the time in Retry-After.");
        return;
    }
}


static void
ngx_http_asgard_limits_ignore(void *data, redisReply *reply, ngx_uint_t sent)
{
    /* a place that is not released ends with the hold */
}


static void
ngx_http_asgard_limits_send_release(ngx_uint_t part, ngx_uint_t parallel,
    u_char *names, size_t names_len, u_char *id, size_t id_len)
{
    char         keys[NGX_HTTP_ASGARD_SCOPES][ASG_RKEY_MAX];
    size_t       lens[NGX_HTTP_ASGARD_SCOPES + 1];
    asg_str_t    scope, all;
    ngx_uint_t   i, n;
    const char  *argv[NGX_HTTP_ASGARD_SCOPES + 1];

    all = (asg_str_t) { (const char *) names, names_len };
    n = 0;

    for (i = 0; i < NGX_HTTP_ASGARD_SCOPES; i++) {
        scope = ngx_http_asgard_args_scope(all, i);

        if (scope.len && parallel >> i & 1) {
            lens[n] = asg_rkey_open(keys[n], (unsigned) part, scope);
            argv[n] = keys[n];
            n++;
        }
    }

    if (n == 0) {
        return;
    }

    argv[n] = (const char *) id;
    lens[n] = id_len;

    (void) ngx_http_asgard_redis_script(ASG_SCRIPT_RELEASE,
                                        ngx_http_asgard_limits_ignore, NULL, n,
                                        n + 1, argv, lens);
}


void
ngx_http_asgard_limits_release(ngx_http_asgard_slot_t *slot)
{
    if (slot->limited == 0) {
        return;
    }

    ngx_http_asgard_limits_send_release(slot->part, slot->parallel,
                                        slot->budgets, slot->names_len,
                                        slot->hold, slot->hold_len);
    slot->limited = 0;
}


static void
ngx_http_asgard_limits_cleanup(void *data)
{
    ngx_http_asgard_passed_t  *passed = data;

    if (passed->is_kept) {
        ngx_http_asgard_limits_send_release(passed->part, passed->parallel,
                                            passed->names, passed->names_len,
                                            passed->call, passed->call_len);
    }
}


void
ngx_http_asgard_limits_pass(ngx_http_asgard_ctx_t *ctx)
{
    ngx_pool_cleanup_t        *cln;
    ngx_http_asgard_slot_t    *slot;
    ngx_http_asgard_passed_t  *passed;

    slot = ctx->call.slot;

    if (slot == NULL || ctx->call.finalised || slot->limited == 0) {
        return;
    }

    cln = ngx_pool_cleanup_add(ctx->request->pool,
                               sizeof(ngx_http_asgard_passed_t));
    if (cln == NULL) {
        return;                     /* the place is free a little too early */
    }

    passed = cln->data;
    passed->is_kept = 1;
    passed->part = slot->part;
    passed->parallel = slot->parallel;
    passed->names_len = slot->names_len;
    passed->call_len = slot->hold_len;
    ngx_memcpy(passed->names, slot->budgets, slot->names_len);
    ngx_memcpy(passed->call, slot->hold, slot->hold_len);
    cln->handler = ngx_http_asgard_limits_cleanup;

    slot->limited = 0;
    ctx->call.passed = passed;
}


void
ngx_http_asgard_limits_passed(ngx_http_asgard_call_t *call)
{
    if (call->passed) {
        call->passed->is_kept = 0;
        call->passed = NULL;
    }
}


int64_t
ngx_http_asgard_limits_output(ngx_http_asgard_ctx_t *ctx, int64_t tokens,
    int64_t prompt)
{
    int64_t              left;
    ngx_uint_t           i;
    const asg_limits_t  *limits;

    for (i = 0; i < NGX_HTTP_ASGARD_SCOPES; i++) {
        limits = ngx_http_asgard_limits_of(ctx, i);

        if (asg_limits_has(limits, ASG_LIMIT_TOKENS)) {
            left = (limits->most[ASG_LIMIT_TOKENS] - prompt) / ctx->parsed->n;
            tokens = ngx_max(1, ngx_min(tokens, left));
        }
    }

    return tokens;
}


static ngx_int_t
ngx_http_asgard_limits_push_number(ngx_http_request_t *r,
    ngx_http_asgard_ctx_t *ctx, ngx_http_asgard_limits_push_pt push,
    const char *name, int64_t n)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return push(r, ctx, name, p, ngx_sprintf(p, "%L", n) - p);
}


/* The same in the words of Anthropic, whose API was called. */
static ngx_int_t
ngx_http_asgard_limits_push_own(ngx_http_request_t *r,
    ngx_http_asgard_ctx_t *ctx, ngx_http_asgard_limits_push_pt push,
    ngx_uint_t i)
{
    char              *p;
    asg_limit_room_t  *room;

    static const char *const  names[2][3] = {
        { "anthropic-ratelimit-requests-limit",
          "anthropic-ratelimit-requests-remaining",
          "anthropic-ratelimit-requests-reset" },
        { "anthropic-ratelimit-tokens-limit",
          "anthropic-ratelimit-tokens-remaining",
          "anthropic-ratelimit-tokens-reset" }
    };

    room = &ctx->call.rate->room.of[i];

    p = ngx_pnalloc(r->pool, NGX_HTTP_ASGARD_LIMITS_TIME);
    if (p == NULL
        || ngx_http_asgard_limits_push_number(r, ctx, push, names[i][0],
                                              room->limit)
           != NGX_OK
        || ngx_http_asgard_limits_push_number(r, ctx, push, names[i][1],
                                              room->left)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* not before all of it is there */
    asg_time_rfc3339(ngx_time() + (room->resets_ms + 999) / 1000, p);

    return push(r, ctx, names[i][2], (u_char *) p, ngx_strlen(p));
}


static ngx_int_t
ngx_http_asgard_limits_push_room(ngx_http_request_t *r,
    ngx_http_asgard_ctx_t *ctx, ngx_http_asgard_limits_push_pt push,
    ngx_uint_t i)
{
    u_char            *p;
    ngx_int_t          rc;
    asg_limit_room_t  *room;

    static const char *const  names[2][3] = {
        { "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests",
          "x-ratelimit-reset-requests" },
        { "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens",
          "x-ratelimit-reset-tokens" }
    };

    room = &ctx->call.rate->room.of[i];

    if (!room->limited) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, ASG_LIMIT_DURATION);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_asgard_limits_push_number(r, ctx, push, names[i][0],
                                           room->limit)
        != NGX_OK
        || ngx_http_asgard_limits_push_number(r, ctx, push, names[i][1],
                                              room->left)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = push(r, ctx, names[i][2], p,
              asg_limit_duration(room->resets_ms, (char *) p));

    return rc == NGX_OK && ctx->route == NGX_HTTP_ASGARD_ROUTE_MESSAGES
           ? ngx_http_asgard_limits_push_own(r, ctx, push, i) : rc;
}


ngx_int_t
ngx_http_asgard_limits_headers(ngx_http_request_t *r,
    ngx_http_asgard_ctx_t *ctx, ngx_http_asgard_limits_push_pt push)
{
    ngx_uint_t               i;
    ngx_http_asgard_rate_t  *rate;

    rate = ctx->call.rate;

    if (rate == NULL) {
        return NGX_OK;
    }

    for (i = 0; i < 2; i++) {
        if (ngx_http_asgard_limits_push_room(r, ctx, push, i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_asgard_limits_is_never(ngx_http_asgard_ctx_t *ctx)
{
    return ctx->reason == ASG_REASON_RATE_LIMIT_EXCEEDED && ctx->call.rate
           && ctx->call.rate->refused
           && ctx->call.rate->retry_ms == ASG_LIMIT_NEVER;
}


/* Parallel calls end when they do: "shortly", as without a time of our own. */

ngx_int_t
ngx_http_asgard_limits_retry(ngx_http_request_t *r, ngx_http_asgard_ctx_t *ctx,
    ngx_http_asgard_limits_push_pt push)
{
    ngx_http_asgard_rate_t  *rate;

    rate = ctx->call.rate;

    if (ctx->reason != ASG_REASON_RATE_LIMIT_EXCEEDED || rate == NULL
        || !rate->refused)
    {
        return NGX_OK;
    }

    return ngx_http_asgard_limits_push_number(r, ctx, push, "retry-after-ms",
                                              rate->retry_ms >= 0
                                              ? rate->retry_ms
                                              : ctx->retry_after * 1000);
}


void
ngx_http_asgard_limits_error(asg_buf_t *out, ngx_http_asgard_rate_t *rate)
{
    asg_buf_z(out, ",\"scope\":");
    asg_buf_json(out, asg_str_z(rate->scope));
    asg_buf_z(out, ",\"scope_id\":");
    asg_buf_json(out, asg_str_z((const char *) rate->scope_id));
    asg_buf_z(out, ",\"limit_type\":");
    asg_buf_json(out, asg_str_z(asg_limit_kind_name(rate->kind)));
    asg_buf_z(out, ",\"limit\":");
    asg_buf_u64(out, (uint64_t) rate->limit);
    asg_buf_z(out, ",\"used\":");
    asg_buf_u64(out, (uint64_t) rate->used);
    asg_buf_z(out, ",\"retry_after_ms\":");

    if (rate->retry_ms >= 0) {
        asg_buf_u64(out, (uint64_t) rate->retry_ms);

    } else {
        asg_buf_z(out, "null");
    }
}
