
/*
 * Settings of other modules that would break a promise of a governed location.
 *
 * The table is what the checks walk over; bit I of `written` in a location's
 * configuration says that row I stands in that very location.  Merging hides
 * this, so it is noted just before: ngx_http_asgard_settings_watch() must be
 * called before http {} is parsed, and the notes are complete when the
 * location configuration of our own module is merged.
 */

#ifndef _NGX_HTTP_ASGARD_FOREIGN_H_INCLUDED_
#define _NGX_HTTP_ASGARD_FOREIGN_H_INCLUDED_


#include "ngx_http_asgard.h"


typedef enum {
    NGX_HTTP_ASGARD_SETTING_FLAG,     /* ngx_flag_t, size_t: not 0 */
    NGX_HTTP_ASGARD_SETTING_ZERO,     /* ngx_uint_t: 0 */
    NGX_HTTP_ASGARD_SETTING_STR,      /* ngx_str_t: not empty */
    NGX_HTTP_ASGARD_SETTING_PTR,      /* a pointer: neither NULL nor unset */
    NGX_HTTP_ASGARD_SETTING_STORE,    /* ngx_http_upstream_conf_t: store */
    NGX_HTTP_ASGARD_SETTING_CACHE,    /* ngx_http_upstream_conf_t: cache */
    NGX_HTTP_ASGARD_SETTING_RETURN,   /* codes: a return that answers */
    NGX_HTTP_ASGARD_SETTING_HEADER    /* headers: one of our names */
} ngx_http_asgard_setting_kind_e;


typedef enum {
    NGX_HTTP_ASGARD_FATE_REFUSE,      /* an error, inherited or not */
    NGX_HTTP_ASGARD_FATE_OVERRIDE,    /* an error when written there */
    NGX_HTTP_ASGARD_FATE_OURS         /* the same, but no warning: a value of
                                       * ours stands there in any case */
} ngx_http_asgard_setting_fate_e;


typedef struct {
    const char                      *module;
    const char                      *directive;
    ngx_http_asgard_setting_kind_e   kind;
    size_t                           offset;
    ngx_http_asgard_setting_fate_e   fate;
    const char                      *why;
} ngx_http_asgard_setting_t;


/* At most 64 rows; the last has no module. */
extern const ngx_http_asgard_setting_t  ngx_http_asgard_settings[];


ngx_int_t ngx_http_asgard_settings_watch(ngx_conf_t *cf);

/* The handler of a pool's cleanup, and harmless to call twice. */
void ngx_http_asgard_settings_unwatch(void *data);

/* Has the location, merged or not yet merged, this setting? */
ngx_uint_t ngx_http_asgard_setting_holds(ngx_conf_t *cf,
    const ngx_http_asgard_setting_t *setting, void **loc_conf);

/* For rows with the fate OVERRIDE. */
void ngx_http_asgard_setting_override(ngx_conf_t *cf,
    const ngx_http_asgard_setting_t *setting, void **loc_conf);


#endif /* _NGX_HTTP_ASGARD_FOREIGN_H_INCLUDED_ */
