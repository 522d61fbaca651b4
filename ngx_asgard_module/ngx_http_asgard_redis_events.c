
/*
 * hiredis 0.14 on nginx's events.
 */

#include <poll.h>
#include <hiredis/sds.h>

#include "ngx_http_asgard_redis_events.h"


static void ngx_http_asgard_redis_read_handler(ngx_event_t *rev);
static void ngx_http_asgard_redis_write_handler(ngx_event_t *wev);


static void
ngx_http_asgard_redis_add_read(void *data)
{
    ngx_http_asgard_redis_events_t  *ev = data;

    if (!ev->connection->read->active) {
        (void) ngx_add_event(ev->connection->read, NGX_READ_EVENT,
                             NGX_LEVEL_EVENT);
    }
}


static void
ngx_http_asgard_redis_del_read(void *data)
{
    ngx_http_asgard_redis_events_t  *ev = data;

    if (ev->connection->read->active) {
        (void) ngx_del_event(ev->connection->read, NGX_READ_EVENT, 0);
    }
}


/* While a connect is under way, or when the last write was cut short, only the
 * kernel can say when to go on. */
static void
ngx_http_asgard_redis_add_write(void *data)
{
    ngx_event_t                     *wev;
    ngx_http_asgard_redis_events_t  *ev = data;

    wev = ev->connection->write;

    if (ev->connected && !ev->writing) {
        if (!wev->posted && !wev->active) {
            ngx_post_event(wev, &ngx_posted_events);
        }
        return;
    }

    if (!wev->active) {
        (void) ngx_add_event(wev, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);
    }
}


static void
ngx_http_asgard_redis_del_write(void *data)
{
    ngx_http_asgard_redis_events_t  *ev = data;

    if (ev->connection->write->active) {
        (void) ngx_del_event(ev->connection->write, NGX_WRITE_EVENT, 0);
    }
}


/* hiredis lets go; it closes the descriptor itself after this. */
static void
ngx_http_asgard_redis_cleanup(void *data)
{
    ngx_connection_t                *c;
    ngx_http_asgard_redis_events_t  *ev = data;

    c = ev->connection;
    if (c == NULL) {
        return;
    }

    if (ngx_del_conn) {
        ngx_del_conn(c, 0);

    } else {
        ngx_http_asgard_redis_del_read(ev);
        ngx_http_asgard_redis_del_write(ev);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    c->read->closed = 1;
    c->write->closed = 1;
    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;

    ev->connection = NULL;
    ev->context = NULL;
    ev->connected = 0;
    ev->writing = 0;
}


/* After an error hiredis ends the connection when it is asked to write. */
static void
ngx_http_asgard_redis_listen(ngx_http_asgard_redis_events_t *ev)
{
    int            rc;
    void          *reply;
    redisContext  *c;

    c = &ev->context->c;
    rc = redisBufferRead(c);

    while (rc == REDIS_OK) {
        reply = NULL;
        rc = redisGetReplyFromReader(c, &reply);

        if (rc != REDIS_OK || reply == NULL) {
            break;
        }

        ev->heard(reply);
        freeReplyObject(reply);

        if (ev->context == NULL) {
            return;
        }
    }

    if (rc != REDIS_OK) {
        redisAsyncHandleWrite(ev->context);
    }
}


static void
ngx_http_asgard_redis_read_handler(ngx_event_t *rev)
{
    ngx_connection_t                *c;
    ngx_http_asgard_redis_events_t  *ev;

    c = rev->data;
    ev = c->data;

    if (ev->context == NULL) {
        return;
    }

    if (ev->heard) {
        ngx_http_asgard_redis_listen(ev);
        return;
    }

    redisAsyncHandleRead(ev->context);
}


/* Instead of redisBufferWrite(), which gets itself a new buffer for what comes
 * next and takes it for granted.  NGX_ERROR: hiredis ends the connection. */
static ngx_int_t
ngx_http_asgard_redis_flush(ngx_http_asgard_redis_events_t *ev)
{
    ssize_t        n;
    redisContext  *c;

    c = &ev->context->c;

    if (c->err) {
        return NGX_ERROR;
    }

    if (sdslen(c->obuf) > 0) {
        n = send(c->fd, c->obuf, sdslen(c->obuf), MSG_NOSIGNAL);

        if (n == -1 && ngx_socket_errno != NGX_EAGAIN
            && ngx_socket_errno != NGX_EINTR)
        {
            return NGX_ERROR;
        }

        if (n == (ssize_t) sdslen(c->obuf)) {
            sdsclear(c->obuf);

        } else if (n > 0) {
            sdsrange(c->obuf, (int) n, -1);
        }
    }

    if (sdslen(c->obuf) > 0) {
        ngx_http_asgard_redis_add_write(ev);

    } else {
        ngx_http_asgard_redis_del_write(ev);
    }

    ngx_http_asgard_redis_add_read(ev);
    return NGX_OK;
}


/* hiredis asks for read and write again in there, or frees itself. */
static void
ngx_http_asgard_redis_write_handler(ngx_event_t *wev)
{
    ngx_connection_t                *c;
    ngx_http_asgard_redis_events_t  *ev;

    c = wev->data;
    ev = c->data;

    if (ev->context == NULL) {
        return;
    }

    ev->writing = 1;

    if (!ev->connected) {
        redisAsyncHandleWrite(ev->context);

        if (ev->context && (ev->context->c.flags & REDIS_CONNECTED)) {
            ev->connected = 1;
            ev->open(ev->context);
        }
    }

    if (ev->context && ev->connected
        && ngx_http_asgard_redis_flush(ev) != NGX_OK)
    {
        redisAsyncHandleWrite(ev->context);
    }

    ev->writing = 0;
}


static ngx_int_t
ngx_http_asgard_redis_attach(ngx_http_asgard_redis_events_t *ev,
    redisAsyncContext *ac, ngx_log_t *log)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(ac->c.fd, log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = ev;
    c->log = log;
    c->read->log = log;
    c->write->log = log;
    c->read->handler = ngx_http_asgard_redis_read_handler;
    c->write->handler = ngx_http_asgard_redis_write_handler;

    ngx_memzero(ev, sizeof(ngx_http_asgard_redis_events_t));
    ev->context = ac;
    ev->connection = c;

    /* a large buffer is kept: hiredis aborts when it cannot have a new one */
    ac->c.reader->maxbuf = 0;

    ac->ev.addRead = ngx_http_asgard_redis_add_read;
    ac->ev.delRead = ngx_http_asgard_redis_del_read;
    ac->ev.addWrite = ngx_http_asgard_redis_add_write;
    ac->ev.delWrite = ngx_http_asgard_redis_del_write;
    ac->ev.cleanup = ngx_http_asgard_redis_cleanup;
    ac->ev.data = ev;

    return NGX_OK;
}


redisAsyncContext *
ngx_http_asgard_redis_events_connect(ngx_http_asgard_redis_events_t *ev,
    ngx_http_asgard_redis_addr_t *addr, void (*open)(redisAsyncContext *ac),
    ngx_log_t *log)
{
    redisAsyncContext  *ac;

    if (addr->path.len) {
        ac = redisAsyncConnectUnix((const char *) addr->path.data);

    } else {
        ac = redisAsyncConnect((const char *) addr->host.data, addr->port);
    }

    if (ac == NULL) {
        return NULL;
    }

    if (ac->err || ngx_http_asgard_redis_attach(ev, ac, log) != NGX_OK) {
        redisAsyncFree(ac);
        return NULL;
    }

    ev->open = open;
    return ac;
}


ngx_int_t
ngx_http_asgard_redis_events_subscribe(ngx_http_asgard_redis_events_t *ev,
    const asg_str_t *channels, ngx_uint_t n, void (*heard)(redisReply *reply))
{
    size_t       len[1 + NGX_HTTP_ASGARD_REDIS_CHANNELS];
    ngx_uint_t   i;
    const char  *argv[1 + NGX_HTTP_ASGARD_REDIS_CHANNELS];

    argv[0] = "SUBSCRIBE";
    len[0] = sizeof("SUBSCRIBE") - 1;

    for (i = 0; i < n && i < NGX_HTTP_ASGARD_REDIS_CHANNELS; i++) {
        argv[i + 1] = channels[i].data;
        len[i + 1] = channels[i].len;
    }

    if (redisAppendCommandArgv(&ev->context->c, i + 1, argv, len)
        != REDIS_OK)
    {
        return NGX_ERROR;
    }

    ev->heard = heard;
    ngx_http_asgard_redis_add_write(ev);

    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_redis_events_pump(ngx_http_asgard_redis_events_t *ev,
    ngx_msec_t timeout)
{
    ngx_event_t    *rev, *wev;
    struct pollfd   pfd;

    rev = ev->connection->read;
    wev = ev->connection->write;

    pfd.fd = ev->connection->fd;
    pfd.events = POLLIN;
    pfd.revents = 0;

    if (!ev->connected || wev->posted || wev->active) {
        pfd.events |= POLLOUT;
    }

    if (poll(&pfd, 1, (int) timeout) <= 0) {
        return NGX_DECLINED;
    }

    if (pfd.revents & POLLOUT) {
        ngx_http_asgard_redis_write_handler(wev);
    }

    if (ev->context && (pfd.revents & (POLLIN|POLLERR|POLLHUP))) {
        ngx_http_asgard_redis_read_handler(rev);
    }

    return NGX_OK;
}


/* The address itself, whatever stands before it. */
static ngx_str_t
ngx_http_asgard_redis_addr_text(ngx_str_t *url)
{
    u_char     *p, *last;
    ngx_str_t   text;

    text = *url;

    if (text.len > 8 && ngx_strncmp(text.data, "redis://", 8) == 0) {
        text.data += 8;
        text.len -= 8;

        last = text.data + text.len;
        for (p = last; p > text.data && p[-1] != '@'; p--) { /* void */ }
        text.data = p;
        text.len = last - p;

        while (text.len && text.data[text.len - 1] == '/') {
            text.len--;
        }
    }

    return text;
}


ngx_int_t
ngx_http_asgard_redis_addr(ngx_pool_t *pool, ngx_str_t *url,
    ngx_http_asgard_redis_addr_t *addr)
{
    u_char     text[NGX_SOCKADDR_STRLEN];
    size_t     len;
    ngx_url_t  u;
    ngx_str_t *to;

    ngx_memzero(addr, sizeof(ngx_http_asgard_redis_addr_t));
    ngx_memzero(&u, sizeof(ngx_url_t));
    u.url = ngx_http_asgard_redis_addr_text(url);
    u.default_port = 6379;

    if (ngx_parse_url(pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_log_error(NGX_LOG_EMERG, pool->log, 0,
                      "asgard_redis: %s in the address",
                      u.err ? u.err : "no host");
        return NGX_ERROR;
    }

    if (u.family == AF_UNIX) {
        to = &addr->path;
        len = ngx_sock_ntop(u.addrs[0].sockaddr, u.addrs[0].socklen, text,
                            sizeof(text), 0)
              - sizeof("unix:") + 1;
        to->data = ngx_pnalloc(pool, len + 1);
        if (to->data == NULL) {
            return NGX_ERROR;
        }
        (void) ngx_cpystrn(to->data, text + sizeof("unix:") - 1, len + 1);
        to->len = len;
        return NGX_OK;
    }

    to = &addr->host;
    addr->port = ngx_inet_get_port(u.addrs[0].sockaddr);
    to->data = ngx_pnalloc(pool, NGX_SOCKADDR_STRLEN);
    if (to->data == NULL) {
        return NGX_ERROR;
    }

    /* without port; IPv6 without its brackets, as getaddrinfo() wants it */
    len = ngx_sock_ntop(u.addrs[0].sockaddr, u.addrs[0].socklen, text,
                        sizeof(text) - 1, 0);
    to->len = len;
    (void) ngx_cpystrn(to->data, text, len + 1);
    return NGX_OK;
}
