
/*
 * Judges the locations with `asgard on`: what is refused, what is overridden,
 * and in which words.
 */

#include "ngx_http_asgard_check.h"

#include "ngx_http_asgard_body.h"
#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_listen.h"
#include "ngx_http_asgard_foreign.h"
#include "ngx_http_asgard_upstream.h"

#include "core/url.h"


#define NGX_HTTP_ASGARD_CLIENT_MAX_BODY   (1 * 1024 * 1024)  /* nginx's own */
#define NGX_HTTP_ASGARD_CLIENT_TIMEOUT    60000              /* nginx's own */
#define NGX_HTTP_ASGARD_BODY_TIMEOUT      600000


typedef struct {
    const char  *directive;
    ngx_uint_t   written;       /* in the location itself */
    off_t        here;
    off_t        own;           /* nginx's default */
    off_t        most;          /* ours */
    const char  *text;          /* of `most` */
} ngx_http_asgard_limit_t;


static ngx_int_t ngx_http_asgard_check_location(ngx_conf_t *cf,
    void **loc_conf);
static void ngx_http_asgard_check_override(ngx_conf_t *cf, void **loc_conf);


static ngx_int_t
ngx_http_asgard_check_errors(ngx_conf_t *cf, ngx_http_asgard_loc_conf_t *alcf,
    ngx_http_core_loc_conf_t *clcf)
{
    if (!alcf->enable || alcf->errors == NGX_CONF_UNSET_UINT
        || alcf->errors == NGX_HTTP_ASGARD_ERRORS_DATA)
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "asgard: \"asgard_errors %s\" cannot take effect in "
                  "location \"%V\", which is governed: its refusals have "
                  "the shape of the data plane in %V:%ui",
                  alcf->errors == NGX_HTTP_ASGARD_ERRORS_OFF ? "off"
                                                             : "control",
                  &clcf->name, &alcf->file, alcf->line);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_asgard_check_own(ngx_conf_t *cf, ngx_http_asgard_loc_conf_t *alcf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ((ngx_http_conf_ctx_t *)
               cf->ctx)->loc_conf[ngx_http_core_module.ctx_index];

    /* a server has no name, and locations in this one may be governed */

    if (alcf->expose_backend == 1 && !alcf->enable && clcf->name.len
        && clcf->locations == NULL)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "asgard: \"asgard_expose_backend on\" cannot take "
                      "effect in location \"%V\", which is not governed "
                      "in %V:%ui", &clcf->name, &alcf->file, alcf->line);
        return NGX_ERROR;
    }

    if (alcf->errors == NGX_HTTP_ASGARD_ERRORS_CONTROL && clcf->name.len
        && ngx_http_asgard_listen_note(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_asgard_check_errors(cf, alcf, clcf);
}


char *
ngx_http_asgard_check_note(ngx_conf_t *cf, ngx_http_asgard_loc_conf_t *alcf)
{
    void                         ***loc_conf;
    ngx_http_asgard_main_conf_t    *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_asgard_module);

    loc_conf = ngx_array_push(amcf->governed);
    if (loc_conf == NULL) {
        return NGX_CONF_ERROR;
    }

    *loc_conf = ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf;
    amcf->locations++;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_asgard_check_missing(ngx_conf_t *cf, const char *directive,
    const char *what)
{
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "asgard: \"%s\" is missing in http {}: %s", directive, what);

    return NGX_ERROR;
}


/* Who can write to Redis has the budgets in his hands. */
static ngx_int_t
ngx_http_asgard_check_redis(ngx_conf_t *cf, ngx_http_asgard_main_conf_t *amcf)
{
    if ((amcf->redis_url.len > 5
         && ngx_strncmp(amcf->redis_url.data, "unix:", 5) == 0)
        || asg_url_peer_is_loopback(ngx_http_asgard_str(&amcf->redis_url)))
    {
        return NGX_OK;
    }

    if (amcf->redis_password.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "asgard: \"asgard_redis %V\" is on the network and has "
                      "no \"password_file=\": whoever reaches it could change "
                      "what is spent", &amcf->redis_url);
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "asgard: \"asgard_redis %V\" is spoken to in clear, the "
                  "password too: let it go through TLS "
                  "(conf/stunnel-redis.conf) or a private network",
                  &amcf->redis_url);
    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_check_main(ngx_conf_t *cf, ngx_http_asgard_main_conf_t *amcf)
{
    ngx_core_conf_t  *ccf;

    if (amcf->shm_zone == NULL) {
        return ngx_http_asgard_check_missing(cf, "asgard_zone NAME SIZE",
                              "the workers share keys and open calls there");
    }

    if (amcf->keys == NULL) {
        return ngx_http_asgard_check_missing(cf, "asgard_key_file PATH",
                              "without it no key can be recognised");
    }

    if (amcf->redis_url.data == NULL) {
        return ngx_http_asgard_check_missing(cf, "asgard_redis ADDRESS",
                              "without it no budget can be checked");
    }

    if (ngx_http_asgard_check_redis(cf, amcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (amcf->body_memory < NGX_HTTP_ASGARD_BODY_MAX) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "asgard: \"asgard_body_memory\" is below 32m: a body of "
                      "the largest size is always refused as overload");
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                           ngx_core_module);

    if (ccf->rlimit_core != NGX_CONF_UNSET && ccf->rlimit_core != 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "asgard: \"worker_rlimit_core\" is refused: a core dump "
                      "of a worker would hold keys and prompts");
        return NGX_ERROR;
    }

    if (ccf->shutdown_timeout == NGX_CONF_UNSET_MSEC) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "asgard: \"worker_shutdown_timeout\" is not set before "
                      "http {}: after a reload an old worker stays as long as "
                      "its longest stream; 15m is a good value");
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_check_locations(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf)
{
    void       ***governed;
    ngx_uint_t    i;

    governed = amcf->governed->elts;

    /* all are judged before any is changed: one may lie in another */

    for (i = 0; i < amcf->governed->nelts; i++) {
        if (ngx_http_asgard_check_location(cf, governed[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    /* nginx merges the outer ones first, so their limits stand by now */

    for (i = 0; i < amcf->governed->nelts; i++) {
        ngx_http_asgard_check_override(cf, governed[i]);
    }

    return NGX_OK;
}


/* What lies around is governed too: it was told already. */

static ngx_http_asgard_loc_conf_t *
ngx_http_asgard_check_around(ngx_http_asgard_loc_conf_t *alcf)
{
    ngx_http_asgard_loc_conf_t  *around;

    around = alcf->parent ? alcf->parent[ngx_http_asgard_module.ctx_index]
                          : NULL;

    return around && around->enable ? around : NULL;
}


static ngx_int_t
ngx_http_asgard_check_one(ngx_conf_t *cf, ngx_uint_t i, void **loc_conf)
{
    ngx_http_core_loc_conf_t         *clcf;
    ngx_http_asgard_loc_conf_t       *alcf;
    const ngx_http_asgard_setting_t  *setting;

    setting = &ngx_http_asgard_settings[i];

    if (!ngx_http_asgard_setting_holds(cf, setting, loc_conf)) {
        return NGX_OK;
    }

    alcf = loc_conf[ngx_http_asgard_module.ctx_index];
    clcf = loc_conf[ngx_http_core_module.ctx_index];

    if (setting->fate == NGX_HTTP_ASGARD_FATE_REFUSE
        || (alcf->written & ((uint64_t) 1 << i)))
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "asgard: \"%s\" cannot be used in location \"%V\", "
                      "which is governed: %s in %V:%ui", setting->directive,
                      &clcf->name, setting->why, &alcf->file, alcf->line);
        return NGX_ERROR;
    }

    if (setting->fate == NGX_HTTP_ASGARD_FATE_OVERRIDE
        && ngx_http_asgard_check_around(alcf) == NULL)
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "asgard: inherited \"%s\" does not hold in location "
                      "\"%V\": %s in %V:%ui", setting->directive,
                      &clcf->name, setting->why, &alcf->file, alcf->line);
    }

    return NGX_OK;
}


/* A limit of nginx: `here` is what the location has, `own` nginx's default. */

static ngx_int_t
ngx_http_asgard_check_limit(ngx_conf_t *cf, void **loc_conf,
    ngx_http_asgard_limit_t *limit)
{
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_asgard_loc_conf_t  *alcf;

    alcf = loc_conf[ngx_http_asgard_module.ctx_index];
    clcf = loc_conf[ngx_http_core_module.ctx_index];

    if (limit->written && (limit->here == 0 || limit->here > limit->most)) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "asgard: \"%s\" of location \"%V\" cannot exceed %s "
                      "or be 0 in %V:%ui", limit->directive, &clcf->name,
                      limit->text, &alcf->file, alcf->line);
        return NGX_ERROR;
    }

    if (!limit->written && limit->here != limit->own
        && limit->here != limit->most
        && ngx_http_asgard_check_around(alcf) == NULL)
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "asgard: inherited \"%s\" is %s in location \"%V\"; "
                      "write it there to lower it in %V:%ui",
                      limit->directive, limit->text, &clcf->name,
                      &alcf->file, alcf->line);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_check_limits(ngx_conf_t *cf, void **loc_conf)
{
    ngx_http_asgard_limit_t      limit;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_asgard_loc_conf_t  *alcf;

    alcf = loc_conf[ngx_http_asgard_module.ctx_index];
    clcf = loc_conf[ngx_http_core_module.ctx_index];

    limit.directive = "client_max_body_size";
    limit.written = alcf->body_written;
    limit.here = clcf->client_max_body_size;
    limit.own = NGX_HTTP_ASGARD_CLIENT_MAX_BODY;
    limit.most = NGX_HTTP_ASGARD_BODY_MAX;
    limit.text = "32m";

    if (ngx_http_asgard_check_limit(cf, loc_conf, &limit) != NGX_OK) {
        return NGX_ERROR;
    }

    limit.directive = "client_body_timeout";
    limit.written = alcf->timeout_written;
    limit.here = (off_t) clcf->client_body_timeout;
    limit.own = NGX_HTTP_ASGARD_CLIENT_TIMEOUT;
    limit.most = NGX_HTTP_ASGARD_BODY_TIMEOUT;
    limit.text = "600s";

    return ngx_http_asgard_check_limit(cf, loc_conf, &limit);
}


static ngx_int_t
ngx_http_asgard_check_location(ngx_conf_t *cf, void **loc_conf)
{
    ngx_uint_t                   i;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_asgard_loc_conf_t  *alcf;

    alcf = loc_conf[ngx_http_asgard_module.ctx_index];
    clcf = loc_conf[ngx_http_core_module.ctx_index];

    if (clcf->handler && clcf->handler != ngx_http_asgard_upstream_handler
        && alcf->probe == NGX_HTTP_ASGARD_PROBE_NONE)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "asgard: location \"%V\" is governed and cannot have "
                      "proxy_pass or another handler in %V:%ui", &clcf->name,
                      &alcf->file, alcf->line);
        return NGX_ERROR;
    }

    if (alcf->probe != NGX_HTTP_ASGARD_PROBE_NONE) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "asgard: location \"%V\" cannot be governed and a "
                      "probe in %V:%ui", &clcf->name, &alcf->file,
                      alcf->line);
        return NGX_ERROR;
    }

    for (i = 0; ngx_http_asgard_settings[i].module; i++) {
        if (ngx_http_asgard_check_one(cf, i, loc_conf) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_asgard_check_limits(cf, loc_conf);
}


/* A location in a governed one has the limits of that one. */

static void
ngx_http_asgard_check_set_limits(void **loc_conf)
{
    ngx_http_core_loc_conf_t    *clcf, *outer;
    ngx_http_asgard_loc_conf_t  *alcf;

    alcf = loc_conf[ngx_http_asgard_module.ctx_index];
    clcf = loc_conf[ngx_http_core_module.ctx_index];

    outer = ngx_http_asgard_check_around(alcf)
            ? alcf->parent[ngx_http_core_module.ctx_index] : NULL;

    if (!alcf->body_written) {
        clcf->client_max_body_size = outer ? outer->client_max_body_size
                                           : NGX_HTTP_ASGARD_BODY_MAX;
    }

    if (!alcf->timeout_written) {
        clcf->client_body_timeout = outer ? outer->client_body_timeout
                                          : NGX_HTTP_ASGARD_BODY_TIMEOUT;
    }

    /* pieces on their way into our own memory; see body.h */
    clcf->client_body_buffer_size = NGX_HTTP_ASGARD_BODY_PIECE;
}


static void
ngx_http_asgard_check_override(ngx_conf_t *cf, void **loc_conf)
{
    ngx_msec_t                         timeout;
    ngx_http_core_loc_conf_t          *clcf;
    ngx_http_asgard_loc_conf_t        *alcf;
    const ngx_http_asgard_setting_t   *setting;

    alcf = loc_conf[ngx_http_asgard_module.ctx_index];
    clcf = loc_conf[ngx_http_core_module.ctx_index];

    for (setting = ngx_http_asgard_settings; setting->module; setting++) {
        if (setting->fate == NGX_HTTP_ASGARD_FATE_OVERRIDE) {
            ngx_http_asgard_setting_override(cf, setting, loc_conf);
        }
    }

    ngx_http_asgard_check_set_limits(loc_conf);

    clcf->handler = ngx_http_asgard_upstream_handler;

    if (ngx_test_config) {
        timeout = clcf->client_body_timeout;

        ngx_log_error(NGX_LOG_NOTICE, cf->log, 0,
                      "asgard: location \"%V\" is governed: bodies up to %O "
                      "bytes (at most 1m without Content-Length), %M%s for "
                      "each read, nothing on disk, no compression in %V:%ui",
                      &clcf->name, clcf->client_max_body_size,
                      timeout % 1000 ? timeout : timeout / 1000,
                      timeout % 1000 ? "ms" : "s", &alcf->file, alcf->line);
    }
}
