
/*
 * From a bearer token to key and project records: shared-memory cache over
 * Redis.
 */

#ifndef _NGX_HTTP_ASGARD_IDENTIFY_H_INCLUDED_
#define _NGX_HTTP_ASGARD_IDENTIFY_H_INCLUDED_


#include "ngx_http_asgard.h"


/*
 * Fills ctx->key and ctx->project from `token` (grammar already checked).
 * NGX_OK, NGX_AGAIN (ngx_http_asgard_steps_resume() follows, step re-entered),
 * or NGX_ERROR with ctx->reason set (invalid_api_key, budget_unavailable when
 * Redis cannot say).  Expiry, kill and lifecycle are the step's to judge.
 */
ngx_int_t ngx_http_asgard_identify(ngx_http_asgard_ctx_t *ctx,
    ngx_str_t *token);

/* The channel said that a project changed: read it, and if it was killed cut
 * its open calls. */
void ngx_http_asgard_identify_project_changed(ngx_str_t *id);


#endif /* _NGX_HTTP_ASGARD_IDENTIFY_H_INCLUDED_ */
