
/*
 * Attempts: which candidate is called, over which connection, and what its
 * failure means.
 */

#include "ngx_http_asgard_candidate.h"

#include "ngx_http_asgard_advance.h"
#include "ngx_http_asgard_charge.h"
#include "ngx_http_asgard_echo.h"
#include "ngx_http_asgard_health.h"
#include "ngx_http_asgard_order.h"
#include "ngx_http_asgard_policy.h"
#include "ngx_http_asgard_outgoing.h"
#include "ngx_http_asgard_reserve.h"
#include "ngx_http_asgard_snapshot.h"


static ngx_int_t ngx_http_asgard_candidate_get(ngx_peer_connection_t *pc,
    void *data);
static ngx_int_t ngx_http_asgard_candidate_connect(
    ngx_http_asgard_attempt_t *a, ngx_peer_connection_t *pc);
static void ngx_http_asgard_candidate_free(ngx_peer_connection_t *pc,
    void *data, ngx_uint_t state);
static ngx_int_t ngx_http_asgard_candidate_set_session(
    ngx_peer_connection_t *pc, void *data);
static void ngx_http_asgard_candidate_save_session(ngx_peer_connection_t *pc,
    void *data);
static ngx_int_t ngx_http_asgard_candidate_begin(
    ngx_http_asgard_attempt_t *a);
static void ngx_http_asgard_candidate_park(ngx_http_asgard_attempt_t *a,
    ngx_peer_connection_t *pc);
static void ngx_http_asgard_candidate_unpark(ngx_http_asgard_attempt_t *a,
    ngx_peer_connection_t *pc);
static void ngx_http_asgard_candidate_resolved(void *data);
static ssize_t ngx_http_asgard_candidate_no_recv(ngx_connection_t *c,
    u_char *buf, size_t size);


ngx_int_t
ngx_http_asgard_candidate_create(ngx_http_asgard_ctx_t *ctx,
    ngx_http_upstream_conf_t *conf)
{
    ngx_http_asgard_attempt_t  *a;

    a = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_asgard_attempt_t));
    if (a == NULL) {
        return NGX_ERROR;
    }

    a->ctx = ctx;
    a->conf = *conf;

    ngx_http_asgard_order(a);

    if (a->ncandidates == 0) {
        return NGX_DECLINED;
    }

    ngx_queue_init(&a->waiter.queue);
    ctx->attempt = a;

    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_candidate_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_asgard_ctx_t  *ctx;
    ngx_peer_connection_t  *pc;

    ctx = ngx_http_asgard_ctx(r);
    pc = &r->upstream->peer;

    pc->data = ctx->attempt;
    pc->tries = 1;
    pc->get = ngx_http_asgard_candidate_get;
    pc->free = ngx_http_asgard_candidate_free;
    pc->set_session = ngx_http_asgard_candidate_set_session;
    pc->save_session = ngx_http_asgard_candidate_save_session;

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_candidate_get(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_asgard_attempt_t *a = data;

    ngx_int_t  rc;

    pc->cached = 0;
    pc->connection = NULL;

    if (ngx_http_asgard_candidate_begin(a) != NGX_OK) {
        return NGX_ERROR;
    }

    /* what the core frees by, and logs, whatever comes of it */
    pc->sockaddr = &a->addr.sockaddr.sockaddr;
    pc->socklen = a->addr.socklen;
    pc->name = a->name;

    rc = ngx_http_asgard_advance_wait(a);

    if (rc == NGX_OK) {
        rc = ngx_http_asgard_advance_hold(a);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_asgard_candidate_connect(a, pc);
    }

    if (rc == NGX_AGAIN) {
        ngx_http_asgard_candidate_park(a, pc);
        return NGX_AGAIN;
    }

    if (rc == NGX_ERROR) {
        a->fault = NGX_HTTP_ASGARD_FAULT_OURS;
    }

    if (rc != NGX_OK && rc != NGX_DONE) {
        return rc;
    }

    if (ngx_http_asgard_outgoing(a) != NGX_OK) {
        a->fault = NGX_HTTP_ASGARD_FAULT_OURS;
        return NGX_DECLINED;
    }

    ngx_http_asgard_health_begin(a->health);
    a->counted = 1;

    return rc;
}


/* NGX_OK: to be connected to a->addr; NGX_DONE: connected; NGX_AGAIN: the name
 * is being resolved; NGX_DECLINED: no way to it. */

static ngx_int_t
ngx_http_asgard_candidate_connect(ngx_http_asgard_attempt_t *a,
    ngx_peer_connection_t *pc)
{
    ngx_int_t  rc;

    if (a->endpoint->kind == ASG_KIND_ECHO) {
        rc = ngx_http_asgard_echo_connect(pc, &a->ctx->asked);
        return rc == NGX_OK ? NGX_DONE : NGX_DECLINED;
    }

    if (a->peer == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_http_asgard_resolve(&a->peer->resolve, &a->waiter);

    if (rc != NGX_OK) {

        if (a->peer->resolve.naddrs) {
            /* it ends by itself, and is no failure to connect */
            a->conf.connect_timeout = ngx_http_asgard_advance_within(a->ctx,
                                            a->conf.connect_timeout
                                            + NGX_HTTP_ASGARD_RESOLVE_LATE);
        }

        return rc;
    }

    if (!a->fresh
        && ngx_http_asgard_peer_reuse(a->peer, pc, &a->addr) == NGX_OK)
    {
        return NGX_DONE;
    }

    if (a->address >= a->peer->resolve.naddrs) {
        a->address = 0;
    }

    a->addr = a->peer->resolve.addrs[a->address];
    pc->socklen = a->addr.socklen;

    a->name->len = ngx_sock_ntop(&a->addr.sockaddr.sockaddr, a->addr.socklen,
                                 a->name->data, NGX_SOCKADDR_STRLEN, 1);

    return NGX_OK;
}


/* Everything of an attempt anew: nothing of the last one may be left. */

static ngx_int_t
ngx_http_asgard_candidate_begin(ngx_http_asgard_attempt_t *a)
{
    ngx_http_request_t     *r;
    ngx_http_upstream_t    *u;
    ngx_http_asgard_ctx_t  *ctx;
    const asg_endpoint_t   *e;

    ctx = a->ctx;
    r = ctx->request;
    u = r->upstream;

    a->model = &ctx->snapshot->catalog.models[a->candidates[a->index]];
    a->endpoint = &ctx->snapshot->catalog.endpoints[a->model->endpoint];
    e = a->endpoint;

    a->fault = NGX_HTTP_ASGARD_FAULT_NONE;
    a->sent = 0;
    a->measured = 0;
    a->stale = 0;
    a->timed_out = 0;
    a->cooled = 0;
    a->refused = 0;
    a->leaked = 0;
    a->said = ASG_REASON_NONE;
    a->health = ngx_http_asgard_health_find(e);
    a->resent = ngx_http_asgard_advance_has_begun(a, a->index);
    a->status = 0;
    ngx_http_asgard_charge_begin(ctx, a->model);

    ngx_http_asgard_response_reset(r, &a->response);
    ngx_memzero(&a->addr, sizeof(ngx_http_asgard_addr_t));

    /* $upstream_addr keeps a pointer to the name of every attempt */

    a->name = ngx_palloc(r->pool, sizeof(ngx_str_t) + NGX_SOCKADDR_STRLEN);
    if (a->name == NULL) {
        return NGX_ERROR;
    }

    a->name->data = (u_char *) a->name + sizeof(ngx_str_t);
    a->name->len = ngx_snprintf(a->name->data, NGX_SOCKADDR_STRLEN, "%*s",
                                e->id.len, e->id.data)
                   - a->name->data;

    a->peer = NULL;

    if (e->kind != ASG_KIND_ECHO) {
        a->peer = ngx_http_asgard_peer(ctx->snapshot, a->model->endpoint);
    }

    ngx_http_asgard_advance_times(a);
    a->conf.ssl = NULL;

    u->conf = &a->conf;
    u->ssl = (a->peer && a->peer->tls);

    if (u->ssl) {
        a->conf.ssl = a->peer->ssl;
        u->ssl_name = a->peer->tls_name;
    }

    return NGX_OK;
}


static void
ngx_http_asgard_candidate_free(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state)
{
    ngx_http_asgard_attempt_t *a = data;

    if (a->parked) {
        ngx_http_asgard_candidate_unpark(a, pc);
        return;
    }

    if (a->counted) {
        ngx_http_asgard_health_end(a->health);
        a->counted = 0;
    }

    if (!(state & NGX_PEER_FAILED)) {

        /* the end of the call: the connection may serve another */

        if (a->peer && pc->connection && a->response.whole
            && a->ctx->request->upstream->keepalive
            && a->ctx->request->upstream->request_body_sent)
        {
            ngx_http_asgard_peer_keep(a->peer, pc, &a->addr);
        }

        return;
    }

    ngx_http_asgard_candidate_judge(a, pc);
    ngx_http_asgard_candidate_note(a);

    /* the core would add a try for a kept connection by itself */
    pc->cached = 0;
    pc->tries = ngx_http_asgard_advance(a) ? 1 : 0;
}


void
ngx_http_asgard_candidate_judge(ngx_http_asgard_attempt_t *a,
    ngx_peer_connection_t *pc)
{
    ngx_uint_t                   sent;
    ngx_connection_t            *c;
    ngx_http_upstream_t         *u;
    ngx_http_asgard_response_t  *resp;

    c = pc->connection;
    u = a->ctx->request->upstream;
    resp = &a->response;

    if (a->fault != NGX_HTTP_ASGARD_FAULT_NONE) {
        return;
    }

    a->timed_out = (c && (c->read->timedout || c->write->timedout));
    sent = (a->sent && c && c->sent > 0);

    if (resp->line) {
        a->status = resp->status.code;
    }

    if (resp->line && resp->status.code >= NGX_HTTP_SPECIAL_RESPONSE) {
        a->fault = NGX_HTTP_ASGARD_FAULT_STATUS;

    } else if (resp->line && resp->status.code >= NGX_HTTP_OK) {
        a->fault = NGX_HTTP_ASGARD_FAULT_BROKEN;

    } else if (sent) {
        a->fault = NGX_HTTP_ASGARD_FAULT_SILENT;
        a->stale = pc->cached && !a->timed_out
                   && u->state->bytes_received == 0;

    } else if (pc->cached && !a->timed_out && !a->cut) {
        a->fault = NGX_HTTP_ASGARD_FAULT_STALE;

    } else {
        a->fault = NGX_HTTP_ASGARD_FAULT_CONNECT;
    }
}


/* An answer that says something of the endpoint and not of the request. */

static ngx_uint_t
ngx_http_asgard_candidate_is_ill(ngx_http_asgard_attempt_t *a)
{
    return a->status >= NGX_HTTP_INTERNAL_SERVER_ERROR
           || a->status == NGX_HTTP_TOO_MANY_REQUESTS
           || a->status == NGX_HTTP_UNAUTHORIZED
           || a->status == NGX_HTTP_FORBIDDEN
           || a->status == NGX_HTTP_NOT_FOUND;
}


/* Did a stream come to an end of its own, which says nothing bad? */

static ngx_uint_t
ngx_http_asgard_candidate_is_whole(ngx_http_asgard_attempt_t *a)
{
    const asg_usage_t  *usage;

    usage = &a->answer.core.usage;

    return a->streaming && a->response.whole && !usage->error_event
           && !usage->malformed && !usage->leaked;
}


/* Did it end for what is ours: a guardrail, or no memory for its answer? */

static ngx_uint_t
ngx_http_asgard_candidate_is_ours(ngx_http_asgard_attempt_t *a)
{
    return a->answer.reason == ASG_REASON_OVERLOADED
           || (a->guard_stopped && !a->answer.core.usage.leaked);
}


/* Does what became of the attempt say that its endpoint is ill? */

static ngx_uint_t
ngx_http_asgard_candidate_failed(ngx_http_asgard_attempt_t *a)
{
    if (a->ctx->client_gone || a->cut
        || ngx_http_asgard_advance_is_clients(a)
        || ngx_http_asgard_candidate_is_ours(a)
        || a->fault == NGX_HTTP_ASGARD_FAULT_OURS
        || a->fault == NGX_HTTP_ASGARD_FAULT_STALE
        || (a->fault == NGX_HTTP_ASGARD_FAULT_CONNECT
            && ngx_http_asgard_advance_has_address(a))
        || (a->fault == NGX_HTTP_ASGARD_FAULT_NONE
            && (!a->accepted || a->response.whole)))
    {
        return 0;
    }

    return a->fault != NGX_HTTP_ASGARD_FAULT_STATUS
           || ngx_http_asgard_candidate_is_ill(a);
}


void
ngx_http_asgard_candidate_release(ngx_http_asgard_attempt_t *a)
{
    if (a->claimed) {
        ngx_http_asgard_health_release(a->claimed - 1);
        a->claimed = 0;
    }
}


void
ngx_http_asgard_candidate_good(ngx_http_asgard_attempt_t *a)
{
    ngx_http_asgard_health_good(a->health);
    a->claimed = 0;
}


void
ngx_http_asgard_candidate_note(ngx_http_asgard_attempt_t *a)
{
    ngx_uint_t  at_once;

    if (ngx_http_asgard_candidate_is_whole(a)) {
        ngx_http_asgard_candidate_good(a);
        return;
    }

    if (!ngx_http_asgard_candidate_failed(a)) {

        if (a->fault == NGX_HTTP_ASGARD_FAULT_STATUS
            || a->fault == NGX_HTTP_ASGARD_FAULT_OURS
            || ngx_http_asgard_advance_is_clients(a))
        {
            ngx_http_asgard_candidate_release(a);
        }

        return;
    }

    /* what a second call would meet too */
    at_once = a->fault == NGX_HTTP_ASGARD_FAULT_STATUS
              && a->status < NGX_HTTP_INTERNAL_SERVER_ERROR;

    a->cooled = ngx_http_asgard_health_bad(a->health, a->groups[a->index],
                                           at_once);
    a->claimed = 0;
}


static ngx_int_t
ngx_http_asgard_candidate_set_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_asgard_attempt_t *a = data;

    return ngx_http_asgard_peer_set_session(a->peer, pc);
}


static void
ngx_http_asgard_candidate_save_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_asgard_attempt_t *a = data;

    ngx_http_asgard_peer_save_session(a->peer, pc);
}


/*
 * Waiting without a connection: the core is given one that has no socket.  Its
 * write timer, set by the core, bounds the wait; a wake-up makes the core read
 * from it, fail, and come back for a peer, silently.
 */

static void
ngx_http_asgard_candidate_park(ngx_http_asgard_attempt_t *a,
    ngx_peer_connection_t *pc)
{
    ngx_log_t         *log;
    ngx_connection_t  *c;

    log = a->ctx->request->connection->log;
    c = &a->park;

    ngx_memzero(c, sizeof(ngx_connection_t));
    ngx_memzero(&a->park_read, sizeof(ngx_event_t));
    ngx_memzero(&a->park_write, sizeof(ngx_event_t));

    c->fd = (ngx_socket_t) -1;
    c->read = &a->park_read;
    c->write = &a->park_write;
    c->pool = a->ctx->request->pool;
    c->log = log;
    c->recv = ngx_http_asgard_candidate_no_recv;

    a->park_read.data = c;
    a->park_read.log = log;
    a->park_write.data = c;
    a->park_write.log = log;
    a->park_write.write = 1;

    a->waiter.handler = ngx_http_asgard_candidate_resolved;
    a->waiter.data = a;
    a->parked = 1;

    pc->connection = c;
}


static void
ngx_http_asgard_candidate_unpark(ngx_http_asgard_attempt_t *a,
    ngx_peer_connection_t *pc)
{
    ngx_uint_t              looks_up;
    ngx_connection_t       *c;
    ngx_http_asgard_ctx_t  *ctx;

    c = &a->park;
    ctx = a->ctx;
    a->parked = 0;
    looks_up = !ngx_queue_empty(&a->waiter.queue);

    if (a->backoff.timer_set) {
        ngx_del_timer(&a->backoff);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    ngx_queue_remove(&a->waiter.queue);
    ngx_queue_init(&a->waiter.queue);

    pc->connection = NULL;
    pc->tries = 1;

    if (ctx->call.asked) {
        ngx_http_asgard_reserve_leave(ctx);
    }

    if (c->write->timedout || a->cut || ctx->client_gone
        || ctx->reason != ASG_REASON_NONE)
    {
        a->timed_out = c->write->timedout;
        a->fault = NGX_HTTP_ASGARD_FAULT_CONNECT;

        if (looks_up) {
            ngx_http_asgard_candidate_note(a);
        }

        /* whoever comes next may be claimed, too */
        ngx_http_asgard_candidate_release(a);

        pc->tries = ngx_http_asgard_advance(a) ? 1 : 0;
    }
}


static void
ngx_http_asgard_candidate_resolved(void *data)
{
    ngx_http_asgard_candidate_wake(data);
}


void
ngx_http_asgard_candidate_wake(ngx_http_asgard_attempt_t *a)
{
    /* the core must not test a socket that is not there */
    a->ctx->request->upstream->request_sent = 1;

    ngx_post_event(a->park.read, &ngx_posted_events);
}


static ssize_t
ngx_http_asgard_candidate_no_recv(ngx_connection_t *c, u_char *buf,
    size_t size)
{
    (void) c;
    (void) buf;
    (void) size;

    return NGX_ERROR;
}


const asg_leak_t *
ngx_http_asgard_candidate_leak(ngx_http_asgard_attempt_t *a)
{
    return a->model ? a->ctx->snapshot->leaks[a->model->endpoint] : NULL;
}
