
/*
 * Asking the guardrail service: connect, handshake, write, read, judge.
 */

#include "ngx_http_asgard_hook_conf.h"

#include "core/guard_body.h"
#include "core/hook.h"
#include "ngx_http_asgard_body.h"
#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_error.h"
#include "ngx_http_asgard_guard.h"
#include "ngx_http_asgard_share.h"
#include "ngx_http_asgard_steps.h"
#include "ngx_http_asgard_zone.h"


static ngx_int_t ngx_http_asgard_hook_ask(ngx_http_asgard_hook_t *h);
static ngx_int_t ngx_http_asgard_hook_find(ngx_http_asgard_hook_t *h);
static void ngx_http_asgard_hook_found(void *data);
static ngx_int_t ngx_http_asgard_hook_connect(ngx_http_asgard_hook_t *h);
static ngx_uint_t ngx_http_asgard_hook_connected(ngx_connection_t *c);
static void ngx_http_asgard_hook_next(ngx_http_asgard_hook_t *h);
static void ngx_http_asgard_hook_handshaken(ngx_connection_t *c);
static void ngx_http_asgard_hook_send(ngx_event_t *ev);
static void ngx_http_asgard_hook_receive(ngx_event_t *ev);
static void ngx_http_asgard_hook_late(ngx_event_t *ev);
static void ngx_http_asgard_hook_end(ngx_http_asgard_hook_t *h,
    const char *why);
static void ngx_http_asgard_hook_close(void *data);
static void ngx_http_asgard_hook_close_connection(ngx_http_asgard_hook_t *h);
static ngx_int_t ngx_http_asgard_hook_judge(ngx_http_asgard_hook_t *h);


static asg_json_t  *ngx_http_asgard_hook_json;
static ngx_uint_t   ngx_http_asgard_hook_open;  /* connections */


ngx_int_t
ngx_http_asgard_hook_init(ngx_cycle_t *cycle,
    ngx_http_asgard_main_conf_t *amcf)
{
    if (amcf->hook == NULL) {
        return NGX_OK;
    }

    ngx_http_asgard_hook_json = ngx_pcalloc(cycle->pool, sizeof(asg_json_t));

    return ngx_http_asgard_hook_json ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_asgard_hook(ngx_http_asgard_ctx_t *ctx)
{
    ngx_pool_cleanup_t           *cln;
    ngx_http_asgard_hook_t       *h;
    ngx_http_asgard_main_conf_t  *amcf;

    if (ctx->hook) {
        return ctx->hook->done ? ngx_http_asgard_hook_judge(ctx->hook)
                               : NGX_AGAIN;
    }

    amcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_asgard_module);

    if (amcf->hook == NULL || ctx->route >= NGX_HTTP_ASGARD_ROUTE_MODELS
        || ngx_http_asgard_guard_mode(ctx) == ASG_GUARD_OFF)
    {
        return NGX_OK;
    }

    h = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_asgard_hook_t));
    cln = ngx_pool_cleanup_add(ctx->request->pool, 0);

    if (h == NULL || cln == NULL) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_OVERLOADED, NULL);
    }

    h->ctx = ctx;
    h->conf = amcf->hook;
    cln->handler = ngx_http_asgard_hook_close;
    cln->data = h;
    ctx->hook = h;

    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_HOOK, 1);

    return ngx_http_asgard_hook_ask(h);
}


/* No limit bounds such calls, so there is no reason to let one go on unjudged:
 * its client has them made too many. */

static ngx_int_t
ngx_http_asgard_hook_crowded(ngx_http_asgard_ctx_t *ctx)
{
    ctx->retry_after = 1;
    ngx_str_set(&ctx->message, "Too many calls of this project that cost"
                " nothing are being judged by the guardrail service; send"
                " fewer at a time, and try again after the time in"
                " Retry-After.");

    return ngx_http_asgard_refuse(ctx, ASG_REASON_RATE_LIMIT_EXCEEDED, NULL);
}


/* A place among those that are asked about.  NGX_DECLINED: there is none, `why`
 * is set. */

static ngx_int_t
ngx_http_asgard_hook_enter(ngx_http_asgard_hook_t *h)
{
    ngx_uint_t              free;
    ngx_http_asgard_ctx_t  *ctx = h->ctx;

    free = NGX_HTTP_ASGARD_HOOK_OPEN_MAX - ngx_http_asgard_hook_open;
    h->share = ngx_http_asgard_share(ctx);

    if (ngx_http_asgard_share_place_take(h->share, free, !ctx->unpaid)
        == NGX_OK)
    {
        h->counted = 1;
        ngx_http_asgard_hook_open++;
        return NGX_OK;
    }

    h->why = "is being asked about too many calls";

    return ctx->unpaid
           && ngx_http_asgard_guard_mode(ctx) != ASG_GUARD_MONITOR
           ? ngx_http_asgard_hook_crowded(ctx) : NGX_DECLINED;
}


/* Nobody can be asked is an answer, too. */

static ngx_int_t
ngx_http_asgard_hook_ask(ngx_http_asgard_hook_t *h)
{
    ngx_int_t  rc;

    rc = ngx_http_asgard_hook_enter(h);

    if (rc == NGX_OK) {
        rc = ngx_http_asgard_hook_write(h);
    }

    if (rc == NGX_OK) {
        h->deadline.handler = ngx_http_asgard_hook_late;
        h->deadline.data = h;
        h->deadline.log = h->ctx->request->connection->log;
        ngx_add_timer(&h->deadline, h->conf->deadline);

        rc = ngx_http_asgard_hook_find(h);
    }

    if (rc == NGX_DECLINED) {
        ngx_http_asgard_hook_close(h);
        h->done = 1;
        return ngx_http_asgard_hook_judge(h);
    }

    return rc == NGX_OK ? NGX_AGAIN : rc;
}


/* --- where it is --- */

/* Over plain HTTP it is on this machine, whatever a name server says. */

static ngx_uint_t
ngx_http_asgard_hook_may_be(ngx_http_asgard_hook_conf_t *conf,
    ngx_http_asgard_addr_t *addr)
{
    return conf->tls || ngx_http_asgard_hook_is_local(&addr->sockaddr.sockaddr);
}


static void
ngx_http_asgard_hook_take(ngx_http_asgard_hook_t *h)
{
    ngx_uint_t                    i;
    ngx_http_asgard_hook_conf_t  *conf = h->conf;

    h->first = conf->first;

    if (conf->local.socklen) {
        h->addrs[h->naddrs++] = conf->local;
        return;
    }

    for (i = 0; i < conf->resolve.naddrs; i++) {
        if (ngx_http_asgard_hook_may_be(conf, &conf->resolve.addrs[i])) {
            h->addrs[h->naddrs++] = conf->resolve.addrs[i];
        }
    }
}


static ngx_int_t
ngx_http_asgard_hook_find(ngx_http_asgard_hook_t *h)
{
    ngx_int_t  rc;

    rc = NGX_OK;

    if (h->conf->local.socklen == 0) {
        h->waiter.handler = ngx_http_asgard_hook_found;
        h->waiter.data = h;
        rc = ngx_http_asgard_resolve(&h->conf->resolve, &h->waiter);
    }

    if (rc == NGX_AGAIN) {
        h->queued = 1;
        return NGX_OK;
    }

    ngx_http_asgard_hook_take(h);

    return ngx_http_asgard_hook_connect(h);
}


/* The name server has answered, or nobody waits for it any longer. */

static void
ngx_http_asgard_hook_found(void *data)
{
    ngx_http_asgard_hook_t  *h = data;

    h->queued = 0;
    ngx_http_asgard_hook_take(h);
    ngx_http_asgard_hook_next(h);
}


/* --- the connection --- */

/* The next of its addresses that takes a connection, or may yet.  Each one but
 * the last has its part of the time that is left, so that one which says
 * nothing does not take all of it. */

static ngx_int_t
ngx_http_asgard_hook_connect(ngx_http_asgard_hook_t *h)
{
    ngx_int_t                rc;
    ngx_msec_int_t           left;
    ngx_connection_t        *c;
    ngx_http_request_t      *r = h->ctx->request;
    ngx_http_asgard_addr_t  *addr;

    rc = NGX_ERROR;

    while (rc != NGX_OK && rc != NGX_AGAIN) {

        if (h->tried == h->naddrs) {
            h->why = h->naddrs ? "cannot be reached" : "has no address";
            return NGX_DECLINED;
        }

        addr = &h->addrs[(h->first + h->tried++) % h->naddrs];

        h->peer.sockaddr = &addr->sockaddr.sockaddr;
        h->peer.socklen = addr->socklen;
        h->peer.name = &h->conf->host;
        h->peer.get = ngx_event_get_peer;
        h->peer.log = r->connection->log;
        h->peer.log_error = NGX_ERROR_ERR;

        rc = ngx_event_connect_peer(&h->peer);
    }

    c = h->peer.connection;
    c->data = h;
    c->pool = r->pool;
    c->read->handler = ngx_http_asgard_hook_receive;
    c->write->handler = ngx_http_asgard_hook_send;
    c->read->log = c->write->log = c->log = h->peer.log;

    if (rc == NGX_OK) {
        ngx_post_event(c->write, &ngx_posted_events);

    } else if (h->tried < h->naddrs) {
        left = (ngx_msec_int_t) (h->deadline.timer.key - ngx_current_msec);
        left /= (ngx_msec_int_t) (h->naddrs - h->tried + 1);
        ngx_add_timer(c->write, (ngx_msec_t) ngx_max(left, 1));
    }

    return NGX_OK;
}


/* From the event loop. */

static void
ngx_http_asgard_hook_next(ngx_http_asgard_hook_t *h)
{
    if (ngx_http_asgard_hook_connect(h) != NGX_OK) {
        ngx_http_asgard_hook_end(h, h->why);
    }
}


static ngx_uint_t
ngx_http_asgard_hook_connected(ngx_connection_t *c)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    return !c->write->timedout
           && getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == 0
           && err == 0;
}


/* The first event of a connection says whether there is one.  NGX_DONE: it is
 * another one by now, or the request may be no more. */

static ngx_int_t
ngx_http_asgard_hook_begins(ngx_http_asgard_hook_t *h)
{
    ngx_connection_t  *c = h->peer.connection;

    if (h->begun) {
        return NGX_OK;
    }

    if (ngx_http_asgard_hook_connected(c)) {
        h->begun = 1;
        h->conf->first = (h->first + h->tried - 1) % h->naddrs;

        if (c->write->timer_set) {
            ngx_del_timer(c->write);
        }

        return NGX_OK;
    }

    ngx_http_asgard_hook_close_connection(h);
    ngx_http_asgard_hook_next(h);

    return NGX_DONE;
}


static void
ngx_http_asgard_hook_handshake(ngx_http_asgard_hook_t *h)
{
    ngx_int_t                     rc;
    ngx_connection_t             *c;
    ngx_http_asgard_main_conf_t  *amcf;

    c = h->peer.connection;
    amcf = ngx_http_get_module_main_conf(h->ctx->request,
                                         ngx_http_asgard_module);

    if (ngx_ssl_create_connection(amcf->ssl, c,
                                  NGX_SSL_BUFFER|NGX_SSL_CLIENT) != NGX_OK
        || SSL_set_tlsext_host_name(c->ssl->connection,
                                    (char *) h->conf->host.data) != 1)
    {
        ngx_http_asgard_hook_end(h, "TLS cannot begin");
        return;
    }

    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {
        c->ssl->handler = ngx_http_asgard_hook_handshaken;
        return;
    }

    ngx_http_asgard_hook_handshaken(c);
}


static void
ngx_http_asgard_hook_handshaken(ngx_connection_t *c)
{
    ngx_http_asgard_hook_t  *h = c->data;

    if (!c->ssl->handshaked) {
        ngx_http_asgard_hook_end(h, "its TLS failed");
        return;
    }

    if (SSL_get_verify_result(c->ssl->connection) != X509_V_OK
        || ngx_ssl_check_host(c, &h->conf->host) != NGX_OK)
    {
        ngx_http_asgard_hook_end(h, "its certificate is not trusted");
        return;
    }

    c->read->handler = ngx_http_asgard_hook_receive;
    c->write->handler = ngx_http_asgard_hook_send;
    ngx_http_asgard_hook_send(c->write);
}


static void
ngx_http_asgard_hook_send(ngx_event_t *ev)
{
    ssize_t                  n;
    ngx_connection_t        *c = ev->data;
    ngx_http_asgard_hook_t  *h = c->data;

    if (h->out.pos == h->out.last
        || ngx_http_asgard_hook_begins(h) != NGX_OK)
    {
        return;
    }

    if (h->conf->tls && c->ssl == NULL) {
        ngx_http_asgard_hook_handshake(h);
        return;
    }

    while (h->out.pos < h->out.last) {
        n = c->send(c, h->out.pos, h->out.last - h->out.pos);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n <= 0) {
            ngx_http_asgard_hook_end(h, "does not take what it is asked");
            return;
        }

        h->out.pos += n;
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_http_asgard_hook_end(h, "cannot be waited for");
    }
}


/* What came is judged each time; it is short.  NGX_DONE: the request may be no
 * more. */

static ngx_int_t
ngx_http_asgard_hook_read_answer(ngx_http_asgard_hook_t *h, ngx_uint_t over)
{
    unsigned          status;
    asg_str_t         body;
    asg_hook_state_t  state;

    state = asg_hook_answer((asg_str_t) { (const char *) h->in, h->in_len },
                            over, &status, &body);

    if (state == ASG_HOOK_MORE) {
        return NGX_AGAIN;
    }

    if (state == ASG_HOOK_BAD) {
        ngx_http_asgard_hook_end(h, "gives no answer of HTTP");

    } else if (status != 200) {
        ngx_http_asgard_hook_end(h, "has another status than 200");

    } else if (asg_hook_verdict(ngx_http_asgard_hook_json, body, &h->verdict)
               != ASG_OK)
    {
        ngx_http_asgard_hook_end(h, "gives no verdict");

    } else {
        ngx_http_asgard_hook_end(h, NULL);
    }

    return NGX_DONE;
}


static void
ngx_http_asgard_hook_receive(ngx_event_t *ev)
{
    ssize_t                  n;
    ngx_connection_t        *c = ev->data;
    ngx_http_asgard_hook_t  *h = c->data;

    if (ngx_http_asgard_hook_begins(h) != NGX_OK
        || (h->conf->tls && c->ssl == NULL))
    {
        return;
    }

    /* a full buffer is no answer */

    for ( ;; ) {
        n = c->recv(c, h->in + h->in_len, sizeof(h->in) - h->in_len);

        if (n == NGX_AGAIN) {
            if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
                ngx_http_asgard_hook_end(h, "cannot be waited for");
            }

            return;
        }

        h->in_len += n > 0 ? n : 0;

        if (ngx_http_asgard_hook_read_answer(h, n <= 0) == NGX_DONE) {
            return;
        }
    }
}


static void
ngx_http_asgard_hook_late(ngx_event_t *ev)
{
    ngx_http_asgard_hook_end(ev->data, "gave no answer in time");
}


static void
ngx_http_asgard_hook_close(void *data)
{
    ngx_http_asgard_hook_t *h = data;

    if (h->queued) {
        h->queued = 0;
        ngx_queue_remove(&h->waiter.queue);
    }

    if (h->counted) {
        h->counted = 0;
        ngx_http_asgard_hook_open--;
        ngx_http_asgard_share_place_free(h->share);
    }

    if (h->deadline.timer_set) {
        ngx_del_timer(&h->deadline);
    }

    if (h->head_max) {
        ngx_explicit_memzero(h->out.start, h->head_max);
        h->head_max = 0;
    }

    ngx_http_asgard_hook_close_connection(h);
}


static void
ngx_http_asgard_hook_close_connection(ngx_http_asgard_hook_t *h)
{
    ngx_connection_t  *c;

    c = h->peer.connection;

    if (c == NULL) {
        return;
    }

    h->peer.connection = NULL;

    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;
        (void) ngx_ssl_shutdown(c);
    }

    ngx_close_connection(c);
}


static void
ngx_http_asgard_hook_end(ngx_http_asgard_hook_t *h, const char *why)
{
    ngx_http_asgard_hook_close(h);

    h->done = 1;
    h->why = why;

    ngx_http_asgard_steps_resume(h->ctx);
}


/* --- what follows --- */

static ngx_int_t
ngx_http_asgard_hook_failed(ngx_http_asgard_hook_t *h)
{
    ngx_http_asgard_ctx_t  *ctx = h->ctx;

    ngx_log_error(NGX_LOG_WARN, ctx->request->connection->log, 0,
                  "asgard: the guardrail service %s", h->why);
    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_HOOK_FAILED, 1);

    if (!h->conf->open && ngx_http_asgard_guard_mode(ctx) != ASG_GUARD_MONITOR)
    {
        ctx->retry_after = 1;
        return ngx_http_asgard_refuse(ctx, ASG_REASON_GUARDRAIL_UNAVAILABLE,
                                      NULL);
    }

    h->verdict.action = ASG_ACTION_FLAG;
    ngx_memcpy(h->verdict.rule, "hook", sizeof("hook"));
    ngx_memcpy(h->verdict.category, "unavailable", sizeof("unavailable"));

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_hook_judge(ngx_http_asgard_hook_t *h)
{
    ngx_int_t                 rc;
    ngx_http_asgard_ctx_t    *ctx = h->ctx;
    ngx_http_asgard_guard_t  *found;

    rc = h->why ? ngx_http_asgard_hook_failed(h) : NGX_OK;

    if (rc != NGX_OK || h->verdict.action == ASG_ACTION_ALLOW) {
        return rc;
    }

    found = ngx_http_asgard_guard_of(ctx);
    if (found == NULL) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_OVERLOADED, NULL);
    }

    if (found->mode == ASG_GUARD_MONITOR) {
        h->verdict.action = ASG_ACTION_FLAG;
    }

    found->hook = &h->verdict;

    return h->verdict.action == ASG_ACTION_BLOCK
           ? ngx_http_asgard_refuse(ctx, ASG_REASON_GUARDRAIL_BLOCKED, NULL)
           : NGX_OK;
}
