
/*
 * One connection to Redis on nginx's events, with hiredis for what it says.
 *
 * Of hiredis the asynchronous half is left out: it aborts when it has no memory
 * for a connection, and forgets who waits for a reply.  Here who asks brings
 * the memory for that along, and what cannot be had is refused.  Reads are
 * level-triggered, because hiredis takes 16 kB at a time.  A write is posted,
 * not done: what one pass of the event loop asks leaves at its end in one
 * write.  The memory belongs to the caller.
 */

#ifndef _NGX_HTTP_ASGARD_REDIS_EVENTS_H_INCLUDED_
#define _NGX_HTTP_ASGARD_REDIS_EVENTS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/hiredis.h>

#include "core/str.h"


#define NGX_HTTP_ASGARD_REDIS_CHANNELS  4

typedef struct ngx_http_asgard_redis_events_s  ngx_http_asgard_redis_events_t;
typedef struct ngx_http_asgard_redis_ask_s  ngx_http_asgard_redis_ask_t;

/* Who waits for a reply: stays where it is until it was told, once.  NULL: the
 * connection is gone. */
struct ngx_http_asgard_redis_ask_s {
    ngx_queue_t         queue;
    void              (*told)(ngx_http_asgard_redis_ask_t *ask,
                              redisReply *reply);
    void               *data;
};

struct ngx_http_asgard_redis_events_s {
    redisContext       *context;        /* NULL: no connection */
    ngx_connection_t   *connection;
    ngx_queue_t         asked;          /* in the order of the replies */
    void              (*open)(ngx_http_asgard_redis_events_t *ev);
    void              (*failed)(ngx_http_asgard_redis_events_t *ev,
                                const char *why);
    void              (*heard)(redisReply *reply);      /* NULL: replies only */
    unsigned            connected:1;    /* until then writes wait for epoll */
    unsigned            writing:1;
    unsigned            telling:1;      /* somebody of its reply */
};


typedef struct {
    struct sockaddr    *sockaddr;
    socklen_t           socklen;
} ngx_http_asgard_redis_addr_t;


/* `unix:PATH`, `HOST:PORT`, `redis://[user:password@]HOST:PORT`; a name is
 * resolved now.  Memory from `pool`. */
ngx_int_t ngx_http_asgard_redis_addr(ngx_pool_t *pool, ngx_str_t *url,
    ngx_http_asgard_redis_addr_t *addr);

/* Starts to connect; open() is called when commands may be given, failed() when
 * the connection is of no use any more, and has to close it.  NGX_ERROR: it
 * could not even start, nothing will be called. */
ngx_int_t ngx_http_asgard_redis_events_connect(
    ngx_http_asgard_redis_events_t *ev, ngx_http_asgard_redis_addr_t *addr,
    ngx_log_t *log);

/* Who still waits is told NULL: before this returns or, when it is called by
 * one who is being told, after that one. */
void ngx_http_asgard_redis_events_close(ngx_http_asgard_redis_events_t *ev);

/* A command of words, or as it goes out.  NGX_ERROR: there was no memory,
 * nothing is sent and `ask` is not told. */
ngx_int_t ngx_http_asgard_redis_events_ask(ngx_http_asgard_redis_events_t *ev,
    ngx_http_asgard_redis_ask_t *ask, ngx_uint_t argc, const char **argv,
    const size_t *lens);
ngx_int_t ngx_http_asgard_redis_events_send(ngx_http_asgard_redis_events_t *ev,
    ngx_http_asgard_redis_ask_t *ask, const u_char *bytes, size_t len);

/* Asks for the messages of at most NGX_HTTP_ASGARD_REDIS_CHANNELS channels,
 * which come without being asked for; from now on all that the server says goes
 * to heard(), which borrows it, and no command may be given. */
ngx_int_t ngx_http_asgard_redis_events_subscribe(
    ngx_http_asgard_redis_events_t *ev, const asg_str_t *channels,
    ngx_uint_t n, void (*heard)(redisReply *reply));

/* Reads what has come, whatever the event loop has not got to yet. */
void ngx_http_asgard_redis_events_read(ngx_http_asgard_redis_events_t *ev);

/* Outside of the event loop: waits for the socket and does what it is ready
 * for.  NGX_DECLINED: nothing happened within `timeout`. */
ngx_int_t ngx_http_asgard_redis_events_pump(
    ngx_http_asgard_redis_events_t *ev, ngx_msec_t timeout);


#endif /* _NGX_HTTP_ASGARD_REDIS_EVENTS_H_INCLUDED_ */
