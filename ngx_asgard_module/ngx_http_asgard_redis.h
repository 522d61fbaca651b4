
/*
 * The worker's asynchronous Redis: one connection for commands, one for the
 * change channel.
 *
 * A command gets exactly one callback: with a reply, or with NULL when the
 * deadline passed, the connection broke, the breaker is open or too many wait.
 * The callback never runs inside the call that issued the command, and the
 * data it gets is the caller's own record, never a request that may be gone.
 * All commands of one pass of the event loop leave in one write.
 *
 * On connect: AUTH, INFO server, ROLE; the run id of that process is part of
 * every fence.  READONLY or a replica closes the connection.  Breaker: after 3
 * failures in a row commands fail at once for 200 ms, then one probe.
 */

#ifndef _NGX_HTTP_ASGARD_REDIS_H_INCLUDED_
#define _NGX_HTTP_ASGARD_REDIS_H_INCLUDED_


#include <hiredis/hiredis.h>

#include "ngx_http_asgard.h"
#include "core/script.h"


/* `reply` NULL: no answer (not known whether executed when `sent` is 1). */
typedef void (*ngx_http_asgard_redis_pt)(void *data, redisReply *reply,
    ngx_uint_t sent);


ngx_int_t ngx_http_asgard_redis_init(ngx_cycle_t *cycle,
    ngx_http_asgard_main_conf_t *amcf);
void ngx_http_asgard_redis_exit(void);

ngx_uint_t ngx_http_asgard_redis_ready(void);
/* Would a command leave now?  Also true where it is the one that tries a Redis
 * after its rest: who asks by the clock goes by this, so that a worker without
 * calls finds Redis again. */
ngx_uint_t ngx_http_asgard_redis_may_ask(void);
/* 40 hex of the server process behind the command connection; empty: none. */
ngx_str_t *ngx_http_asgard_redis_run_id(void);

/* NGX_OK: the callback will come; NGX_ERROR: it will not (503). */
ngx_int_t ngx_http_asgard_redis_command(ngx_http_asgard_redis_pt handler,
    void *data, ngx_uint_t argc, const char **argv, const size_t *lens);
/* EVALSHA; after NOSCRIPT, on the same connection, EVAL once.  argv: keys, then
 * args. */
ngx_int_t ngx_http_asgard_redis_script(asg_script_t script,
    ngx_http_asgard_redis_pt handler, void *data, ngx_uint_t nkeys,
    ngx_uint_t argc, const char **argv, const size_t *lens);


#endif /* _NGX_HTTP_ASGARD_REDIS_H_INCLUDED_ */
