
/*
 * Looking for keys of ours, and cutting.
 */

#include "ngx_http_asgard.h"
#include "ngx_http_asgard_hush.h"


/* asg_ of keys and tokens, sk-asg- of keys that came over LiteLLM's routes; its
 * first three bytes give nothing away. */
static u_char *
ngx_http_asgard_hush_find(ngx_str_t *text)
{
    u_char  *p, *end;

    p = text->data;
    end = p + text->len;

    while (end - p > 3) {
        p = memmem(p, end - p - 1, "asg", 3);

        if (p == NULL || p[3] == '_' || p[3] == '-') {
            return p;
        }

        p++;
    }

    return NULL;
}


static void
ngx_http_asgard_hush_cut(ngx_str_t *text)
{
    u_char  *p;

    p = ngx_http_asgard_hush_find(text);

    if (p) {
        text->len = p - text->data;
    }
}


/* nginx takes a user that is there and empty for one that was not sent. */
static void
ngx_http_asgard_hush_user(ngx_http_request_t *r)
{
    if (r->headers_in.authorization == NULL
        || ngx_http_auth_basic_user(r) != NGX_OK
        || ngx_http_asgard_hush_find(&r->headers_in.user) == NULL)
    {
        return;
    }

    ngx_str_set(&r->headers_in.user, "");
}


static void
ngx_http_asgard_hush(ngx_http_request_t *r)
{
    ngx_http_asgard_hush_cut(&r->request_line);
    ngx_http_asgard_hush_user(r);

    if (r->headers_in.referer) {
        ngx_http_asgard_hush_cut(&r->headers_in.referer->value);
    }

    if (r->headers_in.user_agent) {
        ngx_http_asgard_hush_cut(&r->headers_in.user_agent->value);
    }
}


/* The server's own setting, whatever a location says. */
static ngx_uint_t
ngx_http_asgard_hush_is_early(ngx_http_request_t *r)
{
    ngx_http_core_srv_conf_t    *cscf;
    ngx_http_asgard_loc_conf_t  *alcf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    alcf = cscf->ctx->loc_conf[ngx_http_asgard_module.ctx_index];

    return alcf->errors != NGX_HTTP_ASGARD_ERRORS_OFF;
}


static ngx_int_t
ngx_http_asgard_hush_handler(ngx_http_request_t *r)
{
    if (ngx_http_asgard_hush_is_early(r)) {
        ngx_http_asgard_hush(r);
    }

    return NGX_DECLINED;
}


/* A request that was refused while it was read had no phases. */
void
ngx_http_asgard_hush_late(ngx_http_request_t *r)
{
    if (r->err_status >= NGX_HTTP_BAD_REQUEST
        || !ngx_http_asgard_hush_is_early(r))
    {
        ngx_http_asgard_hush(r);
    }
}


ngx_int_t
ngx_http_asgard_hush_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_asgard_hush_handler;

    return NGX_OK;
}
