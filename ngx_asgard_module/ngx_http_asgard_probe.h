
/*
 * /healthz, /readyz and /metrics, answered by the module itself.
 *
 * healthz: alive and a snapshot is loaded; nobody is asked.  readyz: asgard-ctl
 * is asked, over its SCGI socket, with 1 s; the answer names the failing part.
 * metrics: Prometheus' text, from shared memory; alive while ctl is dead.
 */

#ifndef _NGX_HTTP_ASGARD_PROBE_H_INCLUDED_
#define _NGX_HTTP_ASGARD_PROBE_H_INCLUDED_


#include "ngx_http_asgard.h"


/* Content handler of a location with asgard_probe. */
ngx_int_t ngx_http_asgard_probe_handler(ngx_http_request_t *r);

/* The whole answer of a probe; `body` belongs to r->pool. */
ngx_int_t ngx_http_asgard_probe_send(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, ngx_str_t *body);


#endif /* _NGX_HTTP_ASGARD_PROBE_H_INCLUDED_ */
