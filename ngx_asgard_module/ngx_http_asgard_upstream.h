
/*
 * The content handler on nginx's upstream API: one call, several attempts, one
 * answer; unbuffered; our own response parser; draining after a client left.
 */

#ifndef _NGX_HTTP_ASGARD_UPSTREAM_H_INCLUDED_
#define _NGX_HTTP_ASGARD_UPSTREAM_H_INCLUDED_


#include "ngx_http_asgard.h"


/* Once per configuration, from postconfiguration: TLS context, name servers,
 * the conf that every attempt copies, the filter that drains. */
ngx_int_t ngx_http_asgard_upstream_init_main(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf);

/* Content handler of a location with asgard on, entered with a hold: starts
 * the first attempt.  Without ctx->call.slot it refuses (500). */
ngx_int_t ngx_http_asgard_upstream_handler(ngx_http_request_t *r);

/* Ends an open call now (kill): the client's stream is cut, what was produced
 * is settled. */
void ngx_http_asgard_upstream_cancel(ngx_http_asgard_ctx_t *ctx);

/* The same for one that has been open for too long; a client that has not yet
 * read an answer that is settled loses it. */
void ngx_http_asgard_upstream_expire(ngx_http_asgard_ctx_t *ctx);


#endif /* _NGX_HTTP_ASGARD_UPSTREAM_H_INCLUDED_ */
