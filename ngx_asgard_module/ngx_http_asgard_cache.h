
/*
 * Records by name in the zone's slab: a tree and a queue of last use.
 *
 * An entry carries the lowest version that may stand in it, so that a slow
 * read of an old record cannot overwrite what a change announced.  Values are
 * opaque bytes.  Each call takes the zone's lock once.
 */

#ifndef _NGX_HTTP_ASGARD_CACHE_H_INCLUDED_
#define _NGX_HTTP_ASGARD_CACHE_H_INCLUDED_


#include "ngx_http_asgard_shm.h"


#define NGX_HTTP_ASGARD_CACHE_NAME   64
#define NGX_HTTP_ASGARD_CACHE_VALUE  4800


/* NGX_OK with the version, the value in `out` (cap: CACHE_VALUE) and its
 * length, or NGX_DECLINED: not there, or no longer fresh.  `most`, where it is
 * not 0: fresh is what was loaded at most so many ms ago and had no change. */
ngx_int_t ngx_http_asgard_cache_get(ngx_http_asgard_cache_t *cache,
    ngx_str_t *name, ngx_msec_t most, uint64_t *version, u_char *out,
    size_t *len);
/* NGX_OK; NGX_DECLINED: a newer version was announced or is there;
 * NGX_ERROR: no memory (an older value is gone). */
ngx_int_t ngx_http_asgard_cache_put(ngx_http_asgard_cache_t *cache,
    ngx_str_t *name, uint64_t version, u_char *value, size_t len);
/* Versions below this one may no longer be cached. */
void ngx_http_asgard_cache_change(ngx_http_asgard_cache_t *cache,
    ngx_str_t *name, uint64_t version);

void ngx_http_asgard_cache_reset(ngx_http_asgard_zone_t *zone);


#endif /* _NGX_HTTP_ASGARD_CACHE_H_INCLUDED_ */
