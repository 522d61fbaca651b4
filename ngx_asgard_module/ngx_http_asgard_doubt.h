
/*
 * Doubt: Redis answered as if one of a partition's keys were gone, a budget or
 * a hold that was granted.
 *
 * The meter is told which partition it is, and compares it with the ledger at
 * once instead of when its turn comes.  It decides; a doubt proves nothing.
 */

#ifndef _NGX_HTTP_ASGARD_DOUBT_H_INCLUDED_
#define _NGX_HTTP_ASGARD_DOUBT_H_INCLUDED_


#include "ngx_http_asgard_redis.h"


/* At most one command a second and partition of this worker. */
void ngx_http_asgard_doubt(ngx_uint_t part);


#endif /* _NGX_HTTP_ASGARD_DOUBT_H_INCLUDED_ */
