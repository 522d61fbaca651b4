
/*
 * One connection to Redis that is kept up: connect, AUTH, INFO server, ROLE,
 * then ready(); after a loss lost() and another try every 200 ms.
 *
 * A server that is not a master is left again.  `run_id` names the process at
 * the other end; a connection cannot outlive it, so it stands from ready() to
 * lost().  Timers are cancelable: a link never keeps a worker from leaving.
 */

#ifndef _NGX_HTTP_ASGARD_REDIS_LINK_H_INCLUDED_
#define _NGX_HTTP_ASGARD_REDIS_LINK_H_INCLUDED_


#include "ngx_http_asgard.h"
#include "ngx_http_asgard_redis_events.h"


#define NGX_HTTP_ASGARD_RUN_ID          40
#define NGX_HTTP_ASGARD_REDIS_GREETING  3       /* AUTH, INFO, ROLE */


typedef struct ngx_http_asgard_redis_link_s  ngx_http_asgard_redis_link_t;

struct ngx_http_asgard_redis_link_s {
    const char                      *name;      /* for the log */
    void                           (*ready)(ngx_http_asgard_redis_link_t *);
    void                           (*lost)(ngx_http_asgard_redis_link_t *);

    ngx_http_asgard_main_conf_t     *conf;
    ngx_http_asgard_redis_addr_t     addr;
    ngx_http_asgard_redis_events_t   events;
    ngx_http_asgard_redis_ask_t      asks[NGX_HTTP_ASGARD_REDIS_GREETING];
    ngx_event_t                      timer;     /* handshake or next try */
    u_char                           run_id[NGX_HTTP_ASGARD_RUN_ID + 1];
    unsigned                         up:1;      /* ready() was called */
    unsigned                         complained:1;
    unsigned                         closing:1; /* for good */
};


/* At the start of a worker: returns when the connection is up, or cannot be, or
 * after a second, so that a reload finds no worker that accepts calls without
 * Redis. */
ngx_int_t ngx_http_asgard_redis_link_open(ngx_http_asgard_redis_link_t *link,
    ngx_cycle_t *cycle, ngx_http_asgard_main_conf_t *amcf);
/* Likewise for what was asked when it came up: a second at most, while
 * `pending` (NULL: nothing) says that it has not come. */
void ngx_http_asgard_redis_link_await(ngx_http_asgard_redis_link_t *link,
    ngx_uint_t (*pending)(void));
/* Drops the connection; the next try follows unless it is for good.  `why`
 * NULL: nothing to complain of. */
void ngx_http_asgard_redis_link_drop(ngx_http_asgard_redis_link_t *link,
    const char *why);
void ngx_http_asgard_redis_link_close(ngx_http_asgard_redis_link_t *link);


#endif /* _NGX_HTTP_ASGARD_REDIS_LINK_H_INCLUDED_ */
