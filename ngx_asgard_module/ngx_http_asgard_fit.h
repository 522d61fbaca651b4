
/*
 * Fit to budget: a call that is refused for want of room asks for fewer tokens,
 * where its project wants that.
 *
 * What a call holds only rises with max_tokens, so the most that fit are found
 * by halving.  What it is lowered to is written into the request, and told in
 * the header x-asgard-max-tokens.
 */

#ifndef _NGX_HTTP_ASGARD_FIT_H_INCLUDED_
#define _NGX_HTTP_ASGARD_FIT_H_INCLUDED_


#include "ngx_http_asgard_limits.h"
#include "ngx_http_asgard_reserve.h"


/* NGX_OK: the call now holds at most what the window has left, and less than
 * before.  NGX_DECLINED: it cannot, or shall not; nothing was changed. */
ngx_int_t ngx_http_asgard_fit(ngx_http_asgard_ctx_t *ctx,
    const ngx_http_asgard_over_t *over);
ngx_int_t ngx_http_asgard_fit_header(ngx_http_request_t *r,
    ngx_http_asgard_ctx_t *ctx, ngx_http_asgard_limits_push_pt push);


#endif /* _NGX_HTTP_ASGARD_FIT_H_INCLUDED_ */
