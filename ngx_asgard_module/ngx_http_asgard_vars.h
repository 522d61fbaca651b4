
/*
 * The $asgard_* variables for the operator's own log format.  What is not
 * known (yet) has no value: nginx writes "-".
 */

#ifndef _NGX_HTTP_ASGARD_VARS_H_INCLUDED_
#define _NGX_HTTP_ASGARD_VARS_H_INCLUDED_


#include "ngx_http_asgard.h"


ngx_int_t ngx_http_asgard_vars_add(ngx_conf_t *cf);


#endif /* _NGX_HTTP_ASGARD_VARS_H_INCLUDED_ */
