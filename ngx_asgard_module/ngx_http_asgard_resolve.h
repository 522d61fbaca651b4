
/*
 * From an endpoint's name to addresses, never blocking a worker on a server.
 *
 * A literal is its own address; then /etc/hosts; then nginx's resolver
 * (asgard_resolver, else the name servers of /etc/resolv.conf).  Known
 * addresses are used while they are asked for again; the last good ones are
 * kept when that fails.
 */

#ifndef _NGX_HTTP_ASGARD_RESOLVE_H_INCLUDED_
#define _NGX_HTTP_ASGARD_RESOLVE_H_INCLUDED_


#include "ngx_http_asgard.h"


#define NGX_HTTP_ASGARD_ADDRS_MAX  8


typedef struct {
    ngx_sockaddr_t             sockaddr;
    socklen_t                  socklen;
} ngx_http_asgard_addr_t;


typedef struct {
    ngx_str_t                  host;          /* of the owner */
    in_port_t                  port;
    ngx_http_asgard_addr_t     addrs[NGX_HTTP_ASGARD_ADDRS_MAX];
    ngx_uint_t                 naddrs;
    time_t                     again;         /* not asked before */
    ngx_resolver_ctx_t        *ctx;           /* a question is out */
    ngx_queue_t                waiting;       /* of ..._waiter_t */
} ngx_http_asgard_resolve_t;


/* Somebody without any address; `handler` runs from the event loop, once. */
typedef struct {
    ngx_queue_t                queue;
    void                     (*handler)(void *data);
    void                      *data;
} ngx_http_asgard_waiter_t;


/* amcf->resolver from /etc/resolv.conf unless it was configured. */
ngx_int_t ngx_http_asgard_resolve_init_main(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf);

void ngx_http_asgard_resolve_init(ngx_http_asgard_resolve_t *rs,
    ngx_str_t *host, in_port_t port);
/* No handler of a waiter runs any more. */
void ngx_http_asgard_resolve_finish(ngx_http_asgard_resolve_t *rs);

/* NGX_OK: addrs can be used; NGX_AGAIN: `waiter` was queued; NGX_DECLINED: the
 * name has no address now. */
ngx_int_t ngx_http_asgard_resolve(ngx_http_asgard_resolve_t *rs,
    ngx_resolver_t *resolver, ngx_http_asgard_waiter_t *waiter);


#endif /* _NGX_HTTP_ASGARD_RESOLVE_H_INCLUDED_ */
