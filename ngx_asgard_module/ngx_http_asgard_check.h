
/*
 * What `asgard on` overrides in its location, what it refuses, and the words in
 * which nginx -t says so.
 *
 * A promise must not depend on what an operator wrote for other locations.
 * Inherited settings that would break one are overridden with a warning; the
 * same written in the location itself, and everything that starts
 * subrequests, is an error: it could not take effect.
 */

#ifndef _NGX_HTTP_ASGARD_CHECK_H_INCLUDED_
#define _NGX_HTTP_ASGARD_CHECK_H_INCLUDED_


#include "ngx_http_asgard.h"


/* At merge, when it is known whether the location is governed, but what was
 * written there is not yet filled up with what is around it: can directives of
 * our own take effect? */
ngx_int_t ngx_http_asgard_check_own(ngx_conf_t *cf,
    ngx_http_asgard_loc_conf_t *alcf);

/* At merge: this location is governed. */
char *ngx_http_asgard_check_note(ngx_conf_t *cf,
    ngx_http_asgard_loc_conf_t *alcf);

/* After all merges. */
ngx_int_t ngx_http_asgard_check_main(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf);
ngx_int_t ngx_http_asgard_check_locations(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf);


#endif /* _NGX_HTTP_ASGARD_CHECK_H_INCLUDED_ */
