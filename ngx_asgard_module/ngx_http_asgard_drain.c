
/*
 * After a client left: read on, within bounds, and swallow what it would get.
 */

#include "ngx_http_asgard_drain.h"

#include "ngx_http_asgard_candidate.h"


static void ngx_http_asgard_drain_check(ngx_http_request_t *r);
static ngx_uint_t ngx_http_asgard_drain_is_gone(ngx_http_request_t *r);
static void ngx_http_asgard_drain_begin(ngx_http_asgard_attempt_t *a);
static void ngx_http_asgard_drain_timeout(ngx_event_t *ev);
static void ngx_http_asgard_drain_downstream(ngx_http_request_t *r);
static ngx_int_t ngx_http_asgard_drain_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static void ngx_http_asgard_drain_swallow(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_output_body_filter_pt  ngx_http_asgard_drain_next_filter;


ngx_int_t
ngx_http_asgard_drain_filter_init(ngx_conf_t *cf)
{
    ngx_http_asgard_drain_next_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_asgard_drain_body_filter;

    return NGX_OK;
}


void
ngx_http_asgard_drain_watch(ngx_http_asgard_attempt_t *a)
{
    ngx_http_request_t  *r;

    r = a->ctx->request;

    r->read_event_handler = ngx_http_asgard_drain_check;
    r->write_event_handler = ngx_http_request_empty_handler;
}


static void
ngx_http_asgard_drain_check(ngx_http_request_t *r)
{
    ngx_http_asgard_ctx_t  *ctx;

    if (!ngx_http_asgard_drain_is_gone(r)) {
        return;
    }

    r->read_event_handler = ngx_http_block_reading;
    r->connection->read->eof = 1;

    ctx = ngx_http_asgard_ctx(r);
    ngx_http_asgard_drain_begin(ctx->attempt);
}


static ngx_uint_t
ngx_http_asgard_drain_is_gone(ngx_http_request_t *r)
{
    int                n;
    char               buf[1];
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = r->connection;
    rev = c->read;

    if (c->error || rev->pending_eof) {
        return 1;
    }

#if (NGX_HTTP_V2)
    if (r->stream) {
        return 0;
    }
#endif

    n = recv(c->fd, buf, 1, MSG_PEEK);

    if (n == 0 || (n == -1 && ngx_socket_errno != NGX_EAGAIN)) {
        return 1;
    }

    /* a pipelined request waits its turn */

    if ((ngx_event_flags & NGX_USE_LEVEL_EVENT) && rev->active && n > 0) {
        (void) ngx_del_event(rev, NGX_READ_EVENT, 0);
    }

    return 0;
}


static void
ngx_http_asgard_drain_begin(ngx_http_asgard_attempt_t *a)
{
    ngx_http_request_t           *r;
    ngx_http_asgard_main_conf_t  *amcf;

    r = a->ctx->request;

    if (a->ctx->client_gone || a->finished) {
        return;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "asgard: the client left, the answer is read on");

    a->ctx->client_gone = 1;
    ngx_http_asgard_candidate_release(a);
    r->keepalive = 0;
    r->lingering_close = 0;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_asgard_module);

    a->drain.data = a;
    a->drain.log = r->connection->log;
    a->drain.handler = ngx_http_asgard_drain_timeout;

    ngx_add_timer(&a->drain, amcf->drain_timeout);
}


static void
ngx_http_asgard_drain_timeout(ngx_event_t *ev)
{
    ngx_connection_t           *c;
    ngx_http_request_t         *r;
    ngx_http_asgard_attempt_t  *a;

    a = ev->data;
    r = a->ctx->request;
    c = r->connection;

    a->cut = 1;

    /* the upstream's cleanup gives up its reference while the request is
     * being terminated: that must not be the last one */
    r->main->count++;

    ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
    ngx_http_run_posted_requests(c);
}


ngx_int_t
ngx_http_asgard_drain_count(ngx_http_asgard_attempt_t *a, size_t n)
{
    ngx_http_asgard_main_conf_t  *amcf;

    if (!a->ctx->client_gone) {
        return NGX_OK;
    }

    amcf = ngx_http_get_module_main_conf(a->ctx->request,
                                         ngx_http_asgard_module);
    a->drained += n;

    if (a->drained > amcf->drain_bytes) {
        a->cut = 1;
        return NGX_ABORT;
    }

    return NGX_OK;
}


void
ngx_http_asgard_drain_abandon(ngx_http_asgard_attempt_t *a)
{
    a->abandoned = 1;
    a->ctx->request->keepalive = 0;
    a->ctx->request->lingering_close = 0;

    ngx_http_asgard_drain_swallow(a->ctx->request, NULL);
}


void
ngx_http_asgard_drain_finish(ngx_http_asgard_attempt_t *a)
{
    /* what the core still sends after this may find the client gone: there is
     * nothing left to read on, and no memory for a timer */
    a->finished = 1;

    if (a->drain.timer_set) {
        ngx_del_timer(&a->drain);
    }
}


void
ngx_http_asgard_drain_stream(ngx_http_asgard_attempt_t *a)
{
    ngx_http_request_t  *r;

    r = a->ctx->request;

    a->downstream = r->write_event_handler;
    r->write_event_handler = ngx_http_asgard_drain_downstream;

    /* a stream's client is found gone when it is written to */
    r->read_event_handler = ngx_http_block_reading;
}


/* In place of the core's handler, which would end the call for a client that
 * reads nothing for send_timeout. */

static void
ngx_http_asgard_drain_downstream(ngx_http_request_t *r)
{
    ngx_event_t            *wev;
    ngx_http_asgard_ctx_t  *ctx;

    wev = r->connection->write;
    ctx = ngx_http_asgard_ctx(r);

    if (wev->timedout) {
        wev->timedout = 0;
        r->connection->timedout = 1;
        ngx_http_asgard_drain_begin(ctx->attempt);
    }

    ctx->attempt->downstream(r);
}


static ngx_int_t
ngx_http_asgard_drain_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t                   rc;
    ngx_http_asgard_ctx_t      *ctx;
    ngx_http_asgard_attempt_t  *a;

    ctx = ngx_http_get_module_ctx(r, ngx_http_asgard_module);

    if (ctx == NULL || ctx->attempt == NULL || r != r->main) {
        return ngx_http_asgard_drain_next_filter(r, in);
    }

    a = ctx->attempt;

    if (!ctx->client_gone && !a->abandoned) {
        rc = ngx_http_asgard_drain_next_filter(r, in);

        if (rc != NGX_ERROR || !a->streaming || a->finished) {
            return rc;
        }

        if (!r->connection->error) {

            /* no memory: the chain that the core built has no end */

            r->out = NULL;
            return NGX_ERROR;
        }

        ngx_http_asgard_drain_begin(a);
    }

    ngx_http_asgard_drain_swallow(r, in);

    return NGX_OK;
}


/* What waits for the client counts as sent, so that the buffers come back. */

static void
ngx_http_asgard_drain_swallow(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t          *cl, *next;
    ngx_http_upstream_t  *u;

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
    }

    u = r->upstream;

    for (cl = u ? u->busy_bufs : NULL; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
    }

    for (cl = r->out; cl; cl = next) {
        next = cl->next;
        cl->buf->pos = cl->buf->last;
        ngx_free_chain(r->pool, cl);
    }

    r->out = NULL;
    r->buffered = 0;
    r->connection->buffered = 0;
}
