
/*
 * From an endpoint's name to addresses, never blocking a worker on a server.
 *
 * A literal is its own address; then /etc/hosts; then nginx's resolver
 * (asgard_resolver, else the name servers of /etc/resolv.conf, and for a name
 * that does not exist its search domains).
 *
 * An answer is asked for again after its time to live (1 s at least, 300 s at
 * most).  The addresses known are used meanwhile, for RESOLVE_GRACE seconds;
 * who comes later waits for the answer, RESOLVE_LATE ms at most.  When there is
 * none the last good addresses are kept.  So a change is followed within the
 * time to live, the grace, and what the name server takes.
 *
 * Where `public_only` is set no other address is taken, wherever it comes from;
 * an answer that has none is no answer.
 */

#ifndef _NGX_HTTP_ASGARD_RESOLVE_H_INCLUDED_
#define _NGX_HTTP_ASGARD_RESOLVE_H_INCLUDED_


#include "ngx_http_asgard.h"


#define NGX_HTTP_ASGARD_ADDRS_MAX      8
#define NGX_HTTP_ASGARD_RESOLVE_GRACE  5      /* s after the time to live */
#define NGX_HTTP_ASGARD_RESOLVE_LATE   1000   /* ms */
#define NGX_HTTP_ASGARD_ASKED_MAX      512    /* a host, a dot, a domain */


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
    time_t                     until;         /* nobody waits before */
    ngx_resolver_ctx_t        *ctx;           /* a question is out */
    ngx_queue_t                waiting;       /* of ..._waiter_t */
    ngx_event_t                late;
    ngx_uint_t                 searched;      /* 0: the name as it stands */
    u_char                     asked[NGX_HTTP_ASGARD_ASKED_MAX];
    unsigned                   public_only:1;
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
    ngx_str_t *host, in_port_t port, ngx_uint_t public_only);
/* No handler of a waiter runs any more. */
void ngx_http_asgard_resolve_finish(ngx_http_asgard_resolve_t *rs);

/* NGX_OK: addrs can be used; NGX_AGAIN: `waiter` was queued; NGX_DECLINED: the
 * name has no address now. */
ngx_int_t ngx_http_asgard_resolve(ngx_http_asgard_resolve_t *rs,
    ngx_http_asgard_waiter_t *waiter);

/* Is it one of those known now, port and all? */
ngx_uint_t ngx_http_asgard_resolve_has(ngx_http_asgard_resolve_t *rs,
    ngx_http_asgard_addr_t *addr);


#endif /* _NGX_HTTP_ASGARD_RESOLVE_H_INCLUDED_ */
