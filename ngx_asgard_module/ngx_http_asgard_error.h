
/*
 * A refusal as the client sees it: status, headers, JSON body, trace id.
 */

#ifndef _NGX_HTTP_ASGARD_ERROR_H_INCLUDED_
#define _NGX_HTTP_ASGARD_ERROR_H_INCLUDED_


#include "ngx_http_asgard.h"


/* Notes the refusal in ctx and returns the HTTP status for the caller to return
 * or finalize with.  `param` may be NULL. */
ngx_int_t ngx_http_asgard_refuse(ngx_http_asgard_ctx_t *ctx,
    asg_reason_t reason, ngx_str_t *param);

/* Sends ctx->reason as the whole answer and returns what ngx_http_output_filter
 * returned.  Nothing of the answer must have been sent before. */
ngx_int_t ngx_http_asgard_send_refusal(ngx_http_asgard_ctx_t *ctx);

/* The body of ctx->reason, in the words of its route. */
void ngx_http_asgard_error_write(asg_buf_t *out, ngx_http_asgard_ctx_t *ctx);

/* Header and body filters: trace id on every reply of a governed location; a
 * special response of nginx (413, 502 …) in our JSON. */
ngx_int_t ngx_http_asgard_error_filters_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_ASGARD_ERROR_H_INCLUDED_ */
