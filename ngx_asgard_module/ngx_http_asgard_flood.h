
/*
 * How many bad keys a second one address may show, over all workers.
 *
 * Only keys that are not known count, and only such a key is ever refused for
 * it: whoever shows a good one is served from whatever address.  An address is
 * an IPv4 address or an IPv6 /64, as `realip` left it; all clients of a unix
 * socket are one.
 */

#ifndef _NGX_HTTP_ASGARD_FLOOD_H_INCLUDED_
#define _NGX_HTTP_ASGARD_FLOOD_H_INCLUDED_


#include "ngx_http_asgard.h"


/* Counts a bad key of this request; true: one more than its address may show
 * (then it is not counted). */
ngx_uint_t ngx_http_asgard_flood(ngx_http_request_t *r);


#endif /* _NGX_HTTP_ASGARD_FLOOD_H_INCLUDED_ */
