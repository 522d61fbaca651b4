
/*
 * A provider's JSON answer: held whole, metered, rewritten, sent.
 */

#include "ngx_http_asgard_answer.h"

#include "ngx_http_asgard_advance.h"
#include "ngx_http_asgard_anthropic.h"
#include "ngx_http_asgard_candidate.h"
#include "ngx_http_asgard_drain.h"
#include "ngx_http_asgard_finalise.h"
#include "ngx_http_asgard_guard.h"
#include "ngx_http_asgard_messages.h"
#include "ngx_http_asgard_policy.h"
#include "ngx_http_asgard_route.h"
#include "ngx_http_asgard_zone.h"


#define NGX_HTTP_ASGARD_ANSWER_FIRST  8192    /* bytes, of a first buffer */
#define NGX_HTTP_ASGARD_GATEWAY_TAIL  3072    /* beside content and ids */


static ngx_int_t ngx_http_asgard_answer_sink(void *data, u_char *bytes,
    size_t len);
static ngx_int_t ngx_http_asgard_answer_grow(ngx_http_asgard_attempt_t *a,
    size_t wanted);
static void ngx_http_asgard_answer_cleanup(void *data);
static ssize_t ngx_http_asgard_answer_recv(ngx_connection_t *c, u_char *buf,
    size_t size);
static int64_t ngx_http_asgard_answer_context(ngx_http_asgard_attempt_t *a);
static int64_t ngx_http_asgard_answer_total(ngx_http_asgard_attempt_t *a);
static ngx_uint_t ngx_http_asgard_answer_in_place(
    ngx_http_asgard_attempt_t *a);
static ngx_int_t ngx_http_asgard_answer_chain(ngx_http_asgard_attempt_t *a,
    asg_str_t *piece, ngx_uint_t n);
static ngx_uint_t ngx_http_asgard_answer_gateway(ngx_http_asgard_attempt_t *a,
    asg_str_t *piece, ngx_uint_t n);
static void ngx_http_asgard_answer_count(asg_buf_t *out, const char *name,
    int64_t tokens, ngx_uint_t measured);


ngx_int_t
ngx_http_asgard_answer_hold(ngx_http_asgard_attempt_t *a)
{
    ngx_buf_t                   *b;
    ngx_int_t                    rc;
    ngx_connection_t            *c;
    ngx_http_request_t          *r;
    ngx_http_asgard_response_t  *resp;

    r = a->ctx->request;
    b = &r->upstream->buffer;
    c = r->upstream->peer.connection;
    resp = &a->response;

    if (ngx_http_asgard_answer_in_place(a)) {
        return NGX_OK;
    }

    if (resp->close && a->answer.recv == NULL) {
        a->answer.recv = c->recv;
        c->recv = ngx_http_asgard_answer_recv;
    }

    if (a->answer.eof) {
        return ngx_http_asgard_response_eof(resp);
    }

    rc = ngx_http_asgard_response_body(r, b, resp,
                                       ngx_http_asgard_answer_sink, a);

    /* all was taken: the core shall read into the whole buffer again */
    b->pos = b->start;
    b->last = b->start;

    if (rc == NGX_DONE || resp->whole) {
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    /* from here the gap between bytes counts, and not the first one's time;
     * what the client waits for in all is never put off */
    ngx_add_timer(c->read, ngx_http_asgard_advance_within(a->ctx,
                                                    a->conf.read_timeout));

    return NGX_AGAIN;
}


/* The usual small answer came with its head: it is used where it stands. */

static ngx_uint_t
ngx_http_asgard_answer_in_place(ngx_http_asgard_attempt_t *a)
{
    ngx_buf_t                   *b;
    ngx_http_asgard_response_t  *resp;

    b = &a->ctx->request->upstream->buffer;
    resp = &a->response;

    if (resp->length < 0 || a->answer.len || resp->rest != resp->length
        || b->last - b->pos < resp->length)
    {
        return 0;
    }

    a->answer.body = b->pos;
    a->answer.len = (size_t) resp->length;
    resp->rest = 0;
    resp->whole = 1;
    resp->excess = (b->last - b->pos > resp->length);

    return 1;
}


/*
 * The core takes the end of a connection within a header for a failure and
 * does not ask us.  Where the end may be the body's end, it is handed on as one
 * byte that nobody reads.
 */

static ssize_t
ngx_http_asgard_answer_recv(ngx_connection_t *c, u_char *buf, size_t size)
{
    ssize_t                 n;
    ngx_http_request_t     *r;
    ngx_http_asgard_ctx_t  *ctx;

    r = c->data;
    ctx = ngx_http_asgard_ctx(r);

    n = ctx->attempt->answer.recv(c, buf, size);

    if (n != 0 || ctx->attempt->response.chunked
        || ctx->attempt->response.length != -1)
    {
        return n;
    }

    ctx->attempt->answer.eof = 1;
    *buf = '\0';

    return 1;
}


static ngx_int_t
ngx_http_asgard_answer_sink(void *data, u_char *bytes, size_t len)
{
    ngx_http_asgard_attempt_t *a = data;

    ngx_http_asgard_answer_t  *answer;

    answer = &a->answer;

    if (ngx_http_asgard_drain_count(a, len) != NGX_OK
        || ngx_http_asgard_answer_grow(a, answer->len + len) != NGX_OK)
    {
        return NGX_ABORT;
    }

    ngx_memcpy(answer->body + answer->len, bytes, len);
    answer->len += len;

    /* a refusal is no answer that the candidate after it began */

    if (!a->refused) {
        ngx_http_asgard_call_bytes(a->ctx, answer->len, NULL);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_answer_grow(ngx_http_asgard_attempt_t *a, size_t wanted)
{
    size_t                        size;
    u_char                       *body;
    ngx_pool_cleanup_t           *cln;
    ngx_http_request_t           *r;
    ngx_http_asgard_answer_t     *answer;
    ngx_http_asgard_main_conf_t  *amcf;

    r = a->ctx->request;
    answer = &a->answer;

    if (wanted <= answer->size) {
        return NGX_OK;
    }

    if (wanted > NGX_HTTP_ASGARD_ANSWER_MAX) {
        answer->reason = ASG_REASON_UPSTREAM_ERROR;
        return NGX_ERROR;
    }

    size = ngx_max(answer->size * 2, NGX_HTTP_ASGARD_ANSWER_FIRST);
    size = ngx_min(ngx_max(size, wanted), NGX_HTTP_ASGARD_ANSWER_MAX);

    amcf = ngx_http_get_module_main_conf(r, ngx_http_asgard_module);

    if (answer->size == 0) {
        cln = ngx_pool_cleanup_add(r->pool, 0);
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = ngx_http_asgard_answer_cleanup;
        cln->data = answer;
        answer->body = NULL;
    }

    if (ngx_http_asgard_zone_body_charge(size - answer->size,
                                         amcf->body_memory)
        != NGX_OK)
    {
        answer->reason = ASG_REASON_OVERLOADED;
        return NGX_ERROR;
    }

    body = ngx_alloc(size, r->connection->log);
    if (body == NULL) {
        ngx_http_asgard_zone_body_release(size - answer->size);
        return NGX_ERROR;
    }

    if (answer->size) {
        ngx_memcpy(body, answer->body, answer->len);
        ngx_free(answer->body);
    }

    answer->body = body;
    answer->size = size;

    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_answer_renew(ngx_http_asgard_attempt_t *a, size_t len)
{
    ngx_http_asgard_answer_t  old, *answer;

    answer = &a->answer;
    old = *answer;
    answer->size = 0;
    answer->len = 0;

    if (ngx_http_asgard_answer_grow(a, len) != NGX_OK) {
        answer->body = old.body;
        answer->size = old.size;
        answer->len = old.len;
        return NGX_ERROR;
    }

    answer->len = len;

    return NGX_OK;
}


static void
ngx_http_asgard_answer_cleanup(void *data)
{
    ngx_http_asgard_answer_drop(data);
}


void
ngx_http_asgard_answer_drop(ngx_http_asgard_answer_t *answer)
{
    if (answer->size) {
        ngx_free(answer->body);
        ngx_http_asgard_zone_body_release(answer->size);
        answer->size = 0;
    }
}


void
ngx_http_asgard_answer_reset(ngx_http_asgard_answer_t *answer)
{
    ngx_http_asgard_answer_drop(answer);
    ngx_memzero(answer, sizeof(ngx_http_asgard_answer_t));
}


/* The largest that either side of this call's usage can be; 0: not known. */

static int64_t
ngx_http_asgard_answer_context(ngx_http_asgard_attempt_t *a)
{
    int64_t               many;
    const asg_request_t  *req;

    req = a->ctx->parsed;
    many = (req->api == ASG_API_EMBEDDINGS) ? req->parts.messages : req->n;
    many = ngx_max(many, 1);

    if (a->model->context <= 0 || a->model->context > ASG_TOKENS_MAX / many) {
        return 0;
    }

    return a->model->context * many;
}


/* The largest that both together can be; 0: not known. */

static int64_t
ngx_http_asgard_answer_total(ngx_http_asgard_attempt_t *a)
{
    int64_t  many, context;

    /* a model may state the window of its prompts alone */

    context = ngx_http_asgard_answer_context(a);
    many = ngx_max((int64_t) a->ctx->parsed->n, 1);

    if (context == 0 || a->model->max_output_tokens <= 0
        || a->model->max_output_tokens > (ASG_TOKENS_MAX - context) / many)
    {
        return 0;
    }

    return context + a->model->max_output_tokens * many;
}


/* The id that a client is shown: that of the call, in the shape that the API
 * has.  Of Anthropic's answers it is the API's own. */

static void
ngx_http_asgard_answer_hide(ngx_http_asgard_attempt_t *a)
{
    asg_buf_t                    out;
    asg_str_t                    trace;
    ngx_http_asgard_ctx_t       *ctx;
    ngx_http_asgard_loc_conf_t  *alcf;

    static const char *const  prefixes[ASG_API_COUNT] = {
        [ASG_API_CHAT] = "\"chatcmpl-",
        [ASG_API_COMPLETIONS] = "\"cmpl-",
        [ASG_API_EMBEDDINGS] = "\"embd-",
        [ASG_API_GATEWAY] = "\"chatcmpl-"
    };

    ctx = a->ctx;
    alcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_asgard_module);

    if (alcf->expose_backend || ngx_http_asgard_route_is_messages(ctx)) {
        return;
    }

    trace.data = (const char *) ctx->trace;
    trace.len = ctx->trace_len;

    asg_buf_init(&out, a->answer.name, sizeof(a->answer.name));
    asg_buf_z(&out, prefixes[ctx->parsed->api]);
    asg_buf_str(&out, trace);           /* has no sign that JSON would escape */
    asg_buf_z(&out, "\"");
    a->answer.core.name = asg_buf_view(&out);
}


void
ngx_http_asgard_answer_meter(ngx_http_asgard_attempt_t *a, asg_str_t shown,
    ngx_uint_t hide_usage)
{
    asg_answer_t         *meter;
    const asg_request_t  *req;

    meter = &a->answer.core;
    req = a->ctx->parsed;

    asg_answer_init(meter, shown, hide_usage,
                    ngx_http_asgard_answer_context(a), NULL);

    ngx_http_asgard_messages_meter(a);
    meter->total_tokens = ngx_http_asgard_answer_total(a);
    meter->leak = ngx_http_asgard_candidate_leak(a);
    ngx_http_asgard_answer_hide(a);

    if (ngx_http_asgard_policy_worst(a->ctx, a->model, &meter->bound)
        != ASG_OK)
    {
        meter->bound.hold_nusd = 0;
    }

    if (req->api == ASG_API_COMPLETIONS) {
        /* it may begin with the prompt, of each answer */
        meter->echoed_bytes = (uint64_t) req->parts.bytes
                              * ngx_max(req->n, 1);
    }
}


ngx_int_t
ngx_http_asgard_answer_read(ngx_http_asgard_attempt_t *a)
{
    ngx_int_t                  rc;
    asg_str_t                  body, shown;
    asg_usage_t               *usage;
    ngx_http_asgard_answer_t  *answer;

    answer = &a->answer;
    usage = &answer->core.usage;

    if (a->ctx->route == NGX_HTTP_ASGARD_ROUTE_GATEWAY) {
        shown = a->model->ref;

    } else {
        shown.data = (const char *) a->ctx->asked.data;
        shown.len = a->ctx->asked.len;
    }

    rc = NGX_OK;

    if (ngx_http_asgard_translates(a) && !a->response.coded) {

        rc = ngx_http_asgard_anthropic_answer(a, shown);
        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    body.data = (const char *) answer->body;
    body.len = answer->len;

    ngx_http_asgard_answer_meter(a, shown, 0);

    answer->splice = ngx_palloc(a->ctx->request->pool,
                                sizeof(asg_answer_splice_t));
    if (answer->splice == NULL) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK && !a->response.coded && body.len
        && asg_answer_json(&answer->core, body, answer->splice) == ASG_OK)
    {
        ngx_http_asgard_call_bytes(a->ctx, usage->content_bytes, usage);
        return usage->error_event || usage->leaked ? NGX_ERROR : NGX_OK;
    }

    /* work was done for it, whatever it is */

    answer->splice = NULL;
    usage->malformed = 1;
    usage->content_bytes = answer->len;

    return NGX_ERROR;
}


ngx_int_t
ngx_http_asgard_answer_send(ngx_http_asgard_attempt_t *a)
{
    unsigned              i;
    asg_str_t             piece[ASG_ANSWER_PIECES + 3];
    ngx_uint_t            n;
    ngx_http_upstream_t  *u;

    u = a->ctx->request->upstream;
    n = 0;

    for (i = 0; i < a->answer.splice->npieces; i++) {
        if (a->answer.splice->piece[i].len) {
            piece[n++] = a->answer.splice->piece[i];
        }
    }

    if (a->ctx->route == NGX_HTTP_ASGARD_ROUTE_GATEWAY) {
        n = ngx_http_asgard_answer_gateway(a, piece, n);
        if (n == 0) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_asgard_answer_chain(a, piece, n) != NGX_OK) {
        return NGX_ERROR;
    }

    u->keepalive = !a->response.close && !a->response.excess;
    u->input_filter_init = ngx_http_asgard_answer_filter_init;
    u->input_filter = ngx_http_asgard_answer_filter;
    u->input_filter_ctx = a;

    /*
     * One byte seems to be left over: so the core calls the filter at once
     * and sends head and body together, instead of flushing the head alone.
     * Nothing is read after it: the buffer has no room.
     */

    u->buffer.last = u->buffer.end;
    u->buffer.pos = u->buffer.end - 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_answer_filter_init(void *data)
{
    ngx_http_asgard_attempt_t *a = data;

    a->ctx->request->upstream->length = 0;
    a->streaming = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_answer_filter(void *data, ssize_t bytes)
{
    ngx_http_asgard_attempt_t *a = data;

    ngx_http_upstream_t  *u;

    u = a->ctx->request->upstream;
    u->buffer.last += bytes;

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_answer_chain(ngx_http_asgard_attempt_t *a, asg_str_t *piece,
    ngx_uint_t n)
{
    ngx_buf_t            *b;
    ngx_uint_t            i;
    ngx_chain_t          *cl, **ll;
    ngx_http_upstream_t  *u;

    u = a->ctx->request->upstream;
    u->headers_in.content_length_n = 0;
    u->out_bufs = NULL;
    ll = &u->out_bufs;

    for (i = 0; i < n; i++) {

        cl = ngx_chain_get_free_buf(a->ctx->request->pool, &u->free_bufs);
        if (cl == NULL) {
            return NGX_ERROR;
        }

        b = cl->buf;
        b->start = (u_char *) piece[i].data;
        b->pos = b->start;
        b->last = b->start + piece[i].len;
        b->end = b->last;
        b->memory = 1;
        b->flush = (i == n - 1);
        b->tag = u->output.tag;

        u->headers_in.content_length_n += piece[i].len;

        *ll = cl;
        ll = &cl->next;
    }

    return NGX_OK;
}


/*
 * /api/gateway/chat: further members before the last brace.  The last piece of
 * the answer is its text's tail, so it ends with that brace.
 */

static ngx_uint_t
ngx_http_asgard_answer_gateway(ngx_http_asgard_attempt_t *a, asg_str_t *piece,
    ngx_uint_t n)
{
    char                    cost[ASG_MONEY_TEXT], *text;
    size_t                  size;
    asg_str_t              *last, content;
    asg_buf_t               out;
    ngx_http_asgard_ctx_t  *ctx;

    ctx = a->ctx;
    last = &piece[n - 1];

    while (last->len && last->data[last->len - 1] != '}') {
        last->len--;
    }

    if (last->len == 0) {
        return 0;
    }

    if (--last->len == 0) {
        /* what stood before it was left out */
        n--;
    }

    content = asg_answer_content((asg_str_t) {
                             (const char *) a->answer.body, a->answer.len });
    if (content.data == NULL) {
        content = ASG_STR("null");
    }

    size = NGX_HTTP_ASGARD_GATEWAY_TAIL + ctx->trace_len
           + 6 * a->model->provider.len;

    text = ngx_pnalloc(ctx->request->pool, size);
    if (text == NULL) {
        return 0;
    }

    (void) asg_money_format(ctx->call.cost_nusd, cost);

    asg_buf_init(&out, text, size);
    asg_buf_z(&out, ",\"trace_id\":");
    asg_buf_json(&out, (asg_str_t) { (const char *) ctx->trace,
                                     ctx->trace_len });
    asg_buf_z(&out, ",\"provider\":");
    asg_buf_json(&out, a->model->provider);
    asg_buf_z(&out, ",\"cost_usd\":");
    asg_buf_z(&out, cost);
    ngx_http_asgard_answer_count(&out, ",\"prompt_tokens\":",
                                 ctx->call.tokens.prompt, ctx->call.measured);
    ngx_http_asgard_answer_count(&out, ",\"completion_tokens\":",
                                 ctx->call.tokens.completion,
                                 ctx->call.measured);
    asg_buf_z(&out, ",\"guardrail_verdicts\":[");
    ngx_http_asgard_guard_verdicts(&out, ctx);
    asg_buf_z(&out, "]}");

    if (!asg_buf_ok(&out)) {
        return 0;
    }

    piece[n++] = ASG_STR(",\"content\":");
    piece[n++] = content;
    piece[n++] = asg_buf_view(&out);

    return n;
}


static void
ngx_http_asgard_answer_count(asg_buf_t *out, const char *name, int64_t tokens,
    ngx_uint_t measured)
{
    asg_buf_z(out, name);

    if (measured) {
        asg_buf_i64(out, tokens);

    } else {
        asg_buf_z(out, "null");
    }
}
