
/*
 * The request body in one piece of memory.
 *
 * It is read unbuffered in nginx's sense: nginx then never has a reason to
 * open a temporary file, whatever its settings say, and pieces are
 * collected here.  A body gets room for the length that it announces, up to
 * 1 MB; the room grows as more arrives, twofold; a chunked body ends at 1 MB.
 * All room is charged to the memory cap that all workers share, before it is
 * taken.  So nobody holds much of it by a length that he does not send, nor
 * for long by sending a byte now and then.
 */

#ifndef _NGX_HTTP_ASGARD_BODY_H_INCLUDED_
#define _NGX_HTTP_ASGARD_BODY_H_INCLUDED_


#include "ngx_http_asgard.h"

#include "core/guard_body.h"


#define NGX_HTTP_ASGARD_BODY_MAX      ((off_t) ASG_REQUEST_BODY_MAX)
#define NGX_HTTP_ASGARD_BODY_CHUNKED  (1024 * 1024)
#define NGX_HTTP_ASGARD_BODY_AT_ONCE  (1024 * 1024)
#define NGX_HTTP_ASGARD_BODY_PIECE    (64 * 1024)
#define NGX_HTTP_ASGARD_BODY_TIME     600000    /* ms for all of it */


/* NGX_OK with ctx->body whole, NGX_AGAIN (the steps are resumed), or a status
 * of HTTP with ctx->reason set. */
ngx_int_t ngx_http_asgard_body_read(ngx_http_asgard_ctx_t *ctx);

/* Fills ctx->parsed; NGX_OK or a status with ctx->reason and ctx->param set. */
ngx_int_t ngx_http_asgard_body_scan(ngx_http_asgard_ctx_t *ctx);
/* The same once more, shown to a guard of the caller's. */
ngx_int_t ngx_http_asgard_body_scan_with(ngx_http_asgard_ctx_t *ctx,
    asg_guard_t *guard);
/* Room for another body, within the memory cap; then it takes the place of the
 * old one. */
ngx_int_t ngx_http_asgard_body_room_for(ngx_http_asgard_ctx_t *ctx,
    size_t size, ngx_str_t *body);
void ngx_http_asgard_body_replace(ngx_http_asgard_ctx_t *ctx, ngx_str_t *body,
    size_t size);


/* No provider will be asked any more: ctx->parsed and ctx->body are gone, and
 * ctx->asked has a copy of its own.  NGX_ERROR: no memory for it. */
ngx_int_t ngx_http_asgard_body_forget(ngx_http_asgard_ctx_t *ctx);

void ngx_http_asgard_body_release(ngx_http_asgard_ctx_t *ctx);

/* The worker's reader of bodies. */
ngx_int_t ngx_http_asgard_body_init(ngx_cycle_t *cycle);


#endif /* _NGX_HTTP_ASGARD_BODY_H_INCLUDED_ */
