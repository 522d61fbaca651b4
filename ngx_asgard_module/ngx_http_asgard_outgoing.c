
/*
 * The request as a provider gets it: written anew for every attempt.
 */

#include "ngx_http_asgard_outgoing.h"

#include <openssl/crypto.h>

#include "core/catalog_headers.h"
#include "core/trace.h"
#include "ngx_http_asgard_anthropic.h"
#include "ngx_http_asgard_candidate.h"
#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_messages.h"
#include "ngx_http_asgard_route.h"
#include "ngx_http_asgard_snapshot.h"


/* Pieces up to this size are copied together: fewer parts for writev. */
#define NGX_HTTP_ASGARD_COALESCE  2048


typedef char ngx_http_asgard_outgoing_text_is_copied
    [ASG_SPLICE_TEXT <= NGX_HTTP_ASGARD_COALESCE ? 1 : -1];


static ngx_int_t ngx_http_asgard_outgoing_body(ngx_http_asgard_attempt_t *a,
    asg_splice_t *splice);
static size_t ngx_http_asgard_outgoing_head(ngx_http_asgard_attempt_t *a,
    asg_splice_t *splice, asg_buf_t *out);
static void ngx_http_asgard_outgoing_headers(ngx_http_asgard_attempt_t *a,
    asg_buf_t *out);
static size_t ngx_http_asgard_outgoing_headers_size(
    ngx_http_asgard_attempt_t *a);
static ngx_int_t ngx_http_asgard_outgoing_trace(ngx_http_asgard_ctx_t *ctx,
    asg_str_t *trace);
static void ngx_http_asgard_outgoing_line(asg_buf_t *out, const char *name,
    asg_str_t value);
static u_char *ngx_http_asgard_outgoing_secret(ngx_pool_t *pool, size_t size);
static void ngx_http_asgard_outgoing_wipe(void *data);
static ngx_chain_t *ngx_http_asgard_outgoing_chain(ngx_http_request_t *r,
    asg_buf_t *head, asg_splice_t *splice);
static size_t ngx_http_asgard_outgoing_small(asg_splice_t *splice);
static void ngx_http_asgard_outgoing_flush(ngx_chain_t *cl);
static ngx_chain_t **ngx_http_asgard_outgoing_link(ngx_http_request_t *r,
    ngx_chain_t **ll, u_char *pos, u_char *last);


ngx_int_t
ngx_http_asgard_outgoing(ngx_http_asgard_attempt_t *a)
{
    u_char              *data;
    size_t               size;
    asg_buf_t            head;
    ngx_chain_t         *cl;
    asg_splice_t         splice;
    ngx_http_request_t  *r;

    r = a->ctx->request;

    if (ngx_http_asgard_outgoing_body(a, &splice) != NGX_OK) {
        return NGX_ERROR;
    }

    /* first to learn the length, then to write: a full buffer writes nothing */

    size = ngx_http_asgard_outgoing_head(a, &splice, NULL);

    data = ngx_http_asgard_outgoing_secret(r->pool, size
                                   + ngx_http_asgard_outgoing_small(&splice));
    if (data == NULL) {
        return NGX_ERROR;
    }

    asg_buf_init(&head, (char *) data, size);
    (void) ngx_http_asgard_outgoing_head(a, &splice, &head);

    if (!asg_buf_ok(&head)) {
        return NGX_ERROR;
    }

    cl = ngx_http_asgard_outgoing_chain(r, &head, &splice);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    r->upstream->request_bufs = cl;

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_outgoing_body(ngx_http_asgard_attempt_t *a,
    asg_splice_t *splice)
{
    asg_rewrite_t           rewrite;
    const asg_model_t      *m;
    ngx_http_asgard_ctx_t  *ctx;

    m = a->model;
    ctx = a->ctx;

    if (ngx_http_asgard_translates(a)) {
        return ngx_http_asgard_anthropic_body(a, splice);
    }

    ngx_memzero(&rewrite, sizeof(asg_rewrite_t));

    rewrite.model = m->served;
    rewrite.max_tokens = ngx_http_asgard_messages_output(a);
    rewrite.max_tokens_field = m->max_tokens_field;
    rewrite.force_usage = ctx->parsed->stream && m->send_stream_options
                          && !ngx_http_asgard_route_is_messages(ctx);
    rewrite.drop_stream_options = !m->send_stream_options;

    if (m->send_user) {
        rewrite.user = asg_str_z(ctx->project->project_id);
    }

    if (asg_request_splice(ctx->parsed, &rewrite, splice) != ASG_OK) {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "asgard: the body could not be rewritten");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* The whole list of headers that a provider ever gets from us.  Without `out`
 * it returns a size that suffices. */

static size_t
ngx_http_asgard_outgoing_head(ngx_http_asgard_attempt_t *a,
    asg_splice_t *splice, asg_buf_t *out)
{
    asg_str_t               key, host, path, trace;
    ngx_str_t              *opened;
    const asg_endpoint_t   *e;
    ngx_http_asgard_ctx_t  *ctx;

    e = a->endpoint;
    ctx = a->ctx;
    path = a->model->path[ctx->parsed->api];
    host = e->host_header.len ? e->host_header : ASG_STR("localhost");

    opened = &ctx->snapshot->keys[a->model->endpoint];
    key.data = (const char *) opened->data;
    key.len = opened->len;

    if (out == NULL) {
        return path.len + host.len + e->auth_header.len + e->auth_scheme.len
               + key.len + ctx->trace_len + 512
               + ngx_http_asgard_messages_headers(a, NULL)
               + ngx_http_asgard_outgoing_headers_size(a);
    }

    asg_buf_z(out, "POST ");
    asg_buf_str(out, path);
    asg_buf_z(out, " HTTP/1.1\r\n");
    ngx_http_asgard_outgoing_line(out, "Host", host);
    asg_buf_z(out, "Content-Type: application/json\r\nContent-Length: ");
    asg_buf_u64(out, splice->length);
    asg_buf_z(out, "\r\n");
    ngx_http_asgard_outgoing_line(out, "Accept", ctx->parsed->stream
                                  ? ASG_STR("text/event-stream")
                                  : ASG_STR("application/json"));
    asg_buf_z(out, "Accept-Encoding: identity\r\nUser-Agent: asgard\r\n");
    ngx_http_asgard_outgoing_line(out, "x-request-id", (asg_str_t) {
                                  (const char *) ctx->trace, ctx->trace_len });

    if (ngx_http_asgard_outgoing_trace(ctx, &trace)) {
        ngx_http_asgard_outgoing_line(out, "traceparent", trace);
    }

    (void) ngx_http_asgard_messages_headers(a, out);
    ngx_http_asgard_outgoing_headers(a, out);

    if (key.len && e->auth_header.len) {
        asg_buf_str(out, e->auth_header);
        asg_buf_z(out, ": ");
        asg_buf_str(out, e->auth_scheme);
        asg_buf_z(out, e->auth_scheme.len ? " " : "");
        asg_buf_str(out, key);
        asg_buf_z(out, "\r\n");
    }

    asg_buf_z(out, "\r\n");

    return out->len;
}


/* Those that the operator's module sets: a client's never get this far. */

static void
ngx_http_asgard_outgoing_headers(ngx_http_asgard_attempt_t *a, asg_buf_t *out)
{
    unsigned             i;
    asg_str_t            project;
    const asg_header_t  *h;

    project = asg_str_z(a->ctx->project->project_id);

    for (i = 0; i < a->endpoint->nheaders; i++) {
        h = &a->endpoint->headers[i];

        asg_buf_str(out, h->name);
        asg_buf_z(out, ": ");
        asg_buf_str(out, asg_catalog_header_value(h->value, project));
        asg_buf_z(out, "\r\n");
    }
}


static size_t
ngx_http_asgard_outgoing_headers_size(ngx_http_asgard_attempt_t *a)
{
    size_t               size;
    unsigned             i;
    const asg_header_t  *h;

    size = 0;

    for (i = 0; i < a->endpoint->nheaders; i++) {
        h = &a->endpoint->headers[i];

        size += h->name.len + sizeof(": \r\n") - 1
                + ngx_max(h->value.len,
                          ngx_strlen(a->ctx->project->project_id));
    }

    return size;
}


/* The client's place in a trace, when it says one: 55 bytes, which the caller's
 * room of 512 has.  Of several headers the first. */

static ngx_int_t
ngx_http_asgard_outgoing_trace(ngx_http_asgard_ctx_t *ctx, asg_str_t *trace)
{
    ngx_str_t  *given;

    given = ngx_http_asgard_header(ctx->request, "traceparent");
    if (given == NULL) {
        return 0;
    }

    *trace = ngx_http_asgard_str(given);

    return asg_traceparent_is_valid(*trace);
}


static void
ngx_http_asgard_outgoing_line(asg_buf_t *out, const char *name,
    asg_str_t value)
{
    asg_buf_z(out, name);
    asg_buf_z(out, ": ");
    asg_buf_str(out, value);
    asg_buf_z(out, "\r\n");
}


/* Memory of the request that is wiped with it: a provider's key goes in. */

static u_char *
ngx_http_asgard_outgoing_secret(ngx_pool_t *pool, size_t size)
{
    ngx_str_t           *secret;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_str_t));
    if (cln == NULL) {
        return NULL;
    }

    secret = cln->data;
    secret->data = ngx_pnalloc(pool, size);
    secret->len = size;

    if (secret->data == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_asgard_outgoing_wipe;

    return secret->data;
}


static void
ngx_http_asgard_outgoing_wipe(void *data)
{
    ngx_str_t  *secret = data;

    OPENSSL_cleanse(secret->data, secret->len);
}


/* Head and body as few buffers: small pieces are copied behind one another, for
 * which there is room after the head's own; a large one, which is the body's
 * text and nothing of the splice's, ends what was gathered. */

static ngx_chain_t *
ngx_http_asgard_outgoing_chain(ngx_http_request_t *r, asg_buf_t *head,
    asg_splice_t *splice)
{
    u_char       *p, *start;
    unsigned      i;
    asg_str_t     piece;
    ngx_chain_t  *first, **ll;

    start = (u_char *) head->data;
    p = start + head->len;
    first = NULL;
    ll = &first;

    for (i = 0; i < splice->npieces && ll; i++) {
        piece = splice->piece[i];

        if (piece.len <= NGX_HTTP_ASGARD_COALESCE) {
            p = piece.len ? ngx_cpymem(p, piece.data, piece.len) : p;
            continue;
        }

        ll = ngx_http_asgard_outgoing_link(r, ll, start, p);
        start = p;

        if (ll) {
            ll = ngx_http_asgard_outgoing_link(r, ll, (u_char *) piece.data,
                                               (u_char *) piece.data
                                               + piece.len);
        }
    }

    if (ll) {
        ll = ngx_http_asgard_outgoing_link(r, ll, start, p);
    }

    if (ll == NULL) {
        return NULL;
    }

    ngx_http_asgard_outgoing_flush(first);

    return first;
}


static size_t
ngx_http_asgard_outgoing_small(asg_splice_t *splice)
{
    size_t    size;
    unsigned  i;

    size = 0;

    for (i = 0; i < splice->npieces; i++) {
        if (splice->piece[i].len <= NGX_HTTP_ASGARD_COALESCE) {
            size += splice->piece[i].len;
        }
    }

    return size;
}


/* Else the last bytes stay in the buffer of a TLS connection. */

static void
ngx_http_asgard_outgoing_flush(ngx_chain_t *cl)
{
    while (cl->next) {
        cl = cl->next;
    }

    cl->buf->flush = 1;
}


/* Appends at `ll` and returns where the next one goes; NULL: no memory.  Each
 * buffer has start = pos, because the core rewinds to start before a resend. */

static ngx_chain_t **
ngx_http_asgard_outgoing_link(ngx_http_request_t *r, ngx_chain_t **ll,
    u_char *pos, u_char *last)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (pos == last) {
        return ll;
    }

    b = ngx_calloc_buf(r->pool);
    cl = ngx_alloc_chain_link(r->pool);

    if (b == NULL || cl == NULL) {
        return NULL;
    }

    b->start = pos;
    b->pos = pos;
    b->last = last;
    b->end = last;
    b->memory = 1;

    cl->buf = b;
    cl->next = NULL;
    *ll = cl;

    return &cl->next;
}
