
/*
 * The request as one table of steps, run in the precontent phase:
 * identify, read, resolve, police, reserve, route.
 */

#ifndef _NGX_HTTP_ASGARD_STEPS_H_INCLUDED_
#define _NGX_HTTP_ASGARD_STEPS_H_INCLUDED_


#include "ngx_http_asgard.h"


/* Phase handler. */
ngx_int_t ngx_http_asgard_steps_handler(ngx_http_request_t *r);

/* A step that returned NGX_AGAIN may go on: re-enters it.  Called from events,
 * with the request alive; runs the posted requests. */
void ngx_http_asgard_steps_resume(ngx_http_asgard_ctx_t *ctx);

/* Every open call of this worker of a project that was killed is cut. */
void ngx_http_asgard_steps_cut_killed(const char *project_id);


#endif /* _NGX_HTTP_ASGARD_STEPS_H_INCLUDED_ */
