
/*
 * kind: echo.  The far end of a socketpair: reads a request, waits, answers.
 *
 * The far end has a pool of its own and dies with its socket: when the near
 * end, which belongs to the request, is closed.
 */

#include "ngx_http_asgard_echo.h"

#include "ngx_http_asgard_echo_answer.h"


#define NGX_HTTP_ASGARD_ECHO_HEAD    16384    /* bytes of a request's head */
#define NGX_HTTP_ASGARD_ECHO_PIECE   16384    /* gathered for one write */


typedef struct {
    ngx_connection_t               *connection;
    ngx_event_t                     timer;
    ngx_buf_t                       in;       /* head, then body */
    size_t                          head;     /* bytes; 0: not whole */
    size_t                          body;
    ngx_buf_t                       out;
    ngx_int_t                       rc;       /* of the last piece */
    ngx_http_asgard_echo_answer_t   answer;
} ngx_http_asgard_echo_t;


static ngx_int_t ngx_http_asgard_echo_near(ngx_peer_connection_t *pc,
    ngx_socket_t s);
static ngx_int_t ngx_http_asgard_echo_far(ngx_socket_t s, ngx_str_t *asked);
static ngx_connection_t *ngx_http_asgard_echo_connection(ngx_socket_t s,
    ngx_log_t *log);
static void ngx_http_asgard_echo_read(ngx_event_t *rev);
static ngx_int_t ngx_http_asgard_echo_head(ngx_http_asgard_echo_t *echo);
static void ngx_http_asgard_echo_begin(ngx_http_asgard_echo_t *echo);
static void ngx_http_asgard_echo_watch(ngx_event_t *rev);
static void ngx_http_asgard_echo_timer(ngx_event_t *ev);
static void ngx_http_asgard_echo_write(ngx_event_t *wev);
static void ngx_http_asgard_echo_produce(ngx_http_asgard_echo_t *echo);
static ngx_int_t ngx_http_asgard_echo_fill(ngx_http_asgard_echo_t *echo);
static void ngx_http_asgard_echo_close(ngx_http_asgard_echo_t *echo);


ngx_int_t
ngx_http_asgard_echo_connect(ngx_peer_connection_t *pc, ngx_str_t *asked)
{
    ngx_socket_t  s[2];

    if (socketpair(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0, s)
        == -1)
    {
        ngx_log_error(NGX_LOG_ALERT, pc->log, ngx_socket_errno,
                      "asgard: socketpair() failed");
        return NGX_ERROR;
    }

    if (ngx_http_asgard_echo_far(s[1], asked) != NGX_OK) {
        (void) ngx_close_socket(s[0]);
        return NGX_ERROR;
    }

    /* if the near end fails, its close ends the far one */

    return ngx_http_asgard_echo_near(pc, s[0]);
}


static ngx_int_t
ngx_http_asgard_echo_near(ngx_peer_connection_t *pc, ngx_socket_t s)
{
    ngx_connection_t  *c;

    c = ngx_http_asgard_echo_connection(s, pc->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    pc->connection = c;
    pc->sockaddr->sa_family = AF_UNIX;

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_echo_far(ngx_socket_t s, ngx_str_t *asked)
{
    ngx_pool_t              *pool;
    ngx_connection_t        *c;
    ngx_http_asgard_echo_t  *echo;

    c = ngx_http_asgard_echo_connection(s, ngx_cycle->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        ngx_close_connection(c);
        return NGX_ERROR;
    }

    c->pool = pool;

    echo = ngx_pcalloc(pool, sizeof(ngx_http_asgard_echo_t));
    if (echo == NULL) {
        goto failed;
    }

    echo->in.start = ngx_pnalloc(pool, NGX_HTTP_ASGARD_ECHO_HEAD);
    if (echo->in.start == NULL) {
        goto failed;
    }

    echo->in.pos = echo->in.start;
    echo->in.last = echo->in.start;
    echo->in.end = echo->in.start + NGX_HTTP_ASGARD_ECHO_HEAD;

    echo->connection = c;
    echo->answer.pool = pool;
    /* a name that is not refused, or one that only looks like options */
    (void) ngx_http_asgard_echo_options(asked, &echo->answer.options);

    echo->timer.data = echo;
    echo->timer.log = ngx_cycle->log;
    echo->timer.handler = ngx_http_asgard_echo_timer;

    c->data = echo;
    c->read->handler = ngx_http_asgard_echo_read;
    c->write->handler = ngx_http_asgard_echo_write;

    return NGX_OK;

failed:

    ngx_close_connection(c);
    ngx_destroy_pool(pool);

    return NGX_ERROR;
}


/* What ngx_event_connect_peer() would have made of a connected socket. */

static ngx_connection_t *
ngx_http_asgard_echo_connection(ngx_socket_t s, ngx_log_t *log)
{
    ngx_int_t          event;
    ngx_connection_t  *c;

    c = ngx_get_connection(s, log);
    if (c == NULL) {
        (void) ngx_close_socket(s);
        return NULL;
    }

    c->recv = ngx_recv;
    c->send = ngx_send;
    c->recv_chain = ngx_recv_chain;
    c->send_chain = ngx_send_chain;
    c->log = log;
    c->log_error = NGX_ERROR_INFO;
    c->read->log = log;
    c->write->log = log;
    c->tcp_nopush = NGX_TCP_NOPUSH_DISABLED;
    c->tcp_nodelay = NGX_TCP_NODELAY_DISABLED;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->start_time = ngx_current_msec;

    if (ngx_add_conn) {
        if (ngx_add_conn(c) == NGX_ERROR) {
            goto failed;
        }

    } else {
        event = (ngx_event_flags & NGX_USE_CLEAR_EVENT) ? NGX_CLEAR_EVENT
                                                        : NGX_LEVEL_EVENT;

        if (ngx_add_event(c->read, NGX_READ_EVENT, event) != NGX_OK) {
            goto failed;
        }
    }

    c->write->ready = 1;

    return c;

failed:

    ngx_close_connection(c);

    return NULL;
}


static void
ngx_http_asgard_echo_read(ngx_event_t *rev)
{
    ssize_t                  n;
    ngx_connection_t        *c;
    ngx_http_asgard_echo_t  *echo;

    c = rev->data;
    echo = c->data;

    for ( ;; ) {

        if (echo->in.last == echo->in.end) {
            ngx_http_asgard_echo_close(echo);
            return;
        }

        n = c->recv(c, echo->in.last, echo->in.end - echo->in.last);

        if (n == NGX_AGAIN) {
            if (ngx_handle_read_event(rev, 0) != NGX_OK) {
                ngx_http_asgard_echo_close(echo);
            }

            return;
        }

        if (n <= 0) {
            ngx_http_asgard_echo_close(echo);
            return;
        }

        echo->in.last += n;

        if (echo->head == 0
            && ngx_http_asgard_echo_head(echo) != NGX_OK)
        {
            ngx_http_asgard_echo_close(echo);
            return;
        }

        if (echo->head
            && (size_t) (echo->in.last - echo->in.pos)
               == echo->head + echo->body)
        {
            ngx_http_asgard_echo_begin(echo);
            return;
        }
    }
}


/* Looks for the end of the head; makes room for exactly the body. */

static ngx_int_t
ngx_http_asgard_echo_head(ngx_http_asgard_echo_t *echo)
{
    u_char     *p, *end;
    ngx_buf_t  *in;
    ngx_int_t   n;

    static u_char  length[] = "Content-Length: ";

    in = &echo->in;

    end = ngx_strnstr(in->pos, "\r\n\r\n", in->last - in->pos);
    if (end == NULL) {
        return NGX_OK;
    }

    p = ngx_strnstr(in->pos, (char *) length, end - in->pos);
    if (p == NULL) {
        return NGX_ERROR;
    }

    p += sizeof(length) - 1;
    n = ngx_atoi(p, ngx_strlchr(p, end + 2, '\r') - p);

    if (n == NGX_ERROR || n > 2 * ASG_REQUEST_BODY_MAX) {
        return NGX_ERROR;
    }

    echo->head = end + 4 - in->pos;
    echo->body = n;

    p = ngx_pnalloc(echo->connection->pool, echo->head + echo->body);
    if (p == NULL
        || (size_t) (in->last - in->pos) > echo->head + echo->body)
    {
        return NGX_ERROR;
    }

    in->last = ngx_cpymem(p, in->pos, in->last - in->pos);
    in->start = p;
    in->pos = p;
    in->end = p + echo->head + echo->body;

    return NGX_OK;
}


static void
ngx_http_asgard_echo_begin(ngx_http_asgard_echo_t *echo)
{
    u_char                         *p, *last;
    size_t                          size;
    asg_str_t                       path, body;
    ngx_http_asgard_echo_answer_t  *answer;

    answer = &echo->answer;

    /* "POST PATH HTTP/1.1" */

    p = echo->in.pos;
    last = p + echo->head;
    p = ngx_strlchr(p, last, ' ');
    path.data = (const char *) p + 1;
    path.len = ngx_strlchr(p + 1, last, ' ') - (p + 1);

    body.data = (const char *) echo->in.pos + echo->head;
    body.len = echo->body;

    if (ngx_http_asgard_echo_answer_init(answer, path, body) != NGX_OK) {
        answer->options.status = NGX_HTTP_BAD_REQUEST;
    }

    size = NGX_HTTP_ASGARD_ECHO_PIECE + 2048 + 3 * answer->model.len
           + answer->choices * (answer->text.len
                                + NGX_HTTP_ASGARD_ECHO_CHOICE)
           + answer->inputs * 128;

    echo->out.start = ngx_pnalloc(echo->connection->pool, size);
    if (echo->out.start == NULL) {
        ngx_http_asgard_echo_close(echo);
        return;
    }

    echo->out.pos = echo->out.start;
    echo->out.last = echo->out.start;
    echo->out.end = echo->out.start + size;
    echo->rc = NGX_OK;

    echo->connection->read->handler = ngx_http_asgard_echo_watch;

    if (answer->options.latency_ms) {
        ngx_add_timer(&echo->timer, answer->options.latency_ms);

    } else {
        ngx_http_asgard_echo_produce(echo);
        return;
    }

    if (echo->connection->read->ready) {
        ngx_http_asgard_echo_watch(echo->connection->read);
    }
}


/* Nothing more is asked on a connection: what comes is its end. */

static void
ngx_http_asgard_echo_watch(ngx_event_t *rev)
{
    u_char             byte;
    ngx_connection_t  *c;

    c = rev->data;

    if (c->recv(c, &byte, 1) != NGX_AGAIN
        || ngx_handle_read_event(rev, 0) != NGX_OK)
    {
        ngx_http_asgard_echo_close(c->data);
    }
}


static void
ngx_http_asgard_echo_timer(ngx_event_t *ev)
{
    ngx_http_asgard_echo_produce(ev->data);
}


static void
ngx_http_asgard_echo_write(ngx_event_t *wev)
{
    ngx_connection_t        *c;
    ngx_http_asgard_echo_t  *echo;

    c = wev->data;
    echo = c->data;

    if (echo->out.pos != echo->out.last && !echo->timer.timer_set) {
        ngx_http_asgard_echo_produce(echo);
    }
}


static void
ngx_http_asgard_echo_produce(ngx_http_asgard_echo_t *echo)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = echo->connection;

    for ( ;; ) {

        if (echo->out.pos == echo->out.last) {

            if (echo->rc == NGX_DONE) {
                /* the near end has the last word */
                if (c->read->ready) {
                    ngx_http_asgard_echo_watch(c->read);
                }

                return;
            }

            if (echo->rc != NGX_OK
                || ngx_http_asgard_echo_fill(echo) == NGX_ERROR)
            {
                ngx_http_asgard_echo_close(echo);
                return;
            }

            continue;
        }

        n = c->send(c, echo->out.pos, echo->out.last - echo->out.pos);

        if (n == NGX_AGAIN) {
            if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
                ngx_http_asgard_echo_close(echo);
            }

            return;
        }

        if (n == NGX_ERROR) {
            ngx_http_asgard_echo_close(echo);
            return;
        }

        echo->out.pos += n;

        if (echo->out.pos == echo->out.last && echo->rc == NGX_OK
            && echo->answer.options.gap_ms && echo->answer.chunk)
        {
            ngx_add_timer(&echo->timer, echo->answer.options.gap_ms);
            return;
        }
    }
}


/* Gathers pieces for one write; only one where each is to be waited for. */

static ngx_int_t
ngx_http_asgard_echo_fill(ngx_http_asgard_echo_t *echo)
{
    asg_buf_t  out;

    asg_buf_init(&out, (char *) echo->out.start,
                 echo->out.end - echo->out.start);

    do {
        echo->rc = ngx_http_asgard_echo_answer_next(&echo->answer, &out);

    } while (echo->rc == NGX_OK && out.len < NGX_HTTP_ASGARD_ECHO_PIECE
             && echo->answer.options.gap_ms == 0);

    echo->out.pos = echo->out.start;
    echo->out.last = echo->out.start + out.len;

    return asg_buf_ok(&out) ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_asgard_echo_close(ngx_http_asgard_echo_t *echo)
{
    ngx_pool_t        *pool;
    ngx_connection_t  *c;

    c = echo->connection;
    pool = c->pool;

    if (echo->timer.timer_set) {
        ngx_del_timer(&echo->timer);
    }

    ngx_close_connection(c);
    ngx_destroy_pool(pool);
}
