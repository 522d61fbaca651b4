
/*
 * The table of foreign settings, and where their values lie.
 *
 * Other modules' configuration structures are private to them.  A directive
 * that is set by a standard slot function says in its ngx_command_t where its
 * value lies; for the others the offset stands here, and it belongs to the
 * nginx that the module is built against (the binary signature sees to that).
 *
 * Whether a value was written in a location or inherited is known only until
 * nginx merges, and the core module merges first, before any hook of a module
 * that comes later.  So while http {} is parsed we stand in front of the core
 * module's own merge function.  The pool's cleanup takes us out again also
 * when parsing fails: it runs before the module is unloaded.
 */

#include "ngx_http_asgard_foreign.h"


#define NGX_HTTP_ASGARD_OFFSET_BY_NAME  ((size_t) -1)


typedef char *(*ngx_http_asgard_merge_pt)(ngx_conf_t *cf, void *parent,
    void *child);


static char *ngx_http_asgard_settings_merge(ngx_conf_t *cf, void *parent,
    void *child);


static ngx_http_asgard_merge_pt  ngx_http_asgard_core_merge;


const ngx_http_asgard_setting_t  ngx_http_asgard_settings[] = {

    { "ngx_http_mirror_module", "mirror", NGX_HTTP_ASGARD_SETTING_PTR, 0,
      NGX_HTTP_ASGARD_FATE_REFUSE, "a mirrored call would be paid twice" },

    { "ngx_http_auth_request_module", "auth_request",
      NGX_HTTP_ASGARD_SETTING_STR, 0, NGX_HTTP_ASGARD_FATE_REFUSE,
      "it starts subrequests, and the key decides here" },

    { "ngx_http_slice_filter_module", "slice", NGX_HTTP_ASGARD_SETTING_FLAG,
      NGX_HTTP_ASGARD_OFFSET_BY_NAME, NGX_HTTP_ASGARD_FATE_REFUSE,
      "it starts subrequests" },

    { "ngx_http_ssi_filter_module", "ssi", NGX_HTTP_ASGARD_SETTING_FLAG,
      NGX_HTTP_ASGARD_OFFSET_BY_NAME, NGX_HTTP_ASGARD_FATE_REFUSE,
      "a model's answer would be run as a template" },

    { "ngx_http_addition_filter_module", "add_before_body",
      NGX_HTTP_ASGARD_SETTING_STR, NGX_HTTP_ASGARD_OFFSET_BY_NAME,
      NGX_HTTP_ASGARD_FATE_REFUSE, "it starts subrequests" },

    { "ngx_http_addition_filter_module", "add_after_body",
      NGX_HTTP_ASGARD_SETTING_STR, NGX_HTTP_ASGARD_OFFSET_BY_NAME,
      NGX_HTTP_ASGARD_FATE_REFUSE, "it starts subrequests" },

    { "ngx_http_core_module", "post_action", NGX_HTTP_ASGARD_SETTING_STR,
      NGX_HTTP_ASGARD_OFFSET_BY_NAME, NGX_HTTP_ASGARD_FATE_REFUSE,
      "it runs the request again" },

    { "ngx_http_core_module", "internal", NGX_HTTP_ASGARD_SETTING_FLAG,
      offsetof(ngx_http_core_loc_conf_t, internal),
      NGX_HTTP_ASGARD_FATE_REFUSE,
      "an internal redirect cannot make a paid call" },

    { "ngx_http_try_files_module", "try_files", NGX_HTTP_ASGARD_SETTING_PTR,
      0, NGX_HTTP_ASGARD_FATE_REFUSE,
      "it answers with a file or redirects, without a key" },

    { "ngx_http_rewrite_module", "return", NGX_HTTP_ASGARD_SETTING_RETURN,
      0, NGX_HTTP_ASGARD_FATE_REFUSE,
      "it answers without a key; only an error status alone, as in "
      "\"return 403\", is a refusal" },

    { "ngx_http_headers_filter_module", "add_header x-asgard-...",
      NGX_HTTP_ASGARD_SETTING_HEADER,
      sizeof(uintptr_t) + sizeof(time_t) + sizeof(void *),
      NGX_HTTP_ASGARD_FATE_REFUSE,
      "these headers are written by the module" },

    { "ngx_http_core_module", "error_page", NGX_HTTP_ASGARD_SETTING_PTR,
      offsetof(ngx_http_core_loc_conf_t, error_pages),
      NGX_HTTP_ASGARD_FATE_OVERRIDE,
      "errors are JSON that the clients understand" },

    { "ngx_http_gzip_filter_module", "gzip", NGX_HTTP_ASGARD_SETTING_FLAG,
      NGX_HTTP_ASGARD_OFFSET_BY_NAME, NGX_HTTP_ASGARD_FATE_OVERRIDE,
      "events of a stream would wait in the compressor" },

    { "ngx_http_gunzip_filter_module", "gunzip", NGX_HTTP_ASGARD_SETTING_FLAG,
      NGX_HTTP_ASGARD_OFFSET_BY_NAME, NGX_HTTP_ASGARD_FATE_OVERRIDE,
      "answers are asked for without coding" },

    { "ngx_http_sub_filter_module", "sub_filter",
      NGX_HTTP_ASGARD_SETTING_PTR, sizeof(ngx_uint_t),
      NGX_HTTP_ASGARD_FATE_OVERRIDE,
      "an answer is passed on as it was metered" },

    { "ngx_http_proxy_module", "proxy_store", NGX_HTTP_ASGARD_SETTING_STORE,
      0, NGX_HTTP_ASGARD_FATE_OVERRIDE, "no answer is written to disk" },

    { "ngx_http_proxy_module", "proxy_cache", NGX_HTTP_ASGARD_SETTING_CACHE,
      0, NGX_HTTP_ASGARD_FATE_OVERRIDE, "no answer is written to disk" },

    { "ngx_http_core_module", "client_body_in_file_only",
      NGX_HTTP_ASGARD_SETTING_FLAG,
      offsetof(ngx_http_core_loc_conf_t, client_body_in_file_only),
      NGX_HTTP_ASGARD_FATE_OVERRIDE, "no prompt is written to disk" },

    { "ngx_http_core_module", "lingering_close off",
      NGX_HTTP_ASGARD_SETTING_ZERO,
      offsetof(ngx_http_core_loc_conf_t, lingering_close),
      NGX_HTTP_ASGARD_FATE_OVERRIDE,
      "a client must see the refusal of its body before the connection "
      "closes" },

    { "ngx_http_core_module", "client_body_buffer_size",
      NGX_HTTP_ASGARD_SETTING_FLAG,
      offsetof(ngx_http_core_loc_conf_t, client_body_buffer_size),
      NGX_HTTP_ASGARD_FATE_OURS,
      "it cannot take effect, asgard sets it; asgard_body_memory bounds "
      "bodies" },

    { NULL, NULL, NGX_HTTP_ASGARD_SETTING_FLAG, 0,
      NGX_HTTP_ASGARD_FATE_REFUSE, NULL }
};


void
ngx_http_asgard_settings_unwatch(void *data)
{
    ngx_http_module_t  *core;

    core = ngx_http_core_module.ctx;

    if (core->merge_loc_conf == ngx_http_asgard_settings_merge) {
        core->merge_loc_conf = ngx_http_asgard_core_merge;
    }
}


ngx_int_t
ngx_http_asgard_settings_watch(ngx_conf_t *cf)
{
    ngx_http_module_t   *core;
    ngx_pool_cleanup_t  *cln;

    core = ngx_http_core_module.ctx;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_asgard_settings_unwatch;
    ngx_http_asgard_core_merge = core->merge_loc_conf;
    core->merge_loc_conf = ngx_http_asgard_settings_merge;

    return NGX_OK;
}


static char *
ngx_http_asgard_settings_merge(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_core_loc_conf_t *clcf = child;

    void                        **loc_conf;
    ngx_uint_t                    i;
    ngx_http_asgard_loc_conf_t   *alcf;

    /* of what is merged now; no other module has merged anything yet */

    loc_conf = ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf;
    alcf = loc_conf[ngx_http_asgard_module.ctx_index];

    alcf->body_written = clcf->client_max_body_size != NGX_CONF_UNSET;
    alcf->timeout_written = clcf->client_body_timeout != NGX_CONF_UNSET_MSEC;

    for (i = 0; ngx_http_asgard_settings[i].module; i++) {
        if (ngx_http_asgard_setting_holds(cf, &ngx_http_asgard_settings[i],
                                          loc_conf))
        {
            alcf->written |= (uint64_t) 1 << i;
        }
    }

    return ngx_http_asgard_core_merge(cf, parent, child);
}


static ngx_module_t *
ngx_http_asgard_setting_module(ngx_conf_t *cf, const char *name)
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


/* Where the value lies; NULL: nginx was built without that module. */

static void *
ngx_http_asgard_setting_value(ngx_conf_t *cf,
    const ngx_http_asgard_setting_t *setting, void **loc_conf)
{
    u_char         *conf;
    ngx_module_t   *module;
    ngx_command_t  *cmd;

    module = ngx_http_asgard_setting_module(cf, setting->module);
    if (module == NULL) {
        return NULL;
    }

    conf = loc_conf[module->ctx_index];

    if (setting->offset != NGX_HTTP_ASGARD_OFFSET_BY_NAME) {
        return conf + setting->offset;
    }

    for (cmd = module->commands; cmd && cmd->name.len; cmd++) {
        if (ngx_strcmp(cmd->name.data, setting->directive) == 0) {
            return conf + cmd->offset;
        }
    }

    return NULL;
}


/* The codes of all directives of the rewrite module follow one another in one
 * array, of sizes that only their handlers know; each is a whole number of
 * words and begins with its handler. */

static ngx_uint_t
ngx_http_asgard_setting_returns(ngx_array_t *codes)
{
    u_char                         *p, *last;
    ngx_http_script_return_code_t  *code;

    if (codes == NULL) {
        return 0;
    }

    last = (u_char *) codes->elts + codes->nelts * codes->size;

    for (p = codes->elts;
         p + sizeof(ngx_http_script_return_code_t) <= last;
         p += sizeof(uintptr_t))
    {
        code = (ngx_http_script_return_code_t *) p;

        if (code->code == ngx_http_script_return_code
            && (code->status < NGX_HTTP_BAD_REQUEST || code->text.value.len
                || code->text.lengths))
        {
            return 1;
        }
    }

    return 0;
}


/* An element begins with the value; the name of the header comes next. */

static ngx_uint_t
ngx_http_asgard_setting_headers(ngx_array_t *headers)
{
    u_char      *p;
    ngx_str_t   *name;
    ngx_uint_t   i;

    if (headers == NULL) {
        return 0;
    }

    p = headers->elts;

    for (i = 0; i < headers->nelts; i++, p += headers->size) {
        name = (ngx_str_t *) (p + sizeof(ngx_http_complex_value_t));

        if (name->len >= sizeof("x-asgard-") - 1
            && ngx_strncasecmp(name->data, (u_char *) "x-asgard-",
                               sizeof("x-asgard-") - 1) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_asgard_setting_holds(ngx_conf_t *cf,
    const ngx_http_asgard_setting_t *setting, void **loc_conf)
{
    void  *value;

    value = ngx_http_asgard_setting_value(cf, setting, loc_conf);
    if (value == NULL) {
        return 0;
    }

    switch (setting->kind) {

    case NGX_HTTP_ASGARD_SETTING_STR:
        return ((ngx_str_t *) value)->len != 0;

    case NGX_HTTP_ASGARD_SETTING_ZERO:
        return *(ngx_uint_t *) value == 0;

    case NGX_HTTP_ASGARD_SETTING_STORE:
        return ((ngx_http_upstream_conf_t *) value)->store > 0;

    case NGX_HTTP_ASGARD_SETTING_CACHE:
#if (NGX_HTTP_CACHE)
        return ((ngx_http_upstream_conf_t *) value)->cache > 0;
#else
        return 0;
#endif

    case NGX_HTTP_ASGARD_SETTING_RETURN:
        return ngx_http_asgard_setting_returns(*(ngx_array_t **) value);

    case NGX_HTTP_ASGARD_SETTING_HEADER:
        return ngx_http_asgard_setting_headers(*(ngx_array_t **) value);

    default: /* FLAG, PTR: unset is all ones in either */
        return *(uintptr_t *) value != 0
               && *(uintptr_t *) value != (uintptr_t) NGX_CONF_UNSET_PTR;
    }
}


void
ngx_http_asgard_setting_override(ngx_conf_t *cf,
    const ngx_http_asgard_setting_t *setting, void **loc_conf)
{
    void  *value;

    value = ngx_http_asgard_setting_value(cf, setting, loc_conf);
    if (value == NULL) {
        return;
    }

    switch (setting->kind) {

    case NGX_HTTP_ASGARD_SETTING_STORE:
        ((ngx_http_upstream_conf_t *) value)->store = 0;
        break;

    case NGX_HTTP_ASGARD_SETTING_CACHE:
#if (NGX_HTTP_CACHE)
        ((ngx_http_upstream_conf_t *) value)->cache = 0;
#endif
        break;

    case NGX_HTTP_ASGARD_SETTING_ZERO:
        if (*(ngx_uint_t *) value == 0) {
            *(ngx_uint_t *) value = 1;
        }
        break;

    default:
        *(uintptr_t *) value = 0;
    }
}
