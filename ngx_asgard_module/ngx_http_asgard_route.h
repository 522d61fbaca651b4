
/*
 * Which of our routes a request is for, judged by its raw path.
 *
 * nginx matches locations on the decoded path; what we serve is decided by the
 * bytes that the client sent, so that a path written differently
 * (`//`, `/../`, `%63`) is another path, hence none.  The one exception: the
 * slash of a model ref in /v1/models/{id} may be written %2F.  No path takes a
 * query but those of the Messages API, which take `beta=true`.
 */

#ifndef _NGX_HTTP_ASGARD_ROUTE_H_INCLUDED_
#define _NGX_HTTP_ASGARD_ROUTE_H_INCLUDED_


#include "ngx_http_asgard.h"


/* Sets ctx->route and ctx->model_id; NGX_OK, or a status with the reason:
 * unknown path, query string, method, subrequest. */
ngx_int_t ngx_http_asgard_route_find(ngx_http_asgard_ctx_t *ctx);

/* Of Anthropic's Messages API, in whose words it is answered. */
ngx_uint_t ngx_http_asgard_route_is_messages(ngx_http_asgard_ctx_t *ctx);

/* What the Allow header says of the path; NULL: it is none of ours. */
ngx_str_t *ngx_http_asgard_route_allow(ngx_http_asgard_ctx_t *ctx);

/* No log shows the query of this request. */
void ngx_http_asgard_route_hide(ngx_http_request_t *r);

/* Two Authorization headers stay nginx's 400, but no log shows their values. */
ngx_int_t ngx_http_asgard_route_init(ngx_conf_t *cf);

/* Content-Type and Content-Encoding of a request with a body. */
ngx_int_t ngx_http_asgard_route_media(ngx_http_asgard_ctx_t *ctx);


#endif /* _NGX_HTTP_ASGARD_ROUTE_H_INCLUDED_ */
