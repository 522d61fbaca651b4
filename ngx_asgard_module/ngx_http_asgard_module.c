
/*
 * Directives, configuration, phases, start and end of a worker.  No logic.
 */

#include "ngx_http_asgard.h"

#include "ngx_http_asgard_alone.h"
#include "ngx_http_asgard_body.h"
#include "ngx_http_asgard_check.h"
#include "ngx_http_asgard_end_user.h"
#include "ngx_http_asgard_error.h"
#include "ngx_http_asgard_guard.h"
#include "ngx_http_asgard_guard_rules.h"
#include "ngx_http_asgard_hook.h"
#include "ngx_http_asgard_keyfile.h"
#include "ngx_http_asgard_kill.h"
#include "ngx_http_asgard_listen.h"
#include "ngx_http_asgard_probe.h"
#include "ngx_http_asgard_redis.h"
#include "ngx_http_asgard_refused.h"
#include "ngx_http_asgard_redis_set.h"
#include "ngx_http_asgard_reserve.h"
#include "ngx_http_asgard_route.h"
#include "ngx_http_asgard_foreign.h"
#include "ngx_http_asgard_snapshot.h"
#include "ngx_http_asgard_spool.h"
#include "ngx_http_asgard_steps.h"
#include "ngx_http_asgard_upstream.h"
#include "ngx_http_asgard_vars.h"
#include "ngx_http_asgard_zone.h"


#define NGX_HTTP_ASGARD_REDIS_DEADLINE  50                  /* ms */
#define NGX_HTTP_ASGARD_BODY_MEMORY     (256 * 1024 * 1024)
#define NGX_HTTP_ASGARD_DRAIN_TIMEOUT   60000               /* ms */
#define NGX_HTTP_ASGARD_DRAIN_BYTES     (16 * 1024 * 1024)
#define NGX_HTTP_ASGARD_RETRY_TIMEOUT   900000              /* ms */
#define NGX_HTTP_ASGARD_CALL_TIMEOUT    3600000             /* ms */
#define NGX_HTTP_ASGARD_HOLD_TTL        120                 /* s */
#define NGX_HTTP_ASGARD_BAD_KEYS        10                  /* a second */


static char *ngx_http_asgard(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_http_asgard_zone_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_asgard_key_file_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_asgard_spool_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_asgard_resolver_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_asgard_probe_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

static char *ngx_http_asgard_hold_ttl_check(ngx_conf_t *cf, void *post,
    void *data);
static char *ngx_http_asgard_call_timeout_check(ngx_conf_t *cf, void *post,
    void *data);
static void *ngx_http_asgard_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_asgard_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_asgard_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_asgard_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_asgard_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_asgard_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_asgard_init_process(ngx_cycle_t *cycle);
static void ngx_http_asgard_exit_process(ngx_cycle_t *cycle);


/* Shorter than 3 s leaves no time to extend; an hour is long enough for money
 * of a call of unknown outcome to be out of use. */
static ngx_conf_post_t  ngx_http_asgard_hold_ttl_bounds = {
    ngx_http_asgard_hold_ttl_check
};


/* A day is how long a hold can be extended. */
static ngx_conf_post_t  ngx_http_asgard_call_timeout_bounds = {
    ngx_http_asgard_call_timeout_check
};


static ngx_conf_enum_t  ngx_http_asgard_errors[] = {
    { ngx_string("off"), NGX_HTTP_ASGARD_ERRORS_OFF },
    { ngx_string("data"), NGX_HTTP_ASGARD_ERRORS_DATA },
    { ngx_string("control"), NGX_HTTP_ASGARD_ERRORS_CONTROL },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_asgard_probes[] = {
    { ngx_string("healthz"), NGX_HTTP_ASGARD_PROBE_HEALTHZ },
    { ngx_string("readyz"), NGX_HTTP_ASGARD_PROBE_READYZ },
    { ngx_string("metrics"), NGX_HTTP_ASGARD_PROBE_METRICS },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_asgard_commands[] = {

    { ngx_string("asgard"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_asgard,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_asgard_loc_conf_t, enable),
      NULL },

    { ngx_string("asgard_expose_backend"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_asgard,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_asgard_loc_conf_t, expose_backend),
      NULL },

    { ngx_string("asgard_errors"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_asgard_loc_conf_t, errors),
      &ngx_http_asgard_errors },

    { ngx_string("asgard_probe"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_asgard_probe_set,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_asgard_loc_conf_t, probe),
      &ngx_http_asgard_probes },

    { ngx_string("asgard_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_asgard_zone_set,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("asgard_key_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_asgard_key_file_set,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("asgard_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_asgard_redis_set,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("asgard_spool"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_asgard_spool_set,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("asgard_control"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_asgard_main_conf_t, control),
      NULL },

    { ngx_string("asgard_control_plain"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_asgard_main_conf_t, control_plain),
      NULL },

    { ngx_string("asgard_resolver"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_asgard_resolver_set,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("asgard_ca_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_asgard_main_conf_t, ca_file),
      NULL },

    { ngx_string("asgard_guardrails"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_asgard_guard_set,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("asgard_guardrails_answers"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_asgard_guard_set_answers,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("asgard_guardrail"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_asgard_guard_rules_set,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("asgard_guardrail_hook"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_asgard_hook_set,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("asgard_body_memory"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_asgard_main_conf_t, body_memory),
      NULL },

    { ngx_string("asgard_drain_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_asgard_main_conf_t, drain_timeout),
      NULL },

    { ngx_string("asgard_drain_bytes"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_asgard_main_conf_t, drain_bytes),
      NULL },

    { ngx_string("asgard_user_proxies"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_asgard_end_user_proxies,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("asgard_bad_keys"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_asgard_main_conf_t, bad_keys),
      NULL },

    { ngx_string("asgard_hold_ttl"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_asgard_main_conf_t, hold_ttl),
      &ngx_http_asgard_hold_ttl_bounds },

    { ngx_string("asgard_fail_mode"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE123,
      ngx_http_asgard_alone_set,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("asgard_retry_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_asgard_main_conf_t, retry_timeout),
      NULL },

    { ngx_string("asgard_call_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_asgard_main_conf_t, call_timeout),
      &ngx_http_asgard_call_timeout_bounds },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_asgard_module_ctx = {
    ngx_http_asgard_preconfiguration,      /* preconfiguration */
    ngx_http_asgard_postconfiguration,     /* postconfiguration */

    ngx_http_asgard_create_main_conf,      /* create main configuration */
    ngx_http_asgard_init_main_conf,        /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_asgard_create_loc_conf,       /* create location configuration */
    ngx_http_asgard_merge_loc_conf         /* merge location configuration */
};


ngx_module_t  ngx_http_asgard_module = {
    NGX_MODULE_V1,
    &ngx_http_asgard_module_ctx,           /* module context */
    ngx_http_asgard_commands,              /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_asgard_init_process,          /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_asgard_exit_process,          /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static char *
ngx_http_asgard(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_asgard_loc_conf_t *alcf = conf;

    /* messages point to the first directive of ours */
    if (alcf->file.data == NULL) {
        alcf->file = cf->conf_file->file.name;
        alcf->line = cf->conf_file->line;
    }

    return ngx_conf_set_flag_slot(cf, cmd, conf);
}


static char *
ngx_http_asgard_zone_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_asgard_main_conf_t *amcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    if (amcf->shm_zone) {
        return "is duplicate";
    }

    value = cf->args->elts;

    size = ngx_parse_size(&value[2]);

    if (size == NGX_ERROR || size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "asgard: \"%V\" is no size of a zone", &value[2]);
        return NGX_CONF_ERROR;
    }

    amcf->shm_zone = ngx_http_asgard_zone_add(cf, &value[1], size);
    amcf->catalog_zone = ngx_http_asgard_snapshot_zone_add(cf, &value[1]);

    return (amcf->shm_zone && amcf->catalog_zone) ? NGX_CONF_OK
                                                  : NGX_CONF_ERROR;
}


static char *
ngx_http_asgard_key_file_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_asgard_main_conf_t *amcf = conf;

    ngx_str_t  *value;

    if (amcf->key_file.data) {
        return "is duplicate";
    }

    value = cf->args->elts;
    amcf->key_file = value[1];

    return ngx_http_asgard_keyfile_load(cf, amcf);
}


static char *
ngx_http_asgard_spool_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_asgard_main_conf_t *amcf = conf;

    ngx_str_t  *value;

    if (amcf->spool) {
        return "is duplicate";
    }

    value = cf->args->elts;

    /* nginx itself reopens it at USR1 */
    amcf->spool = ngx_conf_open_file(cf->cycle, &value[1]);
    if (amcf->spool == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_http_asgard_spool_guard(amcf->spool, cf->log);
    amcf->spool->flush = ngx_http_asgard_spool_guard;

    return NGX_CONF_OK;
}


static char *
ngx_http_asgard_resolver_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_asgard_main_conf_t *amcf = conf;

    ngx_str_t  *value;

    if (amcf->resolver) {
        return "is duplicate";
    }

    value = cf->args->elts;
    amcf->resolver = ngx_resolver_create(cf, &value[1], cf->args->nelts - 1);

    return amcf->resolver ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_asgard_probe_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_asgard_main_conf_t  *amcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_asgard_probe_handler;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_asgard_module);
    amcf->locations++;

    return ngx_conf_set_enum_slot(cf, cmd, conf);
}


static char *
ngx_http_asgard_hold_ttl_check(ngx_conf_t *cf, void *post, void *data)
{
    time_t *ttl = data;

    return *ttl >= 3 && *ttl <= 3600 ? NGX_CONF_OK
                                     : "must be between 3s and 1h";
}


static char *
ngx_http_asgard_call_timeout_check(ngx_conf_t *cf, void *post, void *data)
{
    ngx_msec_t *timeout = data;

    return *timeout >= 1000 && *timeout <= 86400000
           ? NGX_CONF_OK : "must be between 1s and 1d";
}


static void *
ngx_http_asgard_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_asgard_main_conf_t));
    if (amcf == NULL) {
        return NULL;
    }

    amcf->governed = ngx_array_create(cf->pool, 8, sizeof(void **));
    if (amcf->governed == NULL) {
        return NULL;
    }

    amcf->control_servers = ngx_array_create(cf->pool, 4,
                                        sizeof(ngx_http_core_srv_conf_t *));
    if (amcf->control_servers == NULL) {
        return NULL;
    }

    amcf->control_plain = NGX_CONF_UNSET;
    amcf->redis_deadline = NGX_CONF_UNSET_MSEC;
    amcf->drain_timeout = NGX_CONF_UNSET_MSEC;
    amcf->guard_mode = NGX_CONF_UNSET_UINT;
    asg_guard_actions_default(amcf->guard_actions);
    asg_guard_actions_of_answers(amcf->guard_answers);
    amcf->body_memory = NGX_CONF_UNSET_SIZE;
    amcf->drain_bytes = NGX_CONF_UNSET_SIZE;
    amcf->bad_keys = NGX_CONF_UNSET;
    amcf->hold_ttl = NGX_CONF_UNSET;
    amcf->fail_mode = NGX_CONF_UNSET_UINT;
    amcf->retry_timeout = NGX_CONF_UNSET_MSEC;
    amcf->call_timeout = NGX_CONF_UNSET_MSEC;

    return amcf;
}


static char *
ngx_http_asgard_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_asgard_main_conf_t *amcf = conf;

    /* the core module, which comes first, has merged */
    ngx_http_asgard_settings_unwatch(NULL);

    ngx_conf_init_value(amcf->control_plain, 0);
    ngx_conf_init_msec_value(amcf->redis_deadline,
                             NGX_HTTP_ASGARD_REDIS_DEADLINE);
    ngx_conf_init_value(amcf->bad_keys, NGX_HTTP_ASGARD_BAD_KEYS);
    ngx_conf_init_value(amcf->hold_ttl, NGX_HTTP_ASGARD_HOLD_TTL);
    ngx_conf_init_uint_value(amcf->fail_mode, NGX_HTTP_ASGARD_FAIL_CLOSED);
    ngx_conf_init_msec_value(amcf->drain_timeout,
                             NGX_HTTP_ASGARD_DRAIN_TIMEOUT);
    ngx_conf_init_uint_value(amcf->guard_mode, ASG_GUARD_ENFORCE);
    ngx_conf_init_size_value(amcf->body_memory, NGX_HTTP_ASGARD_BODY_MEMORY);
    ngx_conf_init_size_value(amcf->drain_bytes, NGX_HTTP_ASGARD_DRAIN_BYTES);
    ngx_conf_init_msec_value(amcf->retry_timeout,
                             NGX_HTTP_ASGARD_RETRY_TIMEOUT);
    ngx_conf_init_msec_value(amcf->call_timeout,
                             NGX_HTTP_ASGARD_CALL_TIMEOUT);

    if (amcf->ca_file.len
        && ngx_conf_full_name(cf->cycle, &amcf->ca_file, 1) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_asgard_guard_rules_done(cf, amcf);
}


static void *
ngx_http_asgard_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_asgard_loc_conf_t  *alcf;

    alcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_asgard_loc_conf_t));
    if (alcf == NULL) {
        return NULL;
    }

    alcf->enable = NGX_CONF_UNSET;
    alcf->expose_backend = NGX_CONF_UNSET;
    alcf->probe = NGX_CONF_UNSET_UINT;
    alcf->errors = NGX_CONF_UNSET_UINT;

    /* while a location is created, cf->ctx is still that of what is around */

    if (cf->cmd_type & (NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF)) {
        alcf->parent = ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf;
    }

    return alcf;
}


static char *
ngx_http_asgard_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_asgard_loc_conf_t *prev = parent;
    ngx_http_asgard_loc_conf_t *conf = child;

    if (conf->file.data == NULL) {
        conf->file = prev->file;
        conf->line = prev->line;
    }

    ngx_conf_merge_value(conf->enable, prev->enable, 0);

    if (ngx_http_asgard_check_own(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_conf_merge_value(conf->expose_backend, prev->expose_backend, 0);
    ngx_conf_merge_uint_value(conf->errors, prev->errors,
                              NGX_HTTP_ASGARD_ERRORS_OFF);

    if (conf->probe == NGX_CONF_UNSET_UINT) {
        conf->probe = NGX_HTTP_ASGARD_PROBE_NONE;
    }

    return conf->enable ? ngx_http_asgard_check_note(cf, conf) : NGX_CONF_OK;
}


static ngx_int_t
ngx_http_asgard_preconfiguration(ngx_conf_t *cf)
{
    if (ngx_http_asgard_settings_watch(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_asgard_vars_add(cf);
}


static ngx_int_t
ngx_http_asgard_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_handler_pt          *h;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_asgard_main_conf_t  *amcf;

    if (ngx_http_asgard_error_filters_init(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_asgard_module);

    if (amcf->locations == 0 && amcf->shm_zone == NULL) {
        return NGX_OK;
    }

    if (ngx_http_asgard_check_main(cf, amcf) != NGX_OK
        || ngx_http_asgard_check_locations(cf, amcf) != NGX_OK
        || ngx_http_asgard_listen_check(cf, amcf) != NGX_OK
        || ngx_http_asgard_route_init(cf) != NGX_OK
        || ngx_http_asgard_upstream_init_main(cf, amcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_asgard_steps_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_init_process(ngx_cycle_t *cycle)
{
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_asgard_module);

    if (amcf == NULL || amcf->shm_zone == NULL) {
        return NGX_OK;
    }

    /* a helper, as the cache manager, inherits the master's secrets too */
    ngx_http_asgard_keyfile_shut(cycle);

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    ngx_http_asgard_refused_init(cycle);

    if (ngx_http_asgard_body_init(cycle) != NGX_OK
        || ngx_http_asgard_guard_init(cycle) != NGX_OK
        || ngx_http_asgard_hook_init(cycle, amcf) != NGX_OK
        || ngx_http_asgard_kill_init(cycle) != NGX_OK
        || ngx_http_asgard_snapshot_init(cycle, amcf) != NGX_OK
        || ngx_http_asgard_reserve_init(cycle) != NGX_OK
        || ngx_http_asgard_redis_init(cycle, amcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_asgard_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_asgard_main_conf_t  *amcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return;
    }

    amcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_asgard_module);

    if (amcf == NULL || amcf->shm_zone == NULL) {
        return;
    }

    ngx_http_asgard_reserve_exit();
    ngx_http_asgard_redis_exit();
    ngx_http_asgard_snapshot_exit();
}
