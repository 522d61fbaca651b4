
/*
 * The directive asgard_redis: the address, and name=value for the rest.
 */

#ifndef _NGX_HTTP_ASGARD_REDIS_SET_H_INCLUDED_
#define _NGX_HTTP_ASGARD_REDIS_SET_H_INCLUDED_


#include "ngx_http_asgard.h"


char *ngx_http_asgard_redis_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_ASGARD_REDIS_SET_H_INCLUDED_ */
