
/*
 * A small SCGI client for one fixed question (in the manner of nginx's OCSP
 * client): connect, write, read to the end, answer.
 *
 * What ctl says is passed on only when it is short and starts as JSON; what
 * this worker knows by itself (Redis, the catalog) is judged first.
 */

#include "ngx_http_asgard_ready.h"

#include "ngx_http_asgard_probe.h"
#include "ngx_http_asgard_redis.h"
#include "ngx_http_asgard_snapshot.h"


#define NGX_HTTP_ASGARD_READY_TIMEOUT  1000     /* ms, in all */
#define NGX_HTTP_ASGARD_READY_MAX      4096     /* of ctl's answer */
#define NGX_HTTP_ASGARD_READY_BODY     512


typedef struct {
    ngx_http_request_t     *request;
    ngx_addr_t              addr;
    ngx_peer_connection_t   peer;
    ngx_buf_t               out;
    ngx_buf_t              *in;
    unsigned                done:1;
} ngx_http_asgard_ready_t;


static ngx_int_t ngx_http_asgard_ready_start(ngx_http_asgard_ready_t *rd,
    ngx_str_t *control);
static void ngx_http_asgard_ready_write(ngx_event_t *ev);
static void ngx_http_asgard_ready_read(ngx_event_t *ev);
static void ngx_http_asgard_ready_done(ngx_http_asgard_ready_t *rd,
    ngx_uint_t whole);
static void ngx_http_asgard_ready_cleanup(void *data);


#define PAIR(name, value)  name "\0" value "\0"

static const char  ngx_http_asgard_ready_head[] =
    PAIR("CONTENT_LENGTH", "0")
    PAIR("SCGI", "1")
    PAIR("REQUEST_METHOD", "GET")
    PAIR("REQUEST_URI", "/internal/ready")
    PAIR("DOCUMENT_URI", "/internal/ready")
    PAIR("QUERY_STRING", "")
    PAIR("SERVER_PROTOCOL", "HTTP/1.1")
    PAIR("REMOTE_ADDR", "127.0.0.1");

#undef PAIR


ngx_int_t
ngx_http_asgard_ready_handler(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t           *cln;
    ngx_http_asgard_ready_t      *rd;
    ngx_http_asgard_main_conf_t  *amcf;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_asgard_ready_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rd = cln->data;
    ngx_memzero(rd, sizeof(ngx_http_asgard_ready_t));
    rd->request = r;
    cln->handler = ngx_http_asgard_ready_cleanup;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_asgard_module);

    r->main->count++;

    if (ngx_http_asgard_ready_start(rd, &amcf->control) != NGX_OK) {
        ngx_http_asgard_ready_done(rd, 0);
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_http_asgard_ready_address(ngx_http_asgard_ready_t *rd, ngx_str_t *control)
{
    struct sockaddr_un  *sun;
    static const size_t  scheme = sizeof("unix:") - 1;

    if (control->len <= scheme
        || control->len - scheme >= sizeof(sun->sun_path)
        || ngx_strncmp(control->data, "unix:", scheme) != 0)
    {
        return NGX_ERROR;
    }

    sun = ngx_pcalloc(rd->request->pool, sizeof(struct sockaddr_un));
    if (sun == NULL) {
        return NGX_ERROR;
    }

    sun->sun_family = AF_UNIX;
    ngx_memcpy(sun->sun_path, control->data + scheme, control->len - scheme);

    rd->addr.sockaddr = (struct sockaddr *) sun;
    rd->addr.socklen = sizeof(struct sockaddr_un);
    rd->addr.name = *control;

    return NGX_OK;
}


/* SCGI: a netstring of pairs. */

static ngx_int_t
ngx_http_asgard_ready_question(ngx_http_asgard_ready_t *rd)
{
    u_char      *p;
    ngx_pool_t  *pool = rd->request->pool;

    p = ngx_pnalloc(pool, sizeof(ngx_http_asgard_ready_head) + NGX_INT_T_LEN
                          + 2);
    rd->in = ngx_create_temp_buf(pool, NGX_HTTP_ASGARD_READY_MAX);

    if (p == NULL || rd->in == NULL) {
        return NGX_ERROR;
    }

    rd->out.pos = p;
    p = ngx_sprintf(p, "%uz:", sizeof(ngx_http_asgard_ready_head) - 1);
    p = ngx_cpymem(p, ngx_http_asgard_ready_head,
                   sizeof(ngx_http_asgard_ready_head) - 1);
    *p++ = ',';
    rd->out.last = p;

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_ready_start(ngx_http_asgard_ready_t *rd, ngx_str_t *control)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    if (ngx_http_asgard_ready_address(rd, control) != NGX_OK
        || ngx_http_asgard_ready_question(rd) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rd->peer.sockaddr = rd->addr.sockaddr;
    rd->peer.socklen = rd->addr.socklen;
    rd->peer.name = &rd->addr.name;
    rd->peer.get = ngx_event_get_peer;
    rd->peer.log = rd->request->connection->log;
    rd->peer.log_error = NGX_ERROR_INFO;

    rc = ngx_event_connect_peer(&rd->peer);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        return NGX_ERROR;
    }

    c = rd->peer.connection;
    c->data = rd;
    c->pool = rd->request->pool;
    c->read->handler = ngx_http_asgard_ready_read;
    c->write->handler = ngx_http_asgard_ready_write;
    c->read->log = c->write->log = c->log = rd->peer.log;

    ngx_add_timer(c->read, NGX_HTTP_ASGARD_READY_TIMEOUT);

    if (rc == NGX_OK) {
        ngx_post_event(c->write, &ngx_posted_events);
    }

    return NGX_OK;
}


static void
ngx_http_asgard_ready_write(ngx_event_t *ev)
{
    ssize_t                   n;
    ngx_connection_t         *c;
    ngx_http_asgard_ready_t  *rd;

    c = ev->data;
    rd = c->data;

    while (rd->out.pos < rd->out.last) {
        n = ngx_send(c, rd->out.pos, rd->out.last - rd->out.pos);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n <= 0) {
            ngx_http_asgard_ready_done(rd, 0);
            return;
        }

        rd->out.pos += n;
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_http_asgard_ready_done(rd, 0);
    }
}


static void
ngx_http_asgard_ready_read(ngx_event_t *ev)
{
    ssize_t                   n;
    ngx_connection_t         *c;
    ngx_http_asgard_ready_t  *rd;

    c = ev->data;
    rd = c->data;

    if (ev->timedout) {
        ngx_http_asgard_ready_done(rd, 0);
        return;
    }

    for ( ;; ) {
        if (rd->in->last == rd->in->end) {
            ngx_http_asgard_ready_done(rd, 0);
            return;
        }

        n = ngx_recv(c, rd->in->last, rd->in->end - rd->in->last);

        if (n == NGX_AGAIN) {
            if (ngx_handle_read_event(c->read, 0) == NGX_OK) {
                return;
            }

            n = NGX_ERROR;
        }

        if (n <= 0) {
            ngx_http_asgard_ready_done(rd, n == 0);
            return;
        }

        rd->in->last += n;
    }
}


/* Status and body of a CGI answer; 0: it is none. */

static ngx_uint_t
ngx_http_asgard_ready_parse(ngx_http_asgard_ready_t *rd, ngx_str_t *body)
{
    u_char      *p, *last;
    ngx_int_t    status;

    static const size_t  head = sizeof("Status: ") - 1;

    p = rd->in->pos;
    last = rd->in->last;

    if ((size_t) (last - p) < head + 3
        || ngx_strncasecmp(p, (u_char *) "Status: ", head) != 0)
    {
        return 0;
    }

    status = ngx_atoi(p + head, 3);

    for (p += head; last - p >= 4; p++) {
        if (ngx_strncmp(p, CRLF CRLF, 4) == 0) {
            body->data = p + 4;
            body->len = last - body->data;

            return (body->len && body->data[0] == '{' && status >= 200)
                   ? (ngx_uint_t) status : 0;
        }
    }

    return 0;
}


static void
ngx_http_asgard_ready_done(ngx_http_asgard_ready_t *rd, ngx_uint_t whole)
{
    ngx_str_t            body;
    ngx_uint_t           status, redis, catalog;
    ngx_connection_t    *c;
    ngx_http_request_t  *r = rd->request;

    if (rd->done) {
        return;
    }

    rd->done = 1;
    ngx_http_asgard_ready_cleanup(rd);

    redis = ngx_http_asgard_redis_ready();
    catalog = (ngx_http_asgard_snapshot_version() != 0);
    status = whole ? ngx_http_asgard_ready_parse(rd, &body) : 0;

    if (status == 0 || (status == NGX_HTTP_OK && !(redis && catalog))) {
        body.data = ngx_pnalloc(r->pool, NGX_HTTP_ASGARD_READY_BODY);

        if (body.data) {
            body.len = ngx_snprintf(body.data, NGX_HTTP_ASGARD_READY_BODY,
                "{\"redis\":\"%s\",\"postgres\":\"%s\",\"ctl\":\"%s\","
                "\"catalog\":\"%s\"}\n",
                redis ? "ok" : "the gateway has no connection",
                status ? "ok" : "not known without ctl",
                status ? "ok" : "no answer within 1 s",
                catalog ? "ok" : "the gateway has no current snapshot")
                - body.data;
        }

        status = NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    c = r->connection;

    ngx_http_finalize_request(r, body.data
        ? ngx_http_asgard_probe_send(r, status, "application/json", &body)
        : NGX_HTTP_INTERNAL_SERVER_ERROR);

    ngx_http_run_posted_requests(c);
}


/* Also when the client leaves first. */

static void
ngx_http_asgard_ready_cleanup(void *data)
{
    ngx_http_asgard_ready_t *rd = data;

    rd->done = 1;

    if (rd->peer.connection) {
        ngx_close_connection(rd->peer.connection);
        rd->peer.connection = NULL;
    }
}
