
/*
 * /readyz: one question to asgard-ctl over SCGI, answered within 1 s whatever
 * ctl does.
 */

#ifndef _NGX_HTTP_ASGARD_READY_H_INCLUDED_
#define _NGX_HTTP_ASGARD_READY_H_INCLUDED_


#include "ngx_http_asgard.h"


ngx_int_t ngx_http_asgard_ready_handler(ngx_http_request_t *r);


#endif /* _NGX_HTTP_ASGARD_READY_H_INCLUDED_ */
