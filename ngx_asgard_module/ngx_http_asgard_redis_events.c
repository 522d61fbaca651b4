
/*
 * One connection to Redis on nginx's events; hiredis 0.14 reads and writes.
 */

#include <poll.h>
#include <hiredis/sds.h>

#include "ngx_http_asgard_redis_events.h"


#define NGX_HTTP_ASGARD_REDIS_READS  64     /* at once, of 16 kB each */


static void
ngx_http_asgard_redis_add_read(ngx_http_asgard_redis_events_t *ev)
{
    if (!ev->connection->read->active) {
        (void) ngx_add_event(ev->connection->read, NGX_READ_EVENT,
                             NGX_LEVEL_EVENT);
    }
}


/* While a connect is under way, or when the last write was cut short, only the
 * kernel can say when to go on. */
static void
ngx_http_asgard_redis_add_write(ngx_http_asgard_redis_events_t *ev)
{
    ngx_event_t  *wev;

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
ngx_http_asgard_redis_del_write(ngx_http_asgard_redis_events_t *ev)
{
    if (ev->connection->write->active) {
        (void) ngx_del_event(ev->connection->write, NGX_WRITE_EVENT, 0);
    }
}


static void
ngx_http_asgard_redis_detach(ngx_http_asgard_redis_events_t *ev)
{
    ngx_connection_t  *c;

    c = ev->connection;

    if (ngx_del_conn) {
        ngx_del_conn(c, 0);

    } else {
        if (c->read->active) {
            (void) ngx_del_event(c->read, NGX_READ_EVENT, 0);
        }
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
    ev->connected = 0;
    ev->heard = NULL;
}


/* The first of those who wait; what it does may close the connection. */
static void
ngx_http_asgard_redis_tell_next(ngx_http_asgard_redis_events_t *ev,
    redisReply *reply)
{
    ngx_queue_t                  *q;
    ngx_http_asgard_redis_ask_t  *ask;

    q = ngx_queue_head(&ev->asked);
    ngx_queue_remove(q);
    ask = ngx_queue_data(q, ngx_http_asgard_redis_ask_t, queue);

    ev->telling = 1;
    ask->told(ask, reply);
    ev->telling = 0;
}


static void
ngx_http_asgard_redis_tell_gone(ngx_http_asgard_redis_events_t *ev)
{
    while (!ngx_queue_empty(&ev->asked)) {
        ngx_http_asgard_redis_tell_next(ev, NULL);
    }
}


void
ngx_http_asgard_redis_events_close(ngx_http_asgard_redis_events_t *ev)
{
    redisContext  *c;

    c = ev->context;
    if (c == NULL) {
        return;
    }

    ngx_http_asgard_redis_detach(ev);
    ev->context = NULL;
    redisFree(c);                       /* closes the descriptor */

    if (!ev->telling) {
        ngx_http_asgard_redis_tell_gone(ev);
    }
}


/* One reply, or what came unasked. */
static void
ngx_http_asgard_redis_hear(ngx_http_asgard_redis_events_t *ev,
    redisReply *reply)
{
    if (ev->heard) {
        ev->heard(reply);

    } else if (ngx_queue_empty(&ev->asked)) {
        ev->failed(ev, "a reply that nobody asked for");

    } else {
        ngx_http_asgard_redis_tell_next(ev, reply);
    }
}


static void
ngx_http_asgard_redis_read_handler(ngx_event_t *rev)
{
    int                              rc;
    void                            *reply;
    redisContext                    *context;
    ngx_connection_t                *c;
    ngx_http_asgard_redis_events_t  *ev;

    c = rev->data;
    ev = c->data;
    context = ev->context;
    rc = redisBufferRead(context);

    while (rc == REDIS_OK) {
        reply = NULL;
        rc = redisGetReplyFromReader(context, &reply);

        if (rc != REDIS_OK || reply == NULL) {
            break;
        }

        ngx_http_asgard_redis_hear(ev, reply);
        freeReplyObject(reply);

        if (ev->context == NULL) {
            ngx_http_asgard_redis_tell_gone(ev);
            return;
        }
    }

    if (rc != REDIS_OK) {
        ev->failed(ev, context->errstr);
    }
}


void
ngx_http_asgard_redis_events_read(ngx_http_asgard_redis_events_t *ev)
{
    int         bytes;
    ngx_uint_t  reads;

    for (reads = 0; reads < NGX_HTTP_ASGARD_REDIS_READS; reads++) {

        if (ev->context == NULL
            || ioctl(ev->context->fd, FIONREAD, &bytes) == -1 || bytes == 0)
        {
            return;
        }

        ngx_http_asgard_redis_read_handler(ev->connection->read);
    }
}


/* Instead of redisBufferWrite(), which gets itself a new buffer for what comes
 * next and takes it for granted. */
static ngx_int_t
ngx_http_asgard_redis_flush(ngx_http_asgard_redis_events_t *ev)
{
    ssize_t        n;
    redisContext  *c;

    c = ev->context;

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


/* What became of the connect; 0 or an error of the system. */
static ngx_err_t
ngx_http_asgard_redis_connected(ngx_http_asgard_redis_events_t *ev)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(err);

    if (getsockopt(ev->connection->fd, SOL_SOCKET, SO_ERROR, &err, &len)
        == -1)
    {
        err = ngx_socket_errno;
    }

    return err;
}


static void
ngx_http_asgard_redis_write_handler(ngx_event_t *wev)
{
    ngx_err_t                        err;
    ngx_connection_t                *c;
    ngx_http_asgard_redis_events_t  *ev;

    c = wev->data;
    ev = c->data;
    ev->writing = 1;

    if (!ev->connected) {
        err = ngx_http_asgard_redis_connected(ev);

        if (err == 0) {
            ev->connected = 1;
            ev->open(ev);

        } else {
            ev->failed(ev, strerror(err));
        }
    }

    if (ev->context && ngx_http_asgard_redis_flush(ev) != NGX_OK) {
        ev->failed(ev, strerror(ngx_socket_errno));
    }

    ev->writing = 0;
}


static ngx_socket_t
ngx_http_asgard_redis_socket(ngx_http_asgard_redis_addr_t *addr,
    ngx_log_t *log)
{
    int           on;
    ngx_socket_t  s;

    on = 1;
    s = ngx_socket(addr->sockaddr->sa_family, SOCK_STREAM, 0);
    if (s == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_socket_errno,
                      ngx_socket_n " failed");
        return s;
    }

    if (addr->sockaddr->sa_family != AF_UNIX
        && setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1)
    {
        ngx_log_error(NGX_LOG_ERR, log, ngx_socket_errno,
                      "setsockopt(TCP_NODELAY) failed");
    }

    if (ngx_nonblocking(s) != -1
        && (connect(s, addr->sockaddr, addr->socklen) != -1
            || ngx_socket_errno == NGX_EINPROGRESS))
    {
        return s;
    }

    ngx_close_socket(s);
    return (ngx_socket_t) -1;
}


/* The descriptor is the context's from here on; NULL: it is closed. */
static redisContext *
ngx_http_asgard_redis_context(ngx_socket_t s)
{
    redisContext  *context;

    context = redisConnectFd(s);
    if (context == NULL) {
        ngx_close_socket(s);
        return NULL;
    }

    context->flags &= ~REDIS_BLOCK;
    /* a large buffer is kept: hiredis aborts when it cannot have a new one */
    context->reader->maxbuf = 0;

    return context;
}


ngx_int_t
ngx_http_asgard_redis_events_connect(ngx_http_asgard_redis_events_t *ev,
    ngx_http_asgard_redis_addr_t *addr, ngx_log_t *log)
{
    ngx_socket_t       s;
    redisContext      *context;
    ngx_connection_t  *c;

    s = ngx_http_asgard_redis_socket(addr, log);
    context = s == (ngx_socket_t) -1 ? NULL : ngx_http_asgard_redis_context(s);
    if (context == NULL) {
        return NGX_ERROR;
    }

    c = ngx_get_connection(s, log);
    if (c == NULL) {
        redisFree(context);
        return NGX_ERROR;
    }

    c->data = ev;
    c->log = log;
    c->read->log = log;
    c->write->log = log;
    c->read->handler = ngx_http_asgard_redis_read_handler;
    c->write->handler = ngx_http_asgard_redis_write_handler;

    ev->context = context;
    ev->connection = c;
    ngx_queue_init(&ev->asked);
    ngx_http_asgard_redis_add_write(ev);

    return NGX_OK;
}


/* `rc` is what hiredis said to a command; without memory it leaves the buffer
 * as it was, so that the connection is as good as before. */
static ngx_int_t
ngx_http_asgard_redis_appended(ngx_http_asgard_redis_events_t *ev, int rc)
{
    if (rc != REDIS_OK) {
        ev->context->err = 0;
        return NGX_ERROR;
    }

    ngx_http_asgard_redis_add_write(ev);
    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_redis_events_ask(ngx_http_asgard_redis_events_t *ev,
    ngx_http_asgard_redis_ask_t *ask, ngx_uint_t argc, const char **argv,
    const size_t *lens)
{
    int  rc;

    rc = redisAppendCommandArgv(ev->context, (int) argc, argv, lens);
    if (ngx_http_asgard_redis_appended(ev, rc) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&ev->asked, &ask->queue);
    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_redis_events_send(ngx_http_asgard_redis_events_t *ev,
    ngx_http_asgard_redis_ask_t *ask, const u_char *bytes, size_t len)
{
    int  rc;

    rc = redisAppendFormattedCommand(ev->context, (const char *) bytes, len);
    if (ngx_http_asgard_redis_appended(ev, rc) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&ev->asked, &ask->queue);
    return NGX_OK;
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

    ev->heard = heard;

    return ngx_http_asgard_redis_appended(ev,
                      redisAppendCommandArgv(ev->context, i + 1, argv, len));
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
    ngx_url_t  u;

    ngx_memzero(&u, sizeof(ngx_url_t));
    u.url = ngx_http_asgard_redis_addr_text(url);
    u.default_port = 6379;

    if (ngx_parse_url(pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_log_error(NGX_LOG_EMERG, pool->log, 0,
                      "asgard_redis: %s in the address",
                      u.err ? u.err : "no host");
        return NGX_ERROR;
    }

    addr->sockaddr = u.addrs[0].sockaddr;
    addr->socklen = u.addrs[0].socklen;
    return NGX_OK;
}
