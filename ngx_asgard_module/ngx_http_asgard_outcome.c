
/*
 * What an attempt's end means, for the money and for the client.
 */

#include "ngx_http_asgard_outcome.h"

#include "ngx_http_asgard_candidate.h"
#include "ngx_http_asgard_error.h"
#include "ngx_http_asgard_finalise.h"
#include "ngx_http_asgard_limits.h"
#include "ngx_http_asgard_reserve.h"
#include "ngx_http_asgard_snapshot.h"
#include "ngx_http_asgard_stream.h"
#include "ngx_http_asgard_zone.h"


#define NGX_HTTP_ASGARD_OVERLOADED  529       /* as Anthropic says it */


static asg_str_t ngx_http_asgard_outcome_id(ngx_http_asgard_attempt_t *a);
static ngx_http_asgard_outcome_e ngx_http_asgard_outcome_of(
    ngx_http_asgard_attempt_t *a);
static void ngx_http_asgard_outcome_bytes(ngx_http_asgard_attempt_t *a);
static unsigned ngx_http_asgard_outcome_flags(ngx_http_asgard_attempt_t *a,
    ngx_http_asgard_outcome_e outcome);
static asg_reason_t ngx_http_asgard_outcome_status(
    ngx_http_asgard_attempt_t *a);
static ngx_uint_t ngx_http_asgard_outcome_may_pass(
    ngx_http_asgard_attempt_t *a);


void
ngx_http_asgard_outcome_settle(ngx_http_asgard_attempt_t *a)
{
    asg_usage_t             *usage;
    ngx_http_asgard_ctx_t   *ctx;
    ngx_http_asgard_end_t    end;

    ctx = a->ctx;

    if (ctx->call.finalised) {
        return;
    }

    usage = &a->answer.core.usage;

    ngx_http_asgard_stream_finish(a);

    if (a->accepted && usage->content_bytes == 0) {
        ngx_http_asgard_outcome_bytes(a);
    }

    ngx_memzero(&end, sizeof(ngx_http_asgard_end_t));

    if (a->accepted && usage->leaked) {
        ngx_http_asgard_outcome_leaked(a);
    }

    end.outcome = ngx_http_asgard_outcome_of(a);
    end.flags = ngx_http_asgard_outcome_flags(a, end.outcome);
    end.usage = a->accepted ? usage : NULL;
    end.status = a->status;
    end.model = a->model;
    end.fallback = a->fell;

    if (a->model) {
        end.provider = a->model->provider;
        end.endpoint = a->endpoint->id;
    }

    end.upstream_id = ngx_http_asgard_outcome_id(a);

    ngx_http_asgard_finalise(ctx, &end);
}


/* What there is to estimate by, where no text was found. */

static void
ngx_http_asgard_outcome_bytes(ngx_http_asgard_attempt_t *a)
{
    asg_usage_t  *usage;

    usage = &a->answer.core.usage;

    if (!usage->done) {
        /* a held answer that broke before it could be read */
        usage->content_bytes = a->answer.len;

    } else if (usage->verdict != ASG_USAGE_GOOD && !usage->error_event) {
        /* whatever it is, something was delivered */
        usage->content_bytes = a->answer.len + a->answer.seen;
    }
}


/* What the provider calls this answer, for the witness and the ledger.  One
 * that has a piece of our key in it is left out: both are kept for long, and
 * read by many. */

static asg_str_t
ngx_http_asgard_outcome_id(ngx_http_asgard_attempt_t *a)
{
    asg_str_t  id;

    id = asg_str_z(a->answer.core.usage.id);

    if (a->response.rid_len) {
        id.data = (const char *) a->response.rid;
        id.len = a->response.rid_len;
    }

    return id.len && asg_leak_clears_id(ngx_http_asgard_candidate_leak(a), id)
           ? id : ASG_STR_NULL;
}


/* The provider, or something on the way to it, repeats what it is sent. */

void
ngx_http_asgard_outcome_leaked(ngx_http_asgard_attempt_t *a)
{
    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_KEY_LEAKS, 1);

    ngx_log_error(NGX_LOG_ERR, a->ctx->request->connection->log, 0,
                  "asgard: endpoint \"%*s\" sent its key back in an answer, "
                  "of which no more was passed on", a->endpoint->id.len,
                  a->endpoint->id.data);
}


void
ngx_http_asgard_outcome_pass(ngx_http_asgard_attempt_t *a)
{
    ngx_http_asgard_ctx_t  *ctx;

    ctx = a->ctx;

    /* the reason of this attempt, for the witness; the call has none yet */
    ctx->reason = a->timed_out ? ASG_REASON_UPSTREAM_TIMEOUT
                               : ASG_REASON_UPSTREAM_ERROR;
    ngx_http_asgard_limits_pass(ctx);
    ngx_http_asgard_outcome_settle(a);
    ctx->reason = ASG_REASON_NONE;

    if (!ctx->unpaid) {
        ctx->call.slot = NULL;
        ctx->call.further++;
    }
}


static ngx_http_asgard_outcome_e
ngx_http_asgard_outcome_of(ngx_http_asgard_attempt_t *a)
{
    asg_usage_t  *usage;

    usage = &a->answer.core.usage;

    if (a->accepted) {

        /* usage that content followed, or that may not be the last: a floor */

        if (usage->verdict == ASG_USAGE_GOOD
            && usage->content_after_usage == 0 && !usage->partial
            && (usage->done || (a->response.whole && a->messages == NULL)))
        {
            return NGX_HTTP_ASGARD_MEASURED;
        }

        if (usage->error_event && !usage->has_content && !usage->malformed
            && usage->verdict == ASG_USAGE_NONE)
        {
            /* an error by another way: its status came too early */
            return NGX_HTTP_ASGARD_VOID;
        }

        if (usage->content_bytes || usage->verdict == ASG_USAGE_GOOD
            || (a->response.whole && (a->answer.len || usage->done)))
        {
            return NGX_HTTP_ASGARD_ESTIMATED;
        }

        /* a head, and no word of what was done */

        return NGX_HTTP_ASGARD_UNKNOWN;
    }

    switch (a->fault) {

    case NGX_HTTP_ASGARD_FAULT_SILENT:
    case NGX_HTTP_ASGARD_FAULT_BROKEN:
    case NGX_HTTP_ASGARD_FAULT_TYPE:
        return NGX_HTTP_ASGARD_UNKNOWN;

    case NGX_HTTP_ASGARD_FAULT_STATUS:
        return NGX_HTTP_ASGARD_VOID;

    default:
        /* it was sent, and nobody knows what became of it */
        return a->sent && a->fault == NGX_HTTP_ASGARD_FAULT_NONE
               ? NGX_HTTP_ASGARD_UNKNOWN : NGX_HTTP_ASGARD_VOID;
    }
}


static unsigned
ngx_http_asgard_outcome_flags(ngx_http_asgard_attempt_t *a,
    ngx_http_asgard_outcome_e outcome)
{
    unsigned      flags;
    asg_usage_t  *usage;

    flags = 0;
    usage = &a->answer.core.usage;

    if (a->resent) {
        flags |= ASG_FLAG_RESENT;
    }

    if (a->ctx->client_gone) {
        flags |= ASG_FLAG_CLIENT_GONE;
    }

    if (a->accepted && !a->response.whole) {
        flags |= ASG_FLAG_CUT;
    }

    if (outcome == NGX_HTTP_ASGARD_ESTIMATED) {
        flags |= ASG_FLAG_ESTIMATED;
        flags |= (usage->verdict == ASG_USAGE_BAD) ? ASG_FLAG_BAD_USAGE
                 : (usage->verdict == ASG_USAGE_NONE) ? ASG_FLAG_NO_USAGE : 0;
    }

    return flags;
}


void
ngx_http_asgard_outcome_refuse(ngx_http_asgard_attempt_t *a)
{
    asg_reason_t            reason;
    ngx_http_asgard_ctx_t  *ctx;

    ctx = a->ctx;

    if (ctx->reason != ASG_REASON_NONE) {
        return;
    }

    if (ctx->killed) {
        reason = ASG_REASON_PROJECT_KILLED;

    } else if (a->answer.reason != ASG_REASON_NONE) {
        reason = a->answer.reason;

    } else if (a->fault == NGX_HTTP_ASGARD_FAULT_OURS) {
        reason = ASG_REASON_INTERNAL;

    } else if (a->fault == NGX_HTTP_ASGARD_FAULT_STATUS) {
        reason = ngx_http_asgard_outcome_status(a);

    } else if (a->timed_out || ctx->overdue) {
        reason = ASG_REASON_UPSTREAM_TIMEOUT;

    } else {
        reason = ASG_REASON_UPSTREAM_ERROR;
    }

    if (reason == ASG_REASON_UPSTREAM_ERROR || a->said != ASG_REASON_NONE) {
        ctx->may_retry = ngx_http_asgard_outcome_may_pass(a);
    }

    (void) ngx_http_asgard_refuse(ctx, reason, NULL);
}


void
ngx_http_asgard_outcome_broken(ngx_http_asgard_attempt_t *a)
{
    asg_usage_t            *usage;
    ngx_connection_t       *c;
    ngx_http_asgard_ctx_t  *ctx;

    ctx = a->ctx;
    usage = &a->answer.core.usage;

    if (ctx->reason != ASG_REASON_NONE || !a->streaming) {
        return;
    }

    if (ctx->killed && a->cut) {
        ctx->reason = ASG_REASON_PROJECT_KILLED;
        return;
    }

    if (ctx->client_gone
        || (a->response.whole && !usage->error_event && !usage->malformed
            && !usage->leaked))
    {
        return;
    }

    c = ctx->request->upstream->peer.connection;
    ctx->reason = (ctx->overdue || (c && c->read->timedout))
                  ? ASG_REASON_UPSTREAM_TIMEOUT : ASG_REASON_UPSTREAM_ERROR;
}


/* A failure that may pass by itself and has cost nothing: a client that tries
 * again pays once. */

static ngx_uint_t
ngx_http_asgard_outcome_may_pass(ngx_http_asgard_attempt_t *a)
{
    if (a->ctx->call.further
        || ngx_http_asgard_outcome_of(a) != NGX_HTTP_ASGARD_VOID)
    {
        return 0;
    }

    return a->fault == NGX_HTTP_ASGARD_FAULT_CONNECT
           || (a->fault == NGX_HTTP_ASGARD_FAULT_STATUS
               && a->status >= NGX_HTTP_INTERNAL_SERVER_ERROR);
}


/* A provider's status, or what its body says, in our words.  One that repeats
 * our key is not one whose word on the request counts. */

asg_reason_t
ngx_http_asgard_outcome_words(ngx_http_asgard_attempt_t *a)
{
    if (a->leaked) {
        return ASG_REASON_UPSTREAM_ERROR;
    }

    if (a->endpoint->kind == ASG_KIND_ANTHROPIC) {
        return a->said != ASG_REASON_NONE
               ? a->said : asg_anthropic_error_reason((unsigned) a->status,
                                                      ASG_STR_NULL);
    }

    switch (a->status) {

    case NGX_HTTP_BAD_REQUEST:
    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
    case NGX_HTTP_UNSUPPORTED_MEDIA_TYPE:
    case 422:
        return ASG_REASON_UPSTREAM_REJECTED;

    case NGX_HTTP_TOO_MANY_REQUESTS:
        return ASG_REASON_UPSTREAM_RATE_LIMITED;

    case NGX_HTTP_ASGARD_OVERLOADED:
        return ASG_REASON_UPSTREAM_OVERLOADED;

    default:
        return ASG_REASON_UPSTREAM_ERROR;
    }
}


static asg_reason_t
ngx_http_asgard_outcome_status(ngx_http_asgard_attempt_t *a)
{
    asg_reason_t            reason;
    ngx_http_asgard_ctx_t  *ctx;

    ctx = a->ctx;
    reason = ngx_http_asgard_outcome_words(a);

    if (reason == ASG_REASON_UPSTREAM_RATE_LIMITED
        || reason == ASG_REASON_UPSTREAM_OVERLOADED)
    {
        ctx->retry_after = a->response.retry_after;
    }

    if (a->status == NGX_HTTP_UNAUTHORIZED || a->status == NGX_HTTP_FORBIDDEN
        || a->status == NGX_HTTP_NOT_FOUND)
    {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "asgard: endpoint \"%*s\" answered %ui: is its key "
                      "right?", a->endpoint->id.len, a->endpoint->id.data,
                      a->status);
        ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_UPSTREAM_AUTH, 1);
    }

    return reason;
}
