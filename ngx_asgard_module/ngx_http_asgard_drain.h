
/*
 * After a client left: the provider is read on, so that the true usage is
 * billed, within asgard_drain_timeout and asgard_drain_bytes.
 *
 * Before anything was sent to a provider nginx's own rule stands: the call is
 * aborted.  From then on a client that leaves, or that stalls for
 * send_timeout, is noted in ctx->client_gone and its bytes are swallowed by
 * our body filter.
 */

#ifndef _NGX_HTTP_ASGARD_DRAIN_H_INCLUDED_
#define _NGX_HTTP_ASGARD_DRAIN_H_INCLUDED_


#include "ngx_http_asgard.h"


/* From postconfiguration, after the filters that write to the client. */
ngx_int_t ngx_http_asgard_drain_filter_init(ngx_conf_t *cf);

/* The request is being sent: from here a client that leaves does not end it. */
void ngx_http_asgard_drain_watch(ngx_http_asgard_attempt_t *a);
/* A stream began. */
void ngx_http_asgard_drain_stream(ngx_http_asgard_attempt_t *a);

/* `n` more bytes of an answer: not NGX_OK when nobody waits for them and the
 * bound is passed. */
ngx_int_t ngx_http_asgard_drain_count(ngx_http_asgard_attempt_t *a, size_t n);

/* The client gets nothing more of this stream, not even what waits. */
void ngx_http_asgard_drain_abandon(ngx_http_asgard_attempt_t *a);

void ngx_http_asgard_drain_finish(ngx_http_asgard_attempt_t *a);


#endif /* _NGX_HTTP_ASGARD_DRAIN_H_INCLUDED_ */
