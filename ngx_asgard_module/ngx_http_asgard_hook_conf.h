
/*
 * What the configuration says of the guardrail service; of hook.c and
 * hook_conf.c alone.
 */

#ifndef _NGX_HTTP_ASGARD_HOOK_CONF_H_INCLUDED_
#define _NGX_HTTP_ASGARD_HOOK_CONF_H_INCLUDED_


#include "ngx_http_asgard_hook.h"


#define NGX_HTTP_ASGARD_HOOK_DEADLINE  2000     /* ms */
#define NGX_HTTP_ASGARD_HOOK_OPEN_MAX  128      /* asked at once, a worker */
#define NGX_HTTP_ASGARD_HOOK_BODY_MAX  (1024 * 1024)


struct ngx_http_asgard_hook_conf_s {
    ngx_addr_t   addr;
    ngx_str_t    host;          /* a NUL follows it */
    ngx_str_t    uri;
    ngx_str_t    secret;        /* in the mapping of the keys */
    ngx_msec_t   deadline;
    unsigned     tls:1;
    unsigned     open:1;        /* without an answer the call goes on */
};


#endif /* _NGX_HTTP_ASGARD_HOOK_CONF_H_INCLUDED_ */
