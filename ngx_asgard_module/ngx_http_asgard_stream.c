
/*
 * A provider's SSE answer: metered and rewritten event by event, sent at once.
 */

#include "ngx_http_asgard_stream.h"

#include "ngx_http_asgard_anthropic.h"
#include "ngx_http_asgard_body.h"
#include "ngx_http_asgard_candidate.h"
#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_drain.h"
#include "ngx_http_asgard_finalise.h"
#include "ngx_http_asgard_guard_answer.h"
#include "ngx_http_asgard_health.h"
#include "ngx_http_asgard_messages.h"
#include "ngx_http_asgard_route.h"
#include "ngx_http_asgard_times.h"


#define NGX_HTTP_ASGARD_STREAM_LEAST  512     /* of an outgoing buffer */
#define NGX_HTTP_ASGARD_STREAM_MOST   8192


static ngx_int_t ngx_http_asgard_stream_filter_init(void *data);
static ngx_int_t ngx_http_asgard_stream_filter(void *data, ssize_t bytes);
static ngx_int_t ngx_http_asgard_stream_sink(void *data, u_char *bytes,
    size_t len);
static int ngx_http_asgard_stream_meter(void *data, const char *bytes,
    size_t len);
static char *ngx_http_asgard_stream_grow(void *data, char *line, size_t used,
    size_t size);
static int ngx_http_asgard_stream_drop(void *data, const char *bytes,
    size_t len);
static ngx_int_t ngx_http_asgard_stream_end(ngx_http_asgard_attempt_t *a,
    ngx_uint_t whole);
static ngx_int_t ngx_http_asgard_stream_send(ngx_http_request_t *r);
static ngx_chain_t *ngx_http_asgard_stream_buf(ngx_http_asgard_attempt_t *a,
    size_t len);
static size_t ngx_http_asgard_stream_size(ngx_http_asgard_attempt_t *a,
    size_t len);


ngx_int_t
ngx_http_asgard_stream_start(ngx_http_asgard_attempt_t *a)
{
    asg_str_t               shown;
    ngx_http_upstream_t    *u;
    ngx_http_asgard_ctx_t  *ctx;

    ctx = a->ctx;
    u = ctx->request->upstream;

    /* in Anthropic's words it is always told */

    ngx_http_asgard_answer_meter(a, ngx_http_asgard_str(&ctx->asked),
                                 !ctx->parsed->include_usage
                                 && !ngx_http_asgard_route_is_messages(ctx));

    /* a stream that was accepted is the last attempt, and may be open long */

    if (u->request_body_sent) {
        ngx_http_asgard_anthropic_drop(a);

        if (ngx_http_asgard_body_forget(ctx) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    shown = ngx_http_asgard_str(&ctx->asked);
    a->answer.core.model = shown;
    a->answer.core.grow = ngx_http_asgard_stream_grow;
    a->answer.core.grow_data = ctx->request->pool;

    if (ngx_http_asgard_translates(a)
        && ngx_http_asgard_anthropic_stream_start(a, shown) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_asgard_guard_answer_begin(a) != NGX_OK) {
        return NGX_ERROR;
    }

    u->headers_in.content_length_n = -1;
    u->input_filter_init = ngx_http_asgard_stream_filter_init;
    u->input_filter = ngx_http_asgard_stream_filter;
    u->input_filter_ctx = a;

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_stream_filter_init(void *data)
{
    ngx_http_asgard_attempt_t *a = data;

    ngx_http_upstream_t  *u;

    u = a->ctx->request->upstream;
    a->streaming = 1;

    /* to the core: -1 ends with the connection, else the filter says when */

    u->length = (a->response.chunked || a->response.length != -1) ? 1 : -1;

    if (a->response.whole) {
        u->length = 0;
    }

    ngx_http_asgard_drain_stream(a);

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_stream_filter(void *data, ssize_t bytes)
{
    ngx_http_asgard_attempt_t *a = data;

    ngx_buf_t             b;
    ngx_int_t             rc;
    asg_usage_t          *usage;
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = a->ctx->request;
    u = r->upstream;
    usage = &a->answer.core.usage;

    ngx_memzero(&b, sizeof(ngx_buf_t));
    b.pos = u->buffer.last;
    b.last = b.pos + bytes;

    /* the copies go out; the room is given back when they have gone */
    u->buffer.last = b.last;
    a->taken = bytes;

    if (a->response.whole) {
        a->response.excess = 1;
        u->keepalive = 0;
        return NGX_OK;
    }

    rc = ngx_http_asgard_response_body(r, &b, &a->response,
                                       ngx_http_asgard_stream_sink, a);

    if (rc == NGX_DONE) {
        if (ngx_http_asgard_stream_end(a, 1) != NGX_OK) {
            return NGX_ERROR;
        }

        u->length = 0;
        u->keepalive = !a->response.close && !a->response.excess;
        rc = NGX_OK;
    }

    ngx_http_asgard_call_bytes(a->ctx, usage->content_bytes, usage);

    if (rc != NGX_OK) {
        /* NGX_ERROR would lose what stands in the buffers, head included */
        u->error = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_stream_sink(void *data, u_char *bytes, size_t len)
{
    ngx_http_asgard_attempt_t *a = data;

    int  rc;

    if (ngx_http_asgard_drain_count(a, len) != NGX_OK) {
        return NGX_ABORT;
    }

    if (a->ctx->first_byte == 0) {
        a->ctx->first_byte = ngx_current_msec;
        ngx_http_asgard_times_note(NGX_HTTP_ASGARD_TIMES_FIRST_TOKEN,
                                   ngx_http_asgard_times_now()
                                   - a->ctx->begun_us);
    }

    a->answer.seen += len;

    if (a->messages) {
        rc = ngx_http_asgard_anthropic_stream_feed(a, (const char *) bytes,
                                            len, ngx_http_asgard_stream_meter);

    } else {
        rc = ngx_http_asgard_stream_meter(a, (const char *) bytes, len);
    }

    if (!a->measured && a->answer.core.usage.content_bytes) {
        /* heads, comments and roles come before there is any token */
        a->measured = 1;
        ngx_http_asgard_health_measured(a->health, ASG_LATENCY_FIRST_TOKEN,
                                        ngx_current_msec - a->sent_at);
    }

    return rc == 0 ? NGX_OK : NGX_ABORT;
}


static int
ngx_http_asgard_stream_meter(void *data, const char *bytes, size_t len)
{
    ngx_http_asgard_attempt_t *a = data;

    return asg_answer_feed(&a->answer.core, bytes, len,
                           ngx_http_asgard_guard_answer_emit, a);
}


/* For an event that came cut: most streams need none of it. */

static char *
ngx_http_asgard_stream_grow(void *data, char *line, size_t used, size_t size)
{
    ngx_pool_t *pool = data;

    char  *more;

    more = ngx_palloc(pool, size);

    if (more && line) {
        ngx_memcpy(more, line, used);
        (void) ngx_pfree(pool, line);
    }

    return more;
}


int
ngx_http_asgard_stream_emit(void *data, const char *bytes, size_t len)
{
    ngx_http_asgard_attempt_t *a = data;

    size_t        n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (a->ctx->client_gone) {
        return 0;
    }

    while (len) {

        cl = ngx_http_asgard_stream_buf(a, len);
        if (cl == NULL) {
            return 1;
        }

        b = cl->buf;
        n = ngx_min(len, (size_t) (b->end - b->last));
        b->last = ngx_cpymem(b->last, bytes, n);

        bytes += n;
        len -= n;
    }

    return 0;
}


/* Nobody is there to get it. */

static int
ngx_http_asgard_stream_drop(void *data, const char *bytes, size_t len)
{
    (void) data;
    (void) bytes;
    (void) len;

    return 0;
}


/* The last outgoing buffer while it has room, else a free or a new one. */

static ngx_chain_t *
ngx_http_asgard_stream_buf(ngx_http_asgard_attempt_t *a, size_t len)
{
    size_t                size;
    ngx_buf_t            *b;
    ngx_chain_t          *cl, **ll;
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = a->ctx->request;
    u = r->upstream;
    ll = &u->out_bufs;

    for (cl = u->out_bufs; cl; cl = cl->next) {
        if (cl->next == NULL && cl->buf->last < cl->buf->end) {
            return cl;
        }

        ll = &cl->next;
    }

    cl = ngx_chain_get_free_buf(r->pool, &u->free_bufs);
    if (cl == NULL) {
        return NULL;
    }

    b = cl->buf;

    if (b->start == NULL) {
        size = ngx_http_asgard_stream_size(a, len);

        b->start = ngx_pnalloc(r->pool, size);
        if (b->start == NULL) {
            return NULL;
        }

        b->end = b->start + size;
    }

    b->pos = b->start;
    b->last = b->start;
    b->temporary = 1;
    b->flush = 1;
    b->tag = u->output.tag;

    cl->next = NULL;
    *ll = cl;

    return cl;
}


/* Room for what was read at once, and for a longer name in it: an event now and
 * then takes little, one read of many events few buffers. */

static size_t
ngx_http_asgard_stream_size(ngx_http_asgard_attempt_t *a, size_t len)
{
    size_t  size;

    size = ngx_max(len, a->taken + a->taken / 8);
    size = ngx_max(size, NGX_HTTP_ASGARD_STREAM_LEAST);

    return ngx_min(size, NGX_HTTP_ASGARD_STREAM_MOST);
}


static ngx_int_t
ngx_http_asgard_stream_end(ngx_http_asgard_attempt_t *a, ngx_uint_t whole)
{
    int  rc;

    a->answer.ended = 1;

    rc = asg_answer_end(&a->answer.core,
                        whole ? ngx_http_asgard_guard_answer_emit
                              : ngx_http_asgard_stream_drop, a);

    if (rc == 0 && whole
        && (a->messages || a->answer.core.words == ASG_WORDS_MESSAGES))
    {
        /* HTTP saw its end, but Anthropic's streams say it themselves */
        rc = asg_answer_cut(&a->answer.core, ngx_http_asgard_guard_answer_emit,
                            a);
    }

    return ngx_http_asgard_guard_answer_end(a, rc == 0) == 0 && rc == 0
           ? NGX_OK : NGX_ERROR;
}


/* What the core does with the outgoing buffers after each read. */

static ngx_int_t
ngx_http_asgard_stream_send(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u->out_bufs == NULL) {
        return NGX_OK;
    }

    rc = ngx_http_output_filter(r, u->out_bufs);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_chain_update_chains(r->pool, &u->free_bufs, &u->busy_bufs,
                            &u->out_bufs, u->output.tag);

    return NGX_OK;
}


void
ngx_http_asgard_stream_pass(ngx_http_asgard_attempt_t *a, ngx_uint_t whole)
{
    ngx_http_request_t  *r;

    if (!a->streaming || a->answer.ended || a->ctx->client_gone
        || a->abandoned)
    {
        return;
    }

    r = a->ctx->request;

    if (ngx_http_asgard_stream_end(a, whole) != NGX_OK
        || ngx_http_asgard_stream_send(r) != NGX_OK)
    {
        /* no clean end may follow what is not whole */
        r->connection->error = 1;
    }
}


void
ngx_http_asgard_stream_finish(ngx_http_asgard_attempt_t *a)
{
    if (a->answer.core.shown_len == 0 || a->answer.ended) {
        /* nothing was read, or all was */
        return;
    }

    a->answer.ended = 1;
    (void) asg_answer_end(&a->answer.core, ngx_http_asgard_stream_drop, a);
    (void) ngx_http_asgard_guard_answer_end(a, 0);
}
