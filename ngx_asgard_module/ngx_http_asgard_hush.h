
/*
 * Keys that a client put where nginx logs: a query, a path, a Referer, the user
 * of Basic authentication.
 *
 * In a server with `asgard_errors` before anything else, and where only a
 * location has it or `asgard on` with its answer: the request line, Referer and
 * User-Agent end where a key of ours begins, `asg_` or `sk-asg-`, and a user of
 * that shape is none.  Path and arguments for a backend stay as they were.  A
 * refused request whose query is nobody's has none in the logs:
 * ngx_http_asgard_route_hide().
 */

#ifndef _NGX_HTTP_ASGARD_HUSH_H_INCLUDED_
#define _NGX_HTTP_ASGARD_HUSH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* For servers with `asgard_errors`: as soon as the head was read. */
ngx_int_t ngx_http_asgard_hush_init(ngx_conf_t *cf);
/* With the answer, of what was not done then. */
void ngx_http_asgard_hush_late(ngx_http_request_t *r);


#endif /* _NGX_HTTP_ASGARD_HUSH_H_INCLUDED_ */
