
/*
 * GET /v1/models and /v1/models/{id}: what the caller's key may use, as
 * OpenAI lists it.  Listed are routes and aliases; a single model is also
 * found by its ref.
 */

#ifndef _NGX_HTTP_ASGARD_MODELS_H_INCLUDED_
#define _NGX_HTTP_ASGARD_MODELS_H_INCLUDED_


#include "ngx_http_asgard.h"


ngx_int_t ngx_http_asgard_models_handler(ngx_http_request_t *r);


#endif /* _NGX_HTTP_ASGARD_MODELS_H_INCLUDED_ */
