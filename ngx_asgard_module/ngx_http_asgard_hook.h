
/*
 * The guardrail service of an operator: asked over HTTP before anything leaves.
 *
 * The step comes after the gateway's own guardrails, so that it is not told
 * what they redact, and after the reserve, so that the limits of a key bound
 * how often it is asked: a refusal by it, or a client that leaves meanwhile,
 * gives the hold back.  Each call has a connection of its own and one deadline,
 * from the name server to the last byte, that nothing prolongs; of several
 * addresses the next one is tried when one takes no connection.  What is no
 * good answer in that time is decided by `fail`.
 */

#ifndef _NGX_HTTP_ASGARD_HOOK_H_INCLUDED_
#define _NGX_HTTP_ASGARD_HOOK_H_INCLUDED_


#include "ngx_http_asgard.h"


/* asgard_guardrail_hook URL [deadline=TIME] [fail=closed|open]
 * [secret_file=PATH] */
char *ngx_http_asgard_hook_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

ngx_int_t ngx_http_asgard_hook_init(ngx_cycle_t *cycle,
    ngx_http_asgard_main_conf_t *amcf);
/* The step. */
ngx_int_t ngx_http_asgard_hook(ngx_http_asgard_ctx_t *ctx);


#endif /* _NGX_HTTP_ASGARD_HOOK_H_INCLUDED_ */
