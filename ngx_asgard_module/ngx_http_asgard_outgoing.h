
/*
 * The request as a provider gets it: written anew for every attempt.
 *
 * Nothing of the client's head is passed on.  Path, host and key come from the
 * catalog; the body is the client's own text with the splices of
 * core/request, large pieces by reference, never copied.
 */

#ifndef _NGX_HTTP_ASGARD_OUTGOING_H_INCLUDED_
#define _NGX_HTTP_ASGARD_OUTGOING_H_INCLUDED_


#include "ngx_http_asgard.h"


/* Sets r->upstream->request_bufs for ctx->attempt's model and endpoint. */
ngx_int_t ngx_http_asgard_outgoing(ngx_http_asgard_attempt_t *a);


#endif /* _NGX_HTTP_ASGARD_OUTGOING_H_INCLUDED_ */
