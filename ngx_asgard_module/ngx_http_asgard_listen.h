
/*
 * Where the control plane can be reached: with TLS, or from this machine only.
 *
 * Whoever reads a token of an administrator on the way is an administrator, so
 * nginx -t refuses a location with `asgard_errors control` (of
 * asgard-scgi.conf) in a server that listens in clear on another address than
 * loopback, unless `asgard_control_plain on` says that TLS ends in front.
 */

#ifndef _NGX_HTTP_ASGARD_LISTEN_H_INCLUDED_
#define _NGX_HTTP_ASGARD_LISTEN_H_INCLUDED_


#include "ngx_http_asgard.h"


/* At merge: a location of the control plane. */
ngx_int_t ngx_http_asgard_listen_note(ngx_conf_t *cf);

/* After all merges. */
ngx_int_t ngx_http_asgard_listen_check(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf);


#endif /* _NGX_HTTP_ASGARD_LISTEN_H_INCLUDED_ */
