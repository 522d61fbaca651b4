
/*
 * The open calls of this worker, and the kill that ends them.
 *
 * A call is open from its reserve until its request is destroyed.  Once a
 * second, and when a change of a project is announced, each is held against
 * its project's record: a killed project's calls are cut.  A record that is
 * not fresh is asked of Redis, one question a project, so that a lost message
 * of the change channel delays a kill by a moment and no more.  At the same
 * pace a call that has been open for asgard_call_timeout is cut.
 */

#ifndef _NGX_HTTP_ASGARD_KILL_H_INCLUDED_
#define _NGX_HTTP_ASGARD_KILL_H_INCLUDED_


#include "ngx_http_asgard.h"


ngx_int_t ngx_http_asgard_kill_init(ngx_cycle_t *cycle);

/* ctx is among the open calls from now on; forget() may come at any time. */
void ngx_http_asgard_kill_watch(ngx_http_asgard_ctx_t *ctx);
void ngx_http_asgard_kill_forget(ngx_http_asgard_ctx_t *ctx);


#endif /* _NGX_HTTP_ASGARD_KILL_H_INCLUDED_ */
