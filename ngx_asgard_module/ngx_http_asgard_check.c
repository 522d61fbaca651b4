
/*
 * The table of foreign settings and what becomes of each.
 *
 * Other modules' configuration structures are private to them.  A directive
 * that is set by a standard slot function says in its ngx_command_t where its
 * value lies; for the others the offset stands here, and it belongs to the
 * nginx that the module is built against (the binary signature sees to that).
 */

#include "ngx_http_asgard_check.h"

#include "ngx_http_asgard_body.h"
#include "ngx_http_asgard_upstream.h"


#define NGX_HTTP_ASGARD_CLIENT_MAX_BODY   (1 * 1024 * 1024)  /* nginx's own */
#define NGX_HTTP_ASGARD_CLIENT_TIMEOUT    60000              /* nginx's own */
#define NGX_HTTP_ASGARD_BODY_TIMEOUT      600000
#define NGX_HTTP_ASGARD_OFFSET_BY_NAME    ((size_t) -1)


typedef enum {
    NGX_HTTP_ASGARD_CHECK_FLAG,     /* ngx_flag_t, size_t: not 0 */
    NGX_HTTP_ASGARD_CHECK_STR,      /* ngx_str_t: not empty */
    NGX_HTTP_ASGARD_CHECK_PTR       /* a pointer: neither NULL nor unset */
} ngx_http_asgard_check_kind_e;


typedef struct {
    const char                    *module;
    const char                    *directive;
    ngx_http_asgard_check_kind_e   kind;
    size_t                         offset;
    ngx_uint_t                     refuse;   /* wherever it comes from */
    const char                    *why;
} ngx_http_asgard_check_t;


static ngx_int_t ngx_http_asgard_check_location(ngx_conf_t *cf,
    void **loc_conf);
static void ngx_http_asgard_check_override(ngx_conf_t *cf, void **loc_conf);


static const ngx_http_asgard_check_t  ngx_http_asgard_checks[] = {

    { "ngx_http_mirror_module", "mirror", NGX_HTTP_ASGARD_CHECK_PTR, 0, 1,
      "a mirrored call would be paid twice" },

    { "ngx_http_auth_request_module", "auth_request",
      NGX_HTTP_ASGARD_CHECK_STR, 0, 1,
      "it starts subrequests, and the key decides here" },

    { "ngx_http_slice_filter_module", "slice", NGX_HTTP_ASGARD_CHECK_FLAG,
      NGX_HTTP_ASGARD_OFFSET_BY_NAME, 1, "it starts subrequests" },

    { "ngx_http_ssi_filter_module", "ssi", NGX_HTTP_ASGARD_CHECK_FLAG,
      NGX_HTTP_ASGARD_OFFSET_BY_NAME, 1,
      "a model's answer would be run as a template" },

    { "ngx_http_addition_filter_module", "add_before_body",
      NGX_HTTP_ASGARD_CHECK_STR, NGX_HTTP_ASGARD_OFFSET_BY_NAME, 1,
      "it starts subrequests" },

    { "ngx_http_addition_filter_module", "add_after_body",
      NGX_HTTP_ASGARD_CHECK_STR, NGX_HTTP_ASGARD_OFFSET_BY_NAME, 1,
      "it starts subrequests" },

    { "ngx_http_core_module", "post_action", NGX_HTTP_ASGARD_CHECK_STR,
      NGX_HTTP_ASGARD_OFFSET_BY_NAME, 1, "it runs the request again" },

    { "ngx_http_core_module", "internal", NGX_HTTP_ASGARD_CHECK_FLAG,
      offsetof(ngx_http_core_loc_conf_t, internal), 1,
      "an internal redirect cannot make a paid call" },

    { "ngx_http_core_module", "error_page", NGX_HTTP_ASGARD_CHECK_PTR,
      offsetof(ngx_http_core_loc_conf_t, error_pages), 0,
      "errors are JSON that the clients understand" },

    { "ngx_http_gzip_filter_module", "gzip", NGX_HTTP_ASGARD_CHECK_FLAG,
      NGX_HTTP_ASGARD_OFFSET_BY_NAME, 0,
      "events of a stream would wait in the compressor" },

    { "ngx_http_gunzip_filter_module", "gunzip", NGX_HTTP_ASGARD_CHECK_FLAG,
      NGX_HTTP_ASGARD_OFFSET_BY_NAME, 0,
      "answers are asked for without coding" },

    { "ngx_http_sub_filter_module", "sub_filter", NGX_HTTP_ASGARD_CHECK_PTR,
      sizeof(ngx_uint_t), 0, "an answer is passed on as it was metered" },

    { NULL, NULL, NGX_HTTP_ASGARD_CHECK_FLAG, 0, 0, NULL }
};


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

    /* the inner ones first: they are held against what is around them */

    for (i = amcf->governed->nelts; i > 0; i--) {
        ngx_http_asgard_check_override(cf, governed[i - 1]);
    }

    return NGX_OK;
}


static ngx_module_t *
ngx_http_asgard_check_module(ngx_conf_t *cf, const char *name)
{
    ngx_uint_t  i;

    for (i = 0; cf->cycle->modules[i]; i++) {
        if (cf->cycle->modules[i]->type == NGX_HTTP_MODULE
            && ngx_strcmp(cf->cycle->modules[i]->name, name) == 0)
        {
            return cf->cycle->modules[i];
        }
    }

    return NULL;
}


/* Where the value of `check` lies in a location's configuration; NULL: nginx
 * was built without that module. */

static void *
ngx_http_asgard_check_value(ngx_conf_t *cf,
    const ngx_http_asgard_check_t *check, void **loc_conf)
{
    u_char         *conf;
    ngx_module_t   *module;
    ngx_command_t  *cmd;

    module = ngx_http_asgard_check_module(cf, check->module);
    if (module == NULL) {
        return NULL;
    }

    conf = loc_conf[module->ctx_index];

    if (check->offset != NGX_HTTP_ASGARD_OFFSET_BY_NAME) {
        return conf + check->offset;
    }

    for (cmd = module->commands; cmd && cmd->name.len; cmd++) {
        if (ngx_strcmp(cmd->name.data, check->directive) == 0) {
            return conf + cmd->offset;
        }
    }

    return NULL;
}


/* The setting as a number that is 0 when it is off; two locations with the
 * same setting have the same number. */

static uintptr_t
ngx_http_asgard_check_read(ngx_conf_t *cf,
    const ngx_http_asgard_check_t *check, void **loc_conf)
{
    void       *value;
    uintptr_t   n;

    value = ngx_http_asgard_check_value(cf, check, loc_conf);
    if (value == NULL) {
        return 0;
    }

    if (check->kind == NGX_HTTP_ASGARD_CHECK_STR) {
        return ((ngx_str_t *) value)->len
               ? (uintptr_t) ((ngx_str_t *) value)->data : 0;
    }

    n = *(uintptr_t *) value;

    return n == (uintptr_t) NGX_CONF_UNSET_PTR ? 0 : n;
}


static ngx_int_t
ngx_http_asgard_check_one(ngx_conf_t *cf, const ngx_http_asgard_check_t *check,
    void **loc_conf)
{
    uintptr_t                    here, around;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_asgard_loc_conf_t  *alcf;

    here = ngx_http_asgard_check_read(cf, check, loc_conf);
    if (here == 0) {
        return NGX_OK;
    }

    alcf = loc_conf[ngx_http_asgard_module.ctx_index];
    clcf = loc_conf[ngx_http_core_module.ctx_index];

    around = alcf->parent
             ? ngx_http_asgard_check_read(cf, check, alcf->parent) : 0;

    if (check->refuse || here != around) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "asgard: \"%s\" cannot be used in location \"%V\", "
                      "which is governed: %s in %V:%ui", check->directive,
                      &clcf->name, check->why, &alcf->file, alcf->line);
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "asgard: inherited \"%s\" is off in location \"%V\": %s "
                  "in %V:%ui", check->directive, &clcf->name, check->why,
                  &alcf->file, alcf->line);

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_check_body(ngx_conf_t *cf, void **loc_conf)
{
    off_t                        here;
    ngx_http_core_loc_conf_t    *clcf, *around;
    ngx_http_asgard_loc_conf_t  *alcf;

    alcf = loc_conf[ngx_http_asgard_module.ctx_index];
    clcf = loc_conf[ngx_http_core_module.ctx_index];

    if (alcf->parent == NULL) {
        return NGX_OK;
    }

    around = alcf->parent[ngx_http_core_module.ctx_index];
    here = clcf->client_max_body_size;

    if (here != around->client_max_body_size
        && (here == 0 || here > NGX_HTTP_ASGARD_BODY_MAX))
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "asgard: \"client_max_body_size\" of location \"%V\" "
                      "cannot exceed 32m in %V:%ui", &clcf->name,
                      &alcf->file, alcf->line);
        return NGX_ERROR;
    }

    if (here == around->client_max_body_size
        && here != NGX_HTTP_ASGARD_CLIENT_MAX_BODY
        && here != NGX_HTTP_ASGARD_BODY_MAX)
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "asgard: inherited \"client_max_body_size\" is 32m in "
                      "location \"%V\"; write it there to lower it in %V:%ui",
                      &clcf->name, &alcf->file, alcf->line);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_check_location(ngx_conf_t *cf, void **loc_conf)
{
    ngx_http_core_loc_conf_t       *clcf;
    ngx_http_asgard_loc_conf_t     *alcf;
    const ngx_http_asgard_check_t  *check;

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

    for (check = ngx_http_asgard_checks; check->module; check++) {
        if (ngx_http_asgard_check_one(cf, check, loc_conf) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_asgard_check_body(cf, loc_conf);
}


static void
ngx_http_asgard_check_limits(ngx_http_core_loc_conf_t *clcf,
    ngx_http_core_loc_conf_t *around)
{
    if (around == NULL
        || clcf->client_max_body_size == around->client_max_body_size)
    {
        clcf->client_max_body_size = NGX_HTTP_ASGARD_BODY_MAX;
    }

    if (clcf->client_body_timeout == NGX_HTTP_ASGARD_CLIENT_TIMEOUT) {
        clcf->client_body_timeout = NGX_HTTP_ASGARD_BODY_TIMEOUT;
    }

    /* pieces on their way into our own memory; see body.h */
    clcf->client_body_buffer_size = NGX_HTTP_ASGARD_BODY_PIECE;
    clcf->client_body_in_file_only = 0;

    /* the client of a refusal must see it before the connection closes */
    if (clcf->lingering_close == NGX_HTTP_LINGERING_OFF) {
        clcf->lingering_close = NGX_HTTP_LINGERING_ON;
    }
}


static void
ngx_http_asgard_check_override(ngx_conf_t *cf, void **loc_conf)
{
    void                           *value;
    ngx_http_core_loc_conf_t       *clcf;
    ngx_http_asgard_loc_conf_t     *alcf;
    const ngx_http_asgard_check_t  *check;

    alcf = loc_conf[ngx_http_asgard_module.ctx_index];
    clcf = loc_conf[ngx_http_core_module.ctx_index];

    for (check = ngx_http_asgard_checks; check->module; check++) {
        value = ngx_http_asgard_check_value(cf, check, loc_conf);

        if (value && check->kind != NGX_HTTP_ASGARD_CHECK_STR) {
            *(uintptr_t *) value = 0;
        }
    }

    ngx_http_asgard_check_limits(clcf,
        alcf->parent ? alcf->parent[ngx_http_core_module.ctx_index] : NULL);

    clcf->handler = ngx_http_asgard_upstream_handler;

    if (ngx_test_config) {
        ngx_log_error(NGX_LOG_NOTICE, cf->log, 0,
                      "asgard: location \"%V\" is governed: bodies up to %O "
                      "bytes (1m without Content-Length), %ui s for each read, "
                      "nothing on disk, no compression in %V:%ui",
                      &clcf->name, clcf->client_max_body_size,
                      (ngx_uint_t) clcf->client_body_timeout / 1000,
                      &alcf->file, alcf->line);
    }
}
