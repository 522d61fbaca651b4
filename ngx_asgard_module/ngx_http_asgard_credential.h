
/*
 * Where a client may show its project's key.
 *
 * It is the bearer of the one Authorization header.  On the routes of the
 * Messages API it may stand in `x-api-key` too, as Anthropic's libraries send
 * it, or in both; whatever stands in more than one place must be one key.  In
 * any other header, a cookie or a query it is not read.
 */

#ifndef _NGX_HTTP_ASGARD_CREDENTIAL_H_INCLUDED_
#define _NGX_HTTP_ASGARD_CREDENTIAL_H_INCLUDED_


#include "ngx_http_asgard.h"


/* The key as it was sent, not judged.  NGX_DECLINED: there is none; NGX_ERROR:
 * it is not shown as one key. */
ngx_int_t ngx_http_asgard_credential(ngx_http_asgard_ctx_t *ctx,
    ngx_str_t *token);


#endif /* _NGX_HTTP_ASGARD_CREDENTIAL_H_INCLUDED_ */
