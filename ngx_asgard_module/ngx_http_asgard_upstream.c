
/*
 * The content handler on nginx's upstream API.
 *
 * Which peer is called is candidate.c's, what is sent outgoing.c's, how an
 * answer is read response.c's; here the parts are hung into nginx's upstream
 * machine.  A bad answer always leaves process_header as INVALID_HEADER:
 * that is silent, whatever the status, so nothing of it can leak.
 */

#include "ngx_http_asgard_upstream.h"

#include "ngx_http_asgard_advance.h"
#include "ngx_http_asgard_answer.h"
#include "ngx_http_asgard_candidate.h"
#include "ngx_http_asgard_drain.h"
#include "ngx_http_asgard_error.h"
#include "ngx_http_asgard_finalise.h"
#include "ngx_http_asgard_guard_answer.h"
#include "ngx_http_asgard_health.h"
#include "ngx_http_asgard_outcome.h"
#include "ngx_http_asgard_peer.h"
#include "ngx_http_asgard_provider_error.h"
#include "ngx_http_asgard_resolve.h"
#include "ngx_http_asgard_stream.h"


#define NGX_HTTP_ASGARD_BUFFER  16384         /* an answer's head, at most */


static ngx_int_t ngx_http_asgard_upstream_create_request(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_asgard_upstream_reinit_request(
    ngx_http_request_t *r);
static void ngx_http_asgard_upstream_abort_request(ngx_http_request_t *r);
static ngx_int_t ngx_http_asgard_upstream_write(void *data, ngx_chain_t *in);
static ngx_int_t ngx_http_asgard_upstream_process_header(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_asgard_upstream_accept(ngx_http_asgard_attempt_t *a);
static ngx_uint_t ngx_http_asgard_upstream_is_early(
    ngx_http_asgard_attempt_t *a);
static ngx_int_t ngx_http_asgard_upstream_sse(ngx_http_asgard_attempt_t *a);
static ngx_int_t ngx_http_asgard_upstream_json(ngx_http_asgard_attempt_t *a);
static ngx_int_t ngx_http_asgard_upstream_headers(
    ngx_http_asgard_attempt_t *a);
static ngx_int_t ngx_http_asgard_upstream_header(ngx_http_request_t *r,
    const char *name, const char *value, size_t len);
static ngx_int_t ngx_http_asgard_upstream_bad(ngx_http_asgard_attempt_t *a,
    ngx_http_asgard_fault_e fault);
static void ngx_http_asgard_upstream_finalize_request(ngx_http_request_t *r,
    ngx_int_t rc);
static ssize_t ngx_http_asgard_upstream_no_recv(ngx_connection_t *c,
    u_char *buf, size_t size);


/*
 * What every attempt's conf starts from.  All that is not set stays 0, which
 * is right: no cache, no store, no interception, no X-Accel handling.
 */

ngx_int_t
ngx_http_asgard_upstream_init_main(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf)
{
    ngx_http_upstream_conf_t      *conf;
    ngx_http_upstream_srv_conf_t  *us;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_upstream_conf_t));
    us = ngx_pcalloc(cf->pool, sizeof(ngx_http_upstream_srv_conf_t));

    if (conf == NULL || us == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&us->host, "asgard");
    us->peer.init = ngx_http_asgard_candidate_init_peer;

    conf->upstream = us;
    conf->buffer_size = NGX_HTTP_ASGARD_BUFFER;
    conf->next_upstream = NGX_HTTP_UPSTREAM_FT_ERROR
                          |NGX_HTTP_UPSTREAM_FT_TIMEOUT
                          |NGX_HTTP_UPSTREAM_FT_INVALID_HEADER
                          |NGX_HTTP_UPSTREAM_FT_NON_IDEMPOTENT;
    conf->ignore_headers = NGX_HTTP_UPSTREAM_IGN_XA_REDIRECT
                           |NGX_HTTP_UPSTREAM_IGN_XA_EXPIRES
                           |NGX_HTTP_UPSTREAM_IGN_EXPIRES
                           |NGX_HTTP_UPSTREAM_IGN_CACHE_CONTROL
                           |NGX_HTTP_UPSTREAM_IGN_SET_COOKIE
                           |NGX_HTTP_UPSTREAM_IGN_XA_LIMIT_RATE
                           |NGX_HTTP_UPSTREAM_IGN_XA_BUFFERING
                           |NGX_HTTP_UPSTREAM_IGN_XA_CHARSET
                           |NGX_HTTP_UPSTREAM_IGN_VARY;
    conf->ssl_server_name = 1;
    conf->ssl_verify = 1;
    conf->ssl_session_reuse = 1;
    ngx_str_set(&conf->module, "asgard");

    amcf->upstream = conf;

    if (ngx_http_asgard_peer_init_main(cf, amcf) != NGX_OK
        || ngx_http_asgard_drain_filter_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_asgard_resolve_init_main(cf, amcf);
}


ngx_int_t
ngx_http_asgard_upstream_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_upstream_t          *u;
    ngx_http_asgard_ctx_t        *ctx;
    ngx_http_asgard_main_conf_t  *amcf;

    ctx = ngx_http_asgard_ctx(r);

    /* no hold, no upstream: whatever let the request come here */

    if (ctx == NULL || (ctx->call.slot == NULL && !ctx->unpaid) || ctx->attempt
        || r != r->main)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_asgard_module);

    rc = ngx_http_asgard_candidate_create(ctx, amcf->upstream);

    if (rc != NGX_OK) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_INTERNAL, NULL);
    }

    if (ngx_http_upstream_create(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    u = r->upstream;

    ngx_str_set(&u->schema, "asgard://");
    u->output.tag = (ngx_buf_tag_t) &ngx_http_asgard_module;
    u->output.output_filter = ngx_http_asgard_upstream_write;
    u->output.filter_ctx = ctx->attempt;
    u->conf = &ctx->attempt->conf;
    u->buffering = 0;

    u->create_request = ngx_http_asgard_upstream_create_request;
    u->reinit_request = ngx_http_asgard_upstream_reinit_request;
    u->process_header = ngx_http_asgard_upstream_process_header;
    u->abort_request = ngx_http_asgard_upstream_abort_request;
    u->finalize_request = ngx_http_asgard_upstream_finalize_request;

    /* an error_page would throw the context away */
    r->error_page = 1;

    /* however the body was read, it is whole: else the core would allow no
     * second attempt, and watch the client by its own rule */
    r->request_body_no_buffering = 0;

    r->main->count++;
    ngx_http_upstream_init(r);

    return NGX_DONE;
}


/* The request is built in peer.get: it differs from attempt to attempt. */

static ngx_int_t
ngx_http_asgard_upstream_create_request(ngx_http_request_t *r)
{
    r->upstream->request_bufs = NULL;

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_upstream_reinit_request(ngx_http_request_t *r)
{
    (void) r;

    return NGX_OK;
}


static void
ngx_http_asgard_upstream_abort_request(ngx_http_request_t *r)
{
    (void) r;
}


/* Stands before the socket: the last moment at which nothing was sent. */

static ngx_int_t
ngx_http_asgard_upstream_write(void *data, ngx_chain_t *in)
{
    ngx_http_asgard_attempt_t *a = data;

    ngx_connection_t     *c;
    ngx_http_upstream_t  *u;

    u = a->ctx->request->upstream;

    if (!a->sent) {

        if (a->ctx->client_gone) {
            /* it left during an earlier attempt: nobody waits for this one */
            return NGX_ERROR;
        }

        a->sent = 1;
        a->sent_at = ngx_current_msec;

        ngx_http_asgard_call_sent(a->ctx);
        ngx_http_asgard_drain_watch(a);

        c = u->peer.connection;

        if (a->peer && c->tcp_nodelay == NGX_TCP_NODELAY_UNSET) {
            (void) ngx_tcp_nodelay(c);
        }
    }

    if (!a->response.head) {
        /* what is left for its first byte, now that some time has passed */
        ngx_http_asgard_advance_times(a);
    }

    return ngx_chain_writer(&u->writer, in);
}


static ngx_int_t
ngx_http_asgard_upstream_process_header(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_http_asgard_attempt_t  *a;

    a = ngx_http_asgard_ctx(r)->attempt;

    if (!a->response.head) {

        rc = ngx_http_asgard_response_head(r, &r->upstream->buffer,
                                           &a->response);
        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc != NGX_OK) {
            return ngx_http_asgard_upstream_bad(a,
                                              NGX_HTTP_ASGARD_FAULT_NONE);
        }

        rc = ngx_http_asgard_upstream_accept(a);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (a->refused) {
        return ngx_http_asgard_refused_read(a) == NGX_AGAIN
               ? NGX_AGAIN
               : ngx_http_asgard_upstream_bad(a, NGX_HTTP_ASGARD_FAULT_STATUS);
    }

    if (a->response.type == NGX_HTTP_ASGARD_TYPE_SSE) {

        return ngx_http_asgard_upstream_sse(a);
    }

    rc = ngx_http_asgard_answer_hold(a);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc != NGX_OK) {
        return ngx_http_asgard_upstream_bad(a, NGX_HTTP_ASGARD_FAULT_BROKEN);
    }

    return ngx_http_asgard_upstream_json(a);
}


/* A head is whole.  Is it the answer that was asked for? */

static ngx_int_t
ngx_http_asgard_upstream_accept(ngx_http_asgard_attempt_t *a)
{
    ngx_uint_t                   stream;
    ngx_http_asgard_response_t  *resp;

    resp = &a->response;
    stream = a->ctx->parsed->stream;
    a->status = resp->status.code;

    if (resp->status.code >= NGX_HTTP_SPECIAL_RESPONSE) {

        if (ngx_http_asgard_refused(a)) {
            return NGX_OK;
        }

        return ngx_http_asgard_upstream_bad(a, NGX_HTTP_ASGARD_FAULT_STATUS);
    }

    if (resp->type == NGX_HTTP_ASGARD_TYPE_NONE) {
        resp->type = stream ? NGX_HTTP_ASGARD_TYPE_SSE
                            : NGX_HTTP_ASGARD_TYPE_JSON;
    }

    if (resp->type == NGX_HTTP_ASGARD_TYPE_OTHER
        || (resp->type == NGX_HTTP_ASGARD_TYPE_SSE && !stream))
    {
        return ngx_http_asgard_upstream_bad(a, NGX_HTTP_ASGARD_FAULT_TYPE);
    }

    if (resp->coded || resp->whole) {
        /* not to be read, or nothing at all: held, then refused */
        resp->type = NGX_HTTP_ASGARD_TYPE_JSON;
    }

    a->accepted = 1;
    a->conf.read_timeout = ngx_http_asgard_advance_idle(a);

    if (!stream) {
        ngx_http_asgard_health_measured(a->health, ASG_LATENCY_ANSWER,
                                        ngx_current_msec - a->sent_at);
    }

    return NGX_OK;
}


/* A head alone is no answer: until a byte of the body is here, what goes wrong
 * can still be a clean error. */

static ngx_uint_t
ngx_http_asgard_upstream_is_early(ngx_http_asgard_attempt_t *a)
{
    ngx_buf_t  *b;

    b = &a->ctx->request->upstream->buffer;

    if (b->pos != b->last || a->response.whole) {
        return 0;
    }

    b->pos = b->start;
    b->last = b->start;

    return 1;
}


/* A stream goes to the client from its first event on, unless that is an
 * error. */

static ngx_int_t
ngx_http_asgard_upstream_sse(ngx_http_asgard_attempt_t *a)
{
    ngx_int_t  rc;

    if (ngx_http_asgard_upstream_is_early(a)) {
        return NGX_AGAIN;
    }

    rc = ngx_http_asgard_refused_stream(a);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_asgard_upstream_bad(a, NGX_HTTP_ASGARD_FAULT_STATUS);
    }

    if (ngx_http_asgard_stream_start(a) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_asgard_upstream_headers(a);
}


/* The whole answer is here: settle first, so that its cost can be a header. */

static ngx_int_t
ngx_http_asgard_upstream_json(ngx_http_asgard_attempt_t *a)
{
    char       cost[ASG_MONEY_TEXT];
    size_t     len;
    ngx_int_t  rc;

    a->ctx->first_byte = ngx_current_msec;

    if (ngx_http_asgard_answer_read(a) != NGX_OK) {
        return ngx_http_asgard_upstream_bad(a, NGX_HTTP_ASGARD_FAULT_BROKEN);
    }

    ngx_http_asgard_candidate_good(a);
    rc = ngx_http_asgard_guard_answer_json(a);

    if (rc == NGX_ERROR) {
        return ngx_http_asgard_upstream_bad(a, NGX_HTTP_ASGARD_FAULT_BROKEN);
    }

    ngx_http_asgard_outcome_settle(a);

    /* refused: ctx->reason says why, and what it has cost is paid */

    if (rc == NGX_DECLINED || ngx_http_asgard_answer_send(a) != NGX_OK) {
        return NGX_ERROR;
    }

    len = asg_money_format(a->ctx->call.cost_nusd, cost);

    if (!a->ctx->unpaid
        && ngx_http_asgard_upstream_header(a->ctx->request, "x-asgard-cost-usd",
                                           cost, len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_asgard_upstream_headers(a);
}


/* The head of the client's answer.  Nothing of the provider's is copied: no
 * cookie, no redirect, no name of who served it. */

static ngx_int_t
ngx_http_asgard_upstream_headers(ngx_http_asgard_attempt_t *a)
{
    ngx_int_t                    rc;
    ngx_http_request_t          *r;
    ngx_http_asgard_loc_conf_t  *alcf;

    r = a->ctx->request;
    alcf = ngx_http_get_module_loc_conf(r, ngx_http_asgard_module);

    r->upstream->headers_in.status_n = NGX_HTTP_OK;

    if (a->response.type == NGX_HTTP_ASGARD_TYPE_SSE) {
        ngx_str_set(&r->headers_out.content_type, "text/event-stream");

    } else {
        ngx_str_set(&r->headers_out.content_type, "application/json");
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;
    a->ctx->answered = 1;

    if (!alcf->expose_backend) {
        return NGX_OK;
    }

    rc = ngx_http_asgard_upstream_header(r, "x-asgard-backend",
                                         a->endpoint->id.data,
                                         a->endpoint->id.len);
    if (rc == NGX_OK) {
        rc = ngx_http_asgard_upstream_header(r, "x-asgard-model",
                                             a->model->served.data,
                                             a->model->served.len);
    }

    return rc;
}


static ngx_int_t
ngx_http_asgard_upstream_header(ngx_http_request_t *r, const char *name,
    const char *value, size_t len)
{
    u_char           *p;
    ngx_table_elt_t  *h;

    p = ngx_pnalloc(r->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value.data = p;
    h->value.len = ngx_cpymem(p, value, len) - p;

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_upstream_bad(ngx_http_asgard_attempt_t *a,
    ngx_http_asgard_fault_e fault)
{
    /* NONE: what it means is judged when the peer is freed */
    a->fault = fault;

    return NGX_HTTP_UPSTREAM_INVALID_HEADER;
}


/* It was to be connected to, and there is not even a socket for it. */

static void
ngx_http_asgard_upstream_lacks(ngx_http_asgard_attempt_t *a)
{
    if (a->fault == NGX_HTTP_ASGARD_FAULT_NONE
        && a->ctx->request->upstream->peer.connection == NULL)
    {
        a->fault = NGX_HTTP_ASGARD_FAULT_OURS;
        a->answer.reason = ASG_REASON_OVERLOADED;
    }
}


/* Once per call, whoever ended it.  After it the connection may be kept and the
 * request is torn down. */

static void
ngx_http_asgard_upstream_finalize_request(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_upstream_t         *u;
    ngx_http_asgard_attempt_t   *a;

    u = r->upstream;
    a = ngx_http_asgard_ctx(r)->attempt;

    ngx_http_asgard_drain_finish(a);

    if (a->answer.recv && u->peer.connection) {
        u->peer.connection->recv = a->answer.recv;
        a->answer.recv = NULL;
    }

    if (rc == 0 && a->accepted) {
        (void) ngx_http_asgard_response_eof(&a->response);

    } else if (!a->parked && !a->accepted && u->peer.sockaddr) {
        ngx_http_asgard_upstream_lacks(a);
        ngx_http_asgard_candidate_judge(a, &u->peer);
    }

    if (!a->parked && u->peer.sockaddr) {
        ngx_http_asgard_candidate_note(a);
    }

    ngx_http_asgard_candidate_release(a);

    if (u->state && a->status) {
        u->state->status = a->status;
    }

    /* the provider's end, whichever; with another the client is not there */

    if (rc == 0 || rc >= NGX_HTTP_INTERNAL_SERVER_ERROR) {
        ngx_http_asgard_stream_pass(a, rc == 0);
    }

    /* first the reason: the witness says it */

    if (u->header_sent) {
        ngx_http_asgard_outcome_broken(a);

    } else if (rc >= NGX_HTTP_BAD_REQUEST
               && rc != NGX_HTTP_CLIENT_CLOSED_REQUEST)
    {
        ngx_http_asgard_outcome_refuse(a);
    }

    ngx_http_asgard_outcome_settle(a);
}


void
ngx_http_asgard_upstream_cancel(ngx_http_asgard_ctx_t *ctx)
{
    ngx_connection_t           *c;
    ngx_http_request_t         *r;
    ngx_http_upstream_t        *u;
    ngx_http_asgard_attempt_t  *a;

    a = ctx->attempt;
    r = ctx->request;
    u = r->upstream;

    if (a == NULL || u == NULL || u->cleanup == NULL || a->cut) {
        return;
    }

    c = r->connection;
    a->cut = 1;

    if (a->streaming && a->downstream) {

        /* as if the provider had broken off: the client is sent what it can
         * take at once of what was held; what waits for one that does not
         * read goes nowhere, and with a kill nothing goes on */

        if (!ctx->killed) {
            ngx_http_asgard_stream_pass(a, 0);
        }

        u->error = 1;
        ngx_http_asgard_drain_abandon(a);
        a->downstream(r);

    } else if (!a->streaming && u->peer.connection) {

        /* the core reads, fails, and finds nothing to try next */

        u->peer.connection->recv = ngx_http_asgard_upstream_no_recv;
        u->request_sent = 1;
        u->read_event_handler(r, u);
    }

    ngx_http_run_posted_requests(c);
}


/* An answer that is whole and settled waits in memory for its client, who is
 * all that takes so long then. */

void
ngx_http_asgard_upstream_expire(ngx_http_asgard_ctx_t *ctx)
{
    ngx_connection_t           *c;
    ngx_http_request_t         *r;
    ngx_http_upstream_t        *u;
    ngx_http_asgard_attempt_t  *a;

    a = ctx->attempt;
    r = ctx->request;
    c = r->connection;
    u = r->upstream;

    if (a == NULL || u == NULL) {
        return;
    }

    if (u->cleanup && !(a->streaming && a->downstream == NULL)) {
        ngx_http_asgard_upstream_cancel(ctx);
        return;
    }

    if (u->cleanup) {
        /* it gives up its reference, which must not be the last one */
        r->main->count++;
    }

    ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
    ngx_http_run_posted_requests(c);
}


static ssize_t
ngx_http_asgard_upstream_no_recv(ngx_connection_t *c, u_char *buf, size_t size)
{
    (void) c;
    (void) buf;
    (void) size;

    return NGX_ERROR;
}
