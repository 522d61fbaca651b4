
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
#include "ngx_http_asgard_steps.h"
#include "ngx_http_asgard_zone.h"


#define NGX_HTTP_ASGARD_HOOK_HEAD  2048         /* and the URL, the secret */


struct ngx_http_asgard_hook_s {
    ngx_http_asgard_ctx_t        *ctx;
    ngx_http_asgard_hook_conf_t  *conf;
    ngx_peer_connection_t         peer;
    ngx_event_t                   deadline;
    ngx_buf_t                     out;
    size_t                        head_max;     /* of out: it has the secret */
    size_t                        in_len;
    const char                   *why;          /* it has no answer */
    asg_hook_verdict_t            verdict;
    unsigned                      counted:1;    /* among those that are open */
    unsigned                      done:1;
    u_char                        in[ASG_HOOK_ANSWER_MAX];
};


static ngx_int_t ngx_http_asgard_hook_ask(ngx_http_asgard_hook_t *h);
static ngx_int_t ngx_http_asgard_hook_write_body(ngx_http_asgard_hook_t *h);
static ngx_int_t ngx_http_asgard_hook_connect(ngx_http_asgard_hook_t *h);
static void ngx_http_asgard_hook_handshaken(ngx_connection_t *c);
static void ngx_http_asgard_hook_send(ngx_event_t *ev);
static void ngx_http_asgard_hook_receive(ngx_event_t *ev);
static void ngx_http_asgard_hook_late(ngx_event_t *ev);
static void ngx_http_asgard_hook_end(ngx_http_asgard_hook_t *h,
    const char *why);
static void ngx_http_asgard_hook_close(void *data);
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


/* Nobody can be asked is an answer, too. */

static ngx_int_t
ngx_http_asgard_hook_ask(ngx_http_asgard_hook_t *h)
{
    ngx_int_t  rc;

    if (ngx_http_asgard_hook_open >= NGX_HTTP_ASGARD_HOOK_OPEN_MAX) {
        h->why = "too many are being asked";
        h->done = 1;
        return ngx_http_asgard_hook_judge(h);
    }

    rc = ngx_http_asgard_hook_write_body(h);

    if (rc == NGX_OK) {
        rc = ngx_http_asgard_hook_connect(h);
    }

    if (rc == NGX_DECLINED) {
        ngx_http_asgard_hook_close(h);
        h->done = 1;
        return ngx_http_asgard_hook_judge(h);
    }

    return rc == NGX_OK ? NGX_AGAIN : rc;
}


/* --- what it is asked --- */

static void
ngx_http_asgard_hook_write_member(asg_buf_t *out, const char *name,
    asg_str_t value)
{
    asg_buf_z(out, name);
    asg_buf_json(out, value);
}


/* The texts of the body as it would leave, into a buffer of `size`. */

static ngx_int_t
ngx_http_asgard_hook_write_texts_in(ngx_http_asgard_hook_t *h,
    asg_buf_t *texts, size_t size)
{
    ngx_int_t   rc;
    ngx_str_t   room;

    rc = ngx_http_asgard_body_room_for(h->ctx, size, &room);
    if (rc != NGX_OK) {
        return rc;
    }

    asg_buf_init(texts, (char *) room.data, size);

    return ngx_http_asgard_guard_texts(h->ctx, texts);
}


/* Mostly they are no more than twice the body; many short ones are, with the
 * place of each.  A call that has more than may be asked about is told so: it
 * must not go by unasked, nor be sent again. */

static ngx_int_t
ngx_http_asgard_hook_write_texts(ngx_http_asgard_hook_t *h, asg_buf_t *texts)
{
    size_t                  size;
    ngx_int_t               rc;
    ngx_http_asgard_ctx_t  *ctx = h->ctx;

    size = 2 * ctx->body.len + NGX_HTTP_ASGARD_HOOK_HEAD;
    size = ngx_min(size, NGX_HTTP_ASGARD_HOOK_BODY_MAX);

    rc = ngx_http_asgard_hook_write_texts_in(h, texts, size);

    if (rc == NGX_OK && !asg_buf_ok(texts)
        && size < NGX_HTTP_ASGARD_HOOK_BODY_MAX)
    {
        rc = ngx_http_asgard_hook_write_texts_in(h, texts,
                                               NGX_HTTP_ASGARD_HOOK_BODY_MAX);
    }

    if (rc != NGX_OK || asg_buf_ok(texts)) {
        return rc;
    }

    if (ngx_http_asgard_guard_mode(ctx) != ASG_GUARD_MONITOR) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_BODY_TOO_LARGE, NULL);
    }

    h->why = "cannot be asked about so many texts";

    return NGX_DECLINED;
}


static void
ngx_http_asgard_hook_write_object(asg_buf_t *out, ngx_http_asgard_ctx_t *ctx,
    asg_buf_t *texts)
{
    asg_buf_z(out, "{\"call_id\":");
    asg_buf_json(out, (asg_str_t) { (const char *) ctx->trace,
                                    ctx->trace_len });
    ngx_http_asgard_hook_write_member(out, ",\"project\":",
                                      asg_str_z(ctx->key->project_id));
    ngx_http_asgard_hook_write_member(out, ",\"key\":",
                                      asg_str_z(ctx->key->key_id));
    ngx_http_asgard_hook_write_member(out, ",\"route\":",
                                  ngx_http_asgard_str(&ctx->request->uri));
    ngx_http_asgard_hook_write_member(out, ",\"model\":",
                                      ngx_http_asgard_str(&ctx->asked));
    asg_buf_z(out, ",\"texts\":[");
    asg_buf_str(out, asg_buf_view(texts));
    asg_buf_z(out, "]}");
}


static void
ngx_http_asgard_hook_write_head(asg_buf_t *out,
    ngx_http_asgard_hook_conf_t *conf, size_t length)
{
    asg_buf_z(out, "POST ");
    asg_buf_str(out, ngx_http_asgard_str(&conf->uri));
    asg_buf_z(out, " HTTP/1.0\r\nHost: ");
    asg_buf_str(out, ngx_http_asgard_str(&conf->host));
    asg_buf_z(out, "\r\nConnection: close\r\nContent-Type: application/json"
                   "\r\nContent-Length: ");
    asg_buf_u64(out, length);

    if (conf->secret.len) {
        asg_buf_z(out, "\r\nAuthorization: Bearer ");
        asg_buf_str(out, ngx_http_asgard_str(&conf->secret));
    }

    asg_buf_z(out, "\r\n\r\n");
}


/* The object is written behind room for the head, which tells its length. */

static ngx_int_t
ngx_http_asgard_hook_write_body(ngx_http_asgard_hook_t *h)
{
    size_t                  head_max, size;
    ngx_int_t               rc;
    ngx_str_t               room;
    asg_buf_t               texts, head, body;
    ngx_http_asgard_ctx_t  *ctx = h->ctx;

    rc = ngx_http_asgard_hook_write_texts(h, &texts);
    if (rc != NGX_OK) {
        return rc;
    }

    head_max = NGX_HTTP_ASGARD_HOOK_HEAD + h->conf->uri.len
               + h->conf->host.len + h->conf->secret.len;
    size = head_max + texts.len + NGX_HTTP_ASGARD_HOOK_HEAD
           + 6 * (ctx->asked.len + ctx->request->uri.len);

    rc = ngx_http_asgard_body_room_for(ctx, size, &room);
    if (rc != NGX_OK) {
        return rc;
    }

    asg_buf_init(&head, (char *) room.data, head_max);
    asg_buf_init(&body, (char *) room.data + head_max, size - head_max);
    ngx_http_asgard_hook_write_object(&body, ctx, &texts);
    ngx_http_asgard_hook_write_head(&head, h->conf, body.len);

    if (!asg_buf_ok(&head) || !asg_buf_ok(&body)) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_INTERNAL, NULL);
    }

    h->out.start = room.data;
    h->head_max = head_max;
    h->out.pos = room.data + head_max - head.len;
    ngx_memmove(h->out.pos, head.data, head.len);
    h->out.last = room.data + head_max + body.len;

    return NGX_OK;
}


/* --- the connection --- */

static ngx_int_t
ngx_http_asgard_hook_connect(ngx_http_asgard_hook_t *h)
{
    ngx_int_t           rc;
    ngx_connection_t   *c;
    ngx_http_request_t *r = h->ctx->request;

    h->peer.sockaddr = h->conf->addr.sockaddr;
    h->peer.socklen = h->conf->addr.socklen;
    h->peer.name = &h->conf->addr.name;
    h->peer.get = ngx_event_get_peer;
    h->peer.log = r->connection->log;
    h->peer.log_error = NGX_ERROR_ERR;

    rc = ngx_event_connect_peer(&h->peer);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        h->why = "cannot be reached";
        return NGX_DECLINED;
    }

    c = h->peer.connection;
    c->data = h;
    c->pool = r->pool;
    c->read->handler = ngx_http_asgard_hook_receive;
    c->write->handler = ngx_http_asgard_hook_send;
    c->read->log = c->write->log = c->log = h->peer.log;

    h->counted = 1;
    ngx_http_asgard_hook_open++;

    h->deadline.handler = ngx_http_asgard_hook_late;
    h->deadline.data = h;
    h->deadline.log = h->peer.log;
    ngx_add_timer(&h->deadline, h->conf->deadline);

    if (rc == NGX_OK) {
        ngx_post_event(c->write, &ngx_posted_events);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_hook_connected(ngx_connection_t *c)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    return getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == 0
           && err == 0;
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

    if (h->out.pos == h->out.last) {
        return;
    }

    if (!ngx_http_asgard_hook_connected(c)) {
        ngx_http_asgard_hook_end(h, "cannot be reached");
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

    if (h->conf->tls && c->ssl == NULL) {
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

    ngx_connection_t  *c;

    if (h->counted) {
        h->counted = 0;
        ngx_http_asgard_hook_open--;
    }

    if (h->deadline.timer_set) {
        ngx_del_timer(&h->deadline);
    }

    if (h->head_max) {
        ngx_explicit_memzero(h->out.start, h->head_max);
        h->head_max = 0;
    }

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
