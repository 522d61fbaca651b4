
/*
 * The end user of a call: whom its client names, or a proxy that the operator
 * trusts.
 */

#include "ngx_http_asgard_end_user.h"
#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_error.h"


#define NGX_HTTP_ASGARD_USER_PROXIES  64


/* What a chat page in front of us says of who is signed in there; the first
 * that is there counts. */
static const char *const  ngx_http_asgard_end_user_headers[] = {
    "x-openwebui-user-id", "x-openwebui-user-email"
};


char *
ngx_http_asgard_end_user_proxies(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_asgard_main_conf_t *amcf = conf;

    ngx_int_t    rc;
    ngx_str_t   *value;
    ngx_uint_t   i;
    ngx_cidr_t  *cidr;

    if (amcf->user_proxies) {
        return "is duplicate";
    }

    if (cf->args->nelts - 1 > NGX_HTTP_ASGARD_USER_PROXIES) {
        return "has more than 64 addresses";
    }

    amcf->user_proxies = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                          sizeof(ngx_cidr_t));
    if (amcf->user_proxies == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        cidr = ngx_array_push(amcf->user_proxies);
        ngx_memzero(cidr, sizeof(ngx_cidr_t));

        if (ngx_strcmp(value[i].data, "unix:") == 0) {
            cidr->family = AF_UNIX;
            continue;
        }

        rc = ngx_ptocidr(&value[i], cidr);

        if (rc != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "asgard: \"%V\" is no address of a proxy: %s",
                               &value[i], rc == NGX_DONE
                               ? "bits behind the mask are set"
                               : "an address, a CIDR or unix: is needed");
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* As it connects to us, or as `realip` was told to believe. */
static ngx_uint_t
ngx_http_asgard_end_user_by_proxy(ngx_http_request_t *r)
{
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_asgard_module);

    return amcf->user_proxies
           && ngx_cidr_match(r->connection->sockaddr, amcf->user_proxies)
              == NGX_OK;
}


static asg_str_t
ngx_http_asgard_end_user_said(ngx_http_asgard_ctx_t *ctx, ngx_str_t *param)
{
    size_t      i;
    ngx_str_t  *value;

    for (i = 0; i < sizeof(ngx_http_asgard_end_user_headers)
                    / sizeof(ngx_http_asgard_end_user_headers[0])
                && ngx_http_asgard_end_user_by_proxy(ctx->request); i++)
    {
        param->data = (u_char *) ngx_http_asgard_end_user_headers[i];
        param->len = ngx_strlen(param->data);
        value = ngx_http_asgard_header(ctx->request,
                                       ngx_http_asgard_end_user_headers[i]);

        if (value && value->len) {
            return ngx_http_asgard_str(value);
        }
    }

    return ctx->parsed->user.len ? ctx->parsed->user : ctx->parsed->safety_id;
}


ngx_int_t
ngx_http_asgard_end_user(ngx_http_asgard_ctx_t *ctx)
{
    asg_str_t                     said;
    ngx_str_t                     param = ngx_null_string;
    ngx_http_asgard_main_conf_t  *amcf;

    said = ngx_http_asgard_end_user_said(ctx, &param);

    if (said.len == 0) {
        return NGX_OK;
    }

    amcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_asgard_module);

    if (asg_end_user_id(&amcf->pads[amcf->keys->npeppers - 1],
                        asg_str_z(ctx->key->project_id), said, ctx->end_user)
        != ASG_OK)
    {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_INVALID_VALUE, &param);
    }

    return NGX_OK;
}
