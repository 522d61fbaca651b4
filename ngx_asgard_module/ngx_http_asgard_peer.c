
/*
 * What a worker knows of an endpoint beyond the catalog.
 */

#include "ngx_http_asgard_peer.h"

#include "ngx_http_asgard_snapshot.h"


#define NGX_HTTP_ASGARD_TLS_DEPTH  8


static ngx_uint_t ngx_http_asgard_peer_is(ngx_http_asgard_peer_t *peer,
    const asg_endpoint_t *e);
static ngx_uint_t ngx_http_asgard_peer_same(ngx_str_t *a, const asg_str_t *b);
static ngx_http_asgard_peer_t *ngx_http_asgard_peer_create(
    const asg_endpoint_t *e);
static u_char *ngx_http_asgard_peer_copy(u_char *p, ngx_str_t *to,
    const asg_str_t *from);
static ngx_int_t ngx_http_asgard_peer_trust(ngx_http_asgard_peer_t *peer);
static ngx_int_t ngx_http_asgard_peer_context(ngx_ssl_t *ssl, ngx_log_t *log,
    ngx_uint_t level, ngx_str_t *ca_file);
static void ngx_http_asgard_peer_destroy(ngx_http_asgard_peer_t *peer);
static ngx_uint_t ngx_http_asgard_peer_is_quiet(ngx_connection_t *c);
static ngx_http_asgard_idle_t *ngx_http_asgard_peer_idle(
    ngx_http_asgard_peer_t *peer);
static void ngx_http_asgard_peer_dummy(ngx_event_t *ev);
static void ngx_http_asgard_peer_idle_handler(ngx_event_t *ev);
static void ngx_http_asgard_peer_idle_close(ngx_http_asgard_idle_t *item);
static void ngx_http_asgard_peer_close(ngx_connection_t *c);


/* The worker's peers. */
static ngx_queue_t  ngx_http_asgard_peers = {
    &ngx_http_asgard_peers, &ngx_http_asgard_peers
};


ngx_int_t
ngx_http_asgard_peer_init_main(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf)
{
    ngx_ssl_t           *ssl;
    ngx_pool_cleanup_t  *cln;

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl == NULL) {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_asgard_peer_context(ssl, cf->log, NGX_LOG_EMERG,
                                     &amcf->ca_file)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    amcf->ssl = ssl;

    return NGX_OK;
}


ngx_http_asgard_peer_t *
ngx_http_asgard_peer(ngx_http_asgard_snapshot_t *s, ngx_uint_t endpoint)
{
    ngx_queue_t             *q;
    const asg_endpoint_t    *e;
    ngx_http_asgard_peer_t  *peer;

    if (s->peers[endpoint]) {
        return s->peers[endpoint];
    }

    e = &s->catalog.endpoints[endpoint];
    peer = NULL;

    for (q = ngx_queue_head(&ngx_http_asgard_peers);
         q != ngx_queue_sentinel(&ngx_http_asgard_peers);
         q = ngx_queue_next(q))
    {
        peer = ngx_queue_data(q, ngx_http_asgard_peer_t, queue);

        if (ngx_http_asgard_peer_is(peer, e)) {
            break;
        }

        peer = NULL;
    }

    if (peer == NULL) {
        peer = ngx_http_asgard_peer_create(e);
        if (peer == NULL) {
            return NULL;
        }
    }

    peer->refs++;
    s->peers[endpoint] = peer;

    return peer;
}


void
ngx_http_asgard_peer_inherit(ngx_http_asgard_snapshot_t *s,
    ngx_http_asgard_snapshot_t *old)
{
    ngx_uint_t               i, j;
    ngx_http_asgard_peer_t  *peer;

    for (i = 0; i < old->catalog.nendpoints; i++) {

        peer = old->peers[i];

        for (j = 0; peer && j < s->catalog.nendpoints; j++) {

            if (s->peers[j] == NULL
                && ngx_http_asgard_peer_is(peer, &s->catalog.endpoints[j]))
            {
                s->peers[j] = peer;
                peer->refs++;
                break;
            }
        }
    }
}


void
ngx_http_asgard_peer_release(ngx_http_asgard_snapshot_t *s)
{
    ngx_uint_t               i;
    ngx_http_asgard_peer_t  *peer;

    if (s->peers == NULL) {
        return;
    }

    for (i = 0; i < s->catalog.nendpoints; i++) {

        peer = s->peers[i];
        s->peers[i] = NULL;

        if (peer && --peer->refs == 0) {
            ngx_http_asgard_peer_destroy(peer);
        }
    }
}


static ngx_uint_t
ngx_http_asgard_peer_is(ngx_http_asgard_peer_t *peer, const asg_endpoint_t *e)
{
    return peer->tls == (ngx_uint_t) e->tls
           && peer->resolve.public_only == (unsigned) e->public_only
           && peer->resolve.port == e->port
           && ngx_http_asgard_peer_same(&peer->id, &e->id)
           && ngx_http_asgard_peer_same(&peer->resolve.host, &e->host)
           && ngx_http_asgard_peer_same(&peer->tls_name, &e->tls_name)
           && ngx_http_asgard_peer_same(&peer->ca_file, &e->ca_file);
}


static ngx_uint_t
ngx_http_asgard_peer_same(ngx_str_t *a, const asg_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || ngx_memcmp(a->data, b->data, a->len) == 0);
}


static ngx_http_asgard_peer_t *
ngx_http_asgard_peer_create(const asg_endpoint_t *e)
{
    u_char                  *p;
    ngx_str_t                host;
    ngx_uint_t               i;
    ngx_http_asgard_peer_t  *peer;

    peer = ngx_calloc(sizeof(ngx_http_asgard_peer_t) + e->id.len + e->host.len
                      + e->tls_name.len + e->ca_file.len + 1, ngx_cycle->log);
    if (peer == NULL) {
        return NULL;
    }

    p = (u_char *) peer + sizeof(ngx_http_asgard_peer_t);
    p = ngx_http_asgard_peer_copy(p, &peer->id, &e->id);
    p = ngx_http_asgard_peer_copy(p, &host, &e->host);
    p = ngx_http_asgard_peer_copy(p, &peer->tls_name, &e->tls_name);
    /* the last, so that a NUL follows it: it is handed to OpenSSL */
    (void) ngx_http_asgard_peer_copy(p, &peer->ca_file, &e->ca_file);

    peer->tls = e->tls;
    ngx_queue_init(&peer->idle);
    ngx_queue_init(&peer->spare);

    for (i = 0; i < NGX_HTTP_ASGARD_IDLE_MAX; i++) {
        peer->items[i].peer = peer;
        ngx_queue_insert_tail(&peer->spare, &peer->items[i].queue);
    }

    ngx_http_asgard_resolve_init(&peer->resolve, &host, e->port,
                                 e->public_only);

    if (peer->tls && ngx_http_asgard_peer_trust(peer) != NGX_OK) {
        ngx_free(peer);
        return NULL;
    }

    ngx_queue_insert_tail(&ngx_http_asgard_peers, &peer->queue);

    return peer;
}


static u_char *
ngx_http_asgard_peer_copy(u_char *p, ngx_str_t *to, const asg_str_t *from)
{
    to->data = p;
    to->len = from->len;

    return from->len ? ngx_cpymem(p, from->data, from->len) : p;
}


static ngx_int_t
ngx_http_asgard_peer_trust(ngx_http_asgard_peer_t *peer)
{
    ngx_http_asgard_main_conf_t  *amcf;

    if (peer->ca_file.len == 0) {
        amcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                                   ngx_http_asgard_module);
        peer->ssl = amcf->ssl;
        return NGX_OK;
    }

    if (ngx_http_asgard_peer_context(&peer->own, ngx_cycle->log, NGX_LOG_ERR,
                                     &peer->ca_file)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    peer->ssl = &peer->own;

    return NGX_OK;
}


/* A client's TLS context that trusts `ca_file`, or the system when empty. */

static ngx_int_t
ngx_http_asgard_peer_context(ngx_ssl_t *ssl, ngx_log_t *log, ngx_uint_t level,
    ngx_str_t *ca_file)
{
    int  ok;

    ssl->log = log;

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    SSL_CTX_set_verify_depth(ssl->ctx, NGX_HTTP_ASGARD_TLS_DEPTH);

    ok = ca_file->len
         ? SSL_CTX_load_verify_locations(ssl->ctx, (char *) ca_file->data,
                                         NULL)
         : SSL_CTX_set_default_verify_paths(ssl->ctx);

    if (!ok) {
        ngx_ssl_error(level, log, 0,
                      "asgard: the CA file \"%V\" cannot be used", ca_file);
        ngx_ssl_cleanup_ctx(ssl);
        return NGX_ERROR;
    }

    /* sessions are handed to us, one a peer is kept */
    return ngx_ssl_client_session_cache(NULL, ssl, 1);
}


static void
ngx_http_asgard_peer_destroy(ngx_http_asgard_peer_t *peer)
{
    ngx_queue_t             *q;
    ngx_http_asgard_idle_t  *item;

    ngx_queue_remove(&peer->queue);
    ngx_http_asgard_resolve_finish(&peer->resolve);

    while (!ngx_queue_empty(&peer->idle)) {
        q = ngx_queue_head(&peer->idle);
        item = ngx_queue_data(q, ngx_http_asgard_idle_t, queue);
        ngx_http_asgard_peer_idle_close(item);
    }

    if (peer->session) {
        ngx_ssl_free_session(peer->session);
    }

    if (peer->own.ctx) {
        ngx_ssl_cleanup_ctx(&peer->own);
    }

    ngx_free(peer);
}


/* Nothing came, and no end: what it should be between two answers.  What came
 * with the last answer may have left the socket with it. */

static ngx_uint_t
ngx_http_asgard_peer_is_quiet(ngx_connection_t *c)
{
    char  buf[1];

    if (c->ssl && SSL_has_pending(c->ssl->connection)) {
        return 0;
    }

    return recv(c->fd, buf, 1, MSG_PEEK) == -1
           && ngx_socket_errno == NGX_EAGAIN;
}


/* The newest whose address is still one of the name's and that is not closed
 * yet, asked of the socket itself: the event of its end may still wait in the
 * loop, and what is written after it is lost in a way that leaves open whether
 * it was read. */

static ngx_http_asgard_idle_t *
ngx_http_asgard_peer_idle(ngx_http_asgard_peer_t *peer)
{
    ngx_queue_t             *q;
    ngx_http_asgard_idle_t  *item;

    while (!ngx_queue_empty(&peer->idle)) {
        q = ngx_queue_head(&peer->idle);
        item = ngx_queue_data(q, ngx_http_asgard_idle_t, queue);

        if (ngx_http_asgard_resolve_has(&peer->resolve, &item->addr)
            && ngx_http_asgard_peer_is_quiet(item->connection))
        {
            return item;
        }

        ngx_http_asgard_peer_idle_close(item);
    }

    return NULL;
}


ngx_int_t
ngx_http_asgard_peer_reuse(ngx_http_asgard_peer_t *peer,
    ngx_peer_connection_t *pc, ngx_http_asgard_addr_t *addr)
{
    ngx_connection_t        *c;
    ngx_http_asgard_idle_t  *item;

    item = ngx_http_asgard_peer_idle(peer);
    if (item == NULL) {
        return NGX_DECLINED;
    }

    c = item->connection;
    *addr = item->addr;

    ngx_queue_remove(&item->queue);
    ngx_queue_insert_head(&peer->spare, &item->queue);

    c->idle = 0;
    c->sent = 0;
    c->data = NULL;
    c->log = pc->log;
    c->read->log = pc->log;
    c->write->log = pc->log;
    c->pool->log = pc->log;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    pc->connection = c;
    pc->cached = 1;

    return NGX_OK;
}


void
ngx_http_asgard_peer_keep(ngx_http_asgard_peer_t *peer,
    ngx_peer_connection_t *pc, ngx_http_asgard_addr_t *addr)
{
    ngx_queue_t             *q;
    ngx_connection_t        *c;
    ngx_http_asgard_idle_t  *item;

    c = pc->connection;

    if (c->read->eof || c->read->error || c->read->timedout
        || c->write->error || c->write->timedout
        || ngx_terminate || ngx_exiting
        || ngx_queue_empty(&peer->spare)
        || ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        return;
    }

    pc->connection = NULL;

    q = ngx_queue_head(&peer->spare);
    ngx_queue_remove(q);
    ngx_queue_insert_head(&peer->idle, q);

    item = ngx_queue_data(q, ngx_http_asgard_idle_t, queue);
    item->connection = c;
    item->addr = *addr;

    c->read->delayed = 0;
    ngx_add_timer(c->read, NGX_HTTP_ASGARD_IDLE_TIME);

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    c->write->handler = ngx_http_asgard_peer_dummy;
    c->read->handler = ngx_http_asgard_peer_idle_handler;
    c->data = item;
    c->idle = 1;
    c->log = ngx_cycle->log;
    c->read->log = ngx_cycle->log;
    c->write->log = ngx_cycle->log;
    c->pool->log = ngx_cycle->log;

    if (c->read->ready) {
        ngx_http_asgard_peer_idle_handler(c->read);
    }
}


static void
ngx_http_asgard_peer_dummy(ngx_event_t *ev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ev->log, 0, "asgard idle dummy");
}


/* Whatever a kept connection says, it ends it. */

static void
ngx_http_asgard_peer_idle_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    if (!c->close && !ev->timedout && ngx_http_asgard_peer_is_quiet(c)) {
        ev->ready = 0;

        if (ngx_handle_read_event(ev, 0) == NGX_OK) {
            return;
        }
    }

    ngx_http_asgard_peer_idle_close(c->data);
}


static void
ngx_http_asgard_peer_idle_close(ngx_http_asgard_idle_t *item)
{
    ngx_queue_remove(&item->queue);
    ngx_queue_insert_tail(&item->peer->spare, &item->queue);

    ngx_http_asgard_peer_close(item->connection);
}


static void
ngx_http_asgard_peer_close(ngx_connection_t *c)
{
    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;

        if (ngx_ssl_shutdown(c) == NGX_AGAIN) {
            c->ssl->handler = ngx_http_asgard_peer_close;
            return;
        }
    }

    ngx_destroy_pool(c->pool);
    ngx_close_connection(c);
}


ngx_int_t
ngx_http_asgard_peer_set_session(ngx_http_asgard_peer_t *peer,
    ngx_peer_connection_t *pc)
{
    if (peer->session == NULL) {
        return NGX_OK;
    }

    return ngx_ssl_set_session(pc->connection, peer->session);
}


void
ngx_http_asgard_peer_save_session(ngx_http_asgard_peer_t *peer,
    ngx_peer_connection_t *pc)
{
    ngx_ssl_session_t  *session;

    /* Before TLS 1.3 it comes ahead of the check of the certificate, and would
     * bring its verdict back when the certificate has been mended. */

    if (SSL_get_verify_result(pc->connection->ssl->connection) != X509_V_OK) {
        return;
    }

    session = ngx_ssl_get_session(pc->connection);

    if (session == NULL) {
        return;
    }

    if (peer->session) {
        ngx_ssl_free_session(peer->session);
    }

    peer->session = session;
}
