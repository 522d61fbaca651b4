
/*
 * hiredis on nginx's events: one of these per connection to Redis.
 *
 * Reads are level-triggered, because hiredis takes 16 kB at a time.  A write is
 * posted, not done: what one pass of the event loop asks leaves at its end in
 * one write.  The memory belongs to the caller and must outlive the context;
 * freeing the context detaches it.
 */

#ifndef _NGX_HTTP_ASGARD_REDIS_EVENTS_H_INCLUDED_
#define _NGX_HTTP_ASGARD_REDIS_EVENTS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/async.h>

#include "core/str.h"


#define NGX_HTTP_ASGARD_REDIS_CHANNELS  4

typedef struct {
    redisAsyncContext  *context;        /* NULL: detached */
    ngx_connection_t   *connection;
    void              (*open)(redisAsyncContext *ac);   /* may be written to */
    void              (*heard)(redisReply *reply);      /* NULL: replies only */
    unsigned            connected:1;    /* until then writes wait for epoll */
    unsigned            writing:1;
} ngx_http_asgard_redis_events_t;


typedef struct {
    ngx_str_t           host;           /* an address; or */
    ngx_str_t           path;           /* of a unix socket; both end in NUL */
    in_port_t           port;
} ngx_http_asgard_redis_addr_t;


/* `unix:PATH`, `HOST:PORT`, `redis://[user:password@]HOST:PORT`; a name is
 * resolved now.  Memory from `pool`. */
ngx_int_t ngx_http_asgard_redis_addr(ngx_pool_t *pool, ngx_str_t *url,
    ngx_http_asgard_redis_addr_t *addr);

/* Starts to connect and attaches; NULL when that failed at once. The caller
 * sets data, then the callbacks of connect and disconnect.  Commands may be
 * given from open() on. */
redisAsyncContext *ngx_http_asgard_redis_events_connect(
    ngx_http_asgard_redis_events_t *ev, ngx_http_asgard_redis_addr_t *addr,
    void (*open)(redisAsyncContext *ac), ngx_log_t *log);

/* Asks for the messages of at most NGX_HTTP_ASGARD_REDIS_CHANNELS channels,
 * which come without being asked for; from now on all that the server says goes
 * to heard(), which borrows it, and no command may be given.  hiredis' own way
 * to subscribe aborts when it has no memory. */
ngx_int_t ngx_http_asgard_redis_events_subscribe(
    ngx_http_asgard_redis_events_t *ev, const asg_str_t *channels,
    ngx_uint_t n, void (*heard)(redisReply *reply));

/* Outside of the event loop: waits for the socket and does what it is ready
 * for.  NGX_DECLINED: nothing happened within `timeout`. */
ngx_int_t ngx_http_asgard_redis_events_pump(
    ngx_http_asgard_redis_events_t *ev, ngx_msec_t timeout);


#endif /* _NGX_HTTP_ASGARD_REDIS_EVENTS_H_INCLUDED_ */
