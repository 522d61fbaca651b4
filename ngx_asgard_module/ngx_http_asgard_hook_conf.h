
/*
 * What the configuration says of the guardrail service, and a call that it is
 * asked about; of hook.c, hook_conf.c and hook_write.c alone.
 */

#ifndef _NGX_HTTP_ASGARD_HOOK_CONF_H_INCLUDED_
#define _NGX_HTTP_ASGARD_HOOK_CONF_H_INCLUDED_


#include "ngx_http_asgard_hook.h"

#include "core/hook.h"
#include "ngx_http_asgard_resolve.h"


#define NGX_HTTP_ASGARD_HOOK_DEADLINE  2000     /* ms */
#define NGX_HTTP_ASGARD_HOOK_OPEN_MAX  128      /* asked at once, a worker */
#define NGX_HTTP_ASGARD_HOOK_BODY_MAX  (1024 * 1024)


struct ngx_http_asgard_hook_conf_s {
    ngx_http_asgard_addr_t     local;       /* a socket of this machine */
    ngx_http_asgard_resolve_t  resolve;     /* else; of this worker */
    ngx_uint_t                 first;       /* the address that did answer */
    ngx_str_t                  host;        /* a NUL follows it */
    ngx_str_t                  authority;   /* host and port as they are said */
    ngx_str_t                  uri;
    ngx_str_t                  secret;      /* in the mapping of the keys */
    ngx_msec_t                 deadline;
    unsigned                   tls:1;
    unsigned                   open:1;      /* without an answer it goes on */
};


struct ngx_http_asgard_hook_s {
    ngx_http_asgard_ctx_t        *ctx;
    ngx_http_asgard_hook_conf_t  *conf;
    ngx_http_asgard_waiter_t      waiter;
    ngx_http_asgard_addr_t        addrs[NGX_HTTP_ASGARD_ADDRS_MAX];
    ngx_uint_t                    naddrs;
    ngx_uint_t                    first;        /* of them, that is tried */
    ngx_uint_t                    tried;        /* so many */
    ngx_peer_connection_t         peer;
    ngx_event_t                   deadline;
    ngx_uint_t                    share;        /* whose place it has */
    ngx_buf_t                     out;
    size_t                        head_max;     /* of out: it has the secret */
    size_t                        in_len;
    const char                   *why;          /* it has no answer */
    asg_hook_verdict_t            verdict;
    unsigned                      queued:1;     /* for a name server */
    unsigned                      counted:1;    /* among those that are open */
    unsigned                      begun:1;      /* there is a connection */
    unsigned                      done:1;
    u_char                        in[ASG_HOOK_ANSWER_MAX];
};


ngx_uint_t ngx_http_asgard_hook_is_local(struct sockaddr *sockaddr);
/* The request into `out`.  NGX_DECLINED: it cannot be asked, `why` is set. */
ngx_int_t ngx_http_asgard_hook_write(ngx_http_asgard_hook_t *h);


#endif /* _NGX_HTTP_ASGARD_HOOK_CONF_H_INCLUDED_ */
