
/*
 * The end user of a call: whom its client names, or a proxy that the operator
 * trusts.
 *
 * Only core/end_user.h's id of what was said goes on from here, into the hold,
 * the event and the ledger.  The headers of a proxy count before the body, and
 * only from the addresses of `asgard_user_proxies`; no header of a client's is
 * ever sent to a provider.
 */

#ifndef _NGX_HTTP_ASGARD_END_USER_H_INCLUDED_
#define _NGX_HTTP_ASGARD_END_USER_H_INCLUDED_


#include "ngx_http_asgard.h"


/* asgard_user_proxies ADDRESS|CIDR|unix:... */
char *ngx_http_asgard_end_user_proxies(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* Fills ctx->end_user; of a body that was scanned. */
ngx_int_t ngx_http_asgard_end_user(ngx_http_asgard_ctx_t *ctx);


#endif /* _NGX_HTTP_ASGARD_END_USER_H_INCLUDED_ */
