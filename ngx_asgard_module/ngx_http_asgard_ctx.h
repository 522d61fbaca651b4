
/*
 * Birth, finding and end of a request's ngx_http_asgard_ctx_t.
 *
 * The context hangs on the request pool's cleanup list: an internal redirect
 * zeroes r->ctx, the list it cannot touch.  The cleanup gives back what the
 * context holds: body memory, the catalog's reference, its place among the
 * open calls; and a hold that nobody ended.
 */

#ifndef _NGX_HTTP_ASGARD_CTX_H_INCLUDED_
#define _NGX_HTTP_ASGARD_CTX_H_INCLUDED_


#include "ngx_http_asgard.h"


/* The context of r, made (with its trace id) when there is none; NULL: no
 * memory. */
ngx_http_asgard_ctx_t *ngx_http_asgard_ctx_create(ngx_http_request_t *r);

/* The value of a request header, NULL when it is not there; `name` is in lower
 * case.  Of several the first. */
ngx_str_t *ngx_http_asgard_header(ngx_http_request_t *r, const char *name);

/* The one behind `last`, which was found by that name; NULL: there is none. */
ngx_str_t *ngx_http_asgard_header_next(ngx_http_request_t *r, const char *name,
    const ngx_str_t *last);

static ngx_inline asg_str_t
ngx_http_asgard_str(const ngx_str_t *s)
{
    return (asg_str_t) { (const char *) s->data, s->len };
}


#endif /* _NGX_HTTP_ASGARD_CTX_H_INCLUDED_ */
