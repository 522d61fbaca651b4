
/*
 * The change channel: what ctl announces reaches zone, snapshot and the open
 * calls of this worker.
 */

#ifndef _NGX_HTTP_ASGARD_CHANNEL_H_INCLUDED_
#define _NGX_HTTP_ASGARD_CHANNEL_H_INCLUDED_


#include "ngx_http_asgard.h"


ngx_int_t ngx_http_asgard_channel_init(ngx_cycle_t *cycle,
    ngx_http_asgard_main_conf_t *amcf);
void ngx_http_asgard_channel_exit(void);


#endif /* _NGX_HTTP_ASGARD_CHANNEL_H_INCLUDED_ */
