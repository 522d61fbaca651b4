
/*
 * A provider's error: its body is read when something depends on it, and then
 * forgotten.  No word of it reaches the client.
 */

#ifndef _NGX_HTTP_ASGARD_PROVIDER_ERROR_H_INCLUDED_
#define _NGX_HTTP_ASGARD_PROVIDER_ERROR_H_INCLUDED_


#include "ngx_http_asgard_candidate.h"


/* The head of an error is whole.  Is its body to be read?  Sets a->refused. */
ngx_uint_t ngx_http_asgard_refused(ngx_http_asgard_attempt_t *a);

/* NGX_AGAIN: more of the body is to come; NGX_OK: a->too_long, a->said and
 * a->leaked are set as far as it told. */
ngx_int_t ngx_http_asgard_refused_read(ngx_http_asgard_attempt_t *a);

/* Bytes of a stream are there.  NGX_OK: it is an answer; NGX_AGAIN: its first
 * event is not whole; NGX_DECLINED: that is an error, and a->status, a->said,
 * a->too_long and a->leaked are set by it. */
ngx_int_t ngx_http_asgard_refused_stream(ngx_http_asgard_attempt_t *a);


#endif /* _NGX_HTTP_ASGARD_PROVIDER_ERROR_H_INCLUDED_ */
