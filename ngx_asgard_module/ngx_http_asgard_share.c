
/*
 * The counts by bucket, and the rules.
 */

#include "ngx_http_asgard_share.h"
#include "ngx_http_asgard_shm.h"


#define NGX_HTTP_ASGARD_SHARE_SLOTS  7          /* times what is free */
#define NGX_HTTP_ASGARD_SHARE_PLACES 7          /* the same */
#define NGX_HTTP_ASGARD_SHARE_SMALL  65536      /* bytes of a body */


static size_t    ngx_http_asgard_share_bodies[NGX_HTTP_ASGARD_SHARES];
static uint16_t  ngx_http_asgard_share_places[NGX_HTTP_ASGARD_SHARES];


ngx_uint_t
ngx_http_asgard_share(ngx_http_asgard_ctx_t *ctx)
{
    const char *id = ctx->key->project_id;

    return ngx_crc32_short((u_char *) id, ngx_strlen(id))
           % NGX_HTTP_ASGARD_SHARES;
}


ngx_int_t
ngx_http_asgard_share_slot_take(ngx_uint_t share)
{
    ngx_atomic_int_t         has, free;
    ngx_http_asgard_zone_t  *zone;

    zone = ngx_http_asgard_zone();
    has = (ngx_atomic_int_t) ngx_atomic_fetch_add(&zone->shares[share], 1);
    free = (ngx_atomic_int_t) zone->nslots
           - (ngx_atomic_int_t) zone->slots_used;

    if (has < NGX_HTTP_ASGARD_SHARE_SLOTS * ngx_max(free, 0)) {
        return NGX_OK;
    }

    ngx_http_asgard_share_slot_free(share);
    return NGX_BUSY;
}


void
ngx_http_asgard_share_slot_free(ngx_uint_t share)
{
    (void) ngx_atomic_fetch_add(&ngx_http_asgard_zone()->shares[share], -1);
}


ngx_int_t
ngx_http_asgard_share_place_take(ngx_uint_t share, ngx_uint_t free,
    ngx_uint_t limited)
{
    ngx_uint_t  has;

    has = ngx_http_asgard_share_places[share];

    if (limited ? has >= NGX_HTTP_ASGARD_SHARE_PLACES * free : has >= free) {
        return NGX_BUSY;
    }

    ngx_http_asgard_share_places[share]++;
    return NGX_OK;
}


void
ngx_http_asgard_share_place_free(ngx_uint_t share)
{
    ngx_http_asgard_share_places[share]--;
}


ngx_int_t
ngx_http_asgard_share_body_charge(ngx_uint_t share, size_t own, size_t n,
    size_t max)
{
    size_t  used, free, others;

    if (ngx_http_asgard_zone_body_charge(n, max) != NGX_OK) {
        return NGX_BUSY;
    }

    used = ngx_http_asgard_zone()->body_bytes;
    free = max - ngx_min(used, max);
    others = ngx_http_asgard_share_bodies[share] - own;

    if (others > free
        && (own + n > NGX_HTTP_ASGARD_SHARE_SMALL || free < max / 8))
    {
        ngx_http_asgard_zone_body_release(n);
        return NGX_BUSY;
    }

    ngx_http_asgard_share_bodies[share] += n;
    return NGX_OK;
}


void
ngx_http_asgard_share_body_release(ngx_uint_t share, size_t n)
{
    ngx_http_asgard_share_bodies[share] -= n;
    ngx_http_asgard_zone_body_release(n);
}
