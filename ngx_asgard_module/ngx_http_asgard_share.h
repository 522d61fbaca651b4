
/*
 * Shares: what one project may take of that which all have in common.
 *
 * Slots of the journal, places at the guardrail service and memory of bodies
 * are few.  A project gets another slot or place only while it has fewer than
 * seven times as many as are free, a place for a call that no limit bounds only
 * while it has fewer than are free, and more memory in a worker only while its
 * other bodies there have no more than what is free, small bodies as long as an
 * eighth of all is free.  So alone it can use most of each, and yet never all:
 * the more it has, the less is left, and what is left it does not get.  Two
 * that take all they can leave less, but something.
 *
 * Projects are known by a bucket, a hash of their id.  Two of one bucket have
 * one share.  The counts of slots are shared memory, each slot remembers its
 * bucket; those of places and bodies are of this process, and go with it.
 */

#ifndef _NGX_HTTP_ASGARD_SHARE_H_INCLUDED_
#define _NGX_HTTP_ASGARD_SHARE_H_INCLUDED_


#include "ngx_http_asgard.h"


/* The bucket of the request's project, which was identified. */
ngx_uint_t ngx_http_asgard_share(ngx_http_asgard_ctx_t *ctx);

/* One slot more for the bucket: NGX_OK, or NGX_BUSY. */
ngx_int_t ngx_http_asgard_share_slot_take(ngx_uint_t share);
void ngx_http_asgard_share_slot_free(ngx_uint_t share);

/* One place more of those at the guardrail service, of which so many are free:
 * NGX_OK, or NGX_BUSY.  `limited`: the call is in the limits of its key. */
ngx_int_t ngx_http_asgard_share_place_take(ngx_uint_t share, ngx_uint_t free,
    ngx_uint_t limited);
void ngx_http_asgard_share_place_free(ngx_uint_t share);

/* `own`: what the request has already.  NGX_OK: n bytes more are its own. */
ngx_int_t ngx_http_asgard_share_body_charge(ngx_uint_t share, size_t own,
    size_t n, size_t max);
void ngx_http_asgard_share_body_release(ngx_uint_t share, size_t n);


#endif /* _NGX_HTTP_ASGARD_SHARE_H_INCLUDED_ */
