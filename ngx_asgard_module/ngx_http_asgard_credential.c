
/*
 * The key that a client shows.
 */

#include "ngx_http_asgard_credential.h"

#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_route.h"


static ngx_uint_t ngx_http_asgard_credential_is(ngx_table_elt_t *h);
static ngx_int_t ngx_http_asgard_credential_bearer(ngx_http_request_t *r,
    ngx_str_t *token);
static ngx_int_t ngx_http_asgard_credential_take(ngx_str_t *value,
    ngx_str_t *token);


ngx_int_t
ngx_http_asgard_credential(ngx_http_asgard_ctx_t *ctx, ngx_str_t *token)
{
    ngx_uint_t           i;
    ngx_list_part_t     *part;
    ngx_table_elt_t     *h;
    ngx_http_request_t  *r = ctx->request;

    ngx_str_null(token);

    if (ngx_http_asgard_credential_bearer(r, token) != NGX_OK) {
        return NGX_ERROR;
    }

    part = ngx_http_asgard_route_is_messages(ctx) ? &r->headers_in.headers.part
                                                  : NULL;

    for ( /* void */ ; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (ngx_http_asgard_credential_is(&h[i])
                && ngx_http_asgard_credential_take(&h[i].value, token)
                   != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return token->data ? NGX_OK : NGX_DECLINED;
}


static ngx_uint_t
ngx_http_asgard_credential_is(ngx_table_elt_t *h)
{
    ngx_str_t  *name;

    static const ngx_str_t  wanted = ngx_string("x-api-key");

    name = &h->key;

    return name->len == wanted.len
           && ngx_strncasecmp(name->data, wanted.data, wanted.len) == 0;
}


/* `Bearer`, one space, the token; two such headers are nginx's 400. */

static ngx_int_t
ngx_http_asgard_credential_bearer(ngx_http_request_t *r, ngx_str_t *token)
{
    ngx_table_elt_t  *h;

    h = r->headers_in.authorization;

    if (h == NULL) {
        return NGX_OK;
    }

    if (h->value.len <= 7
        || ngx_strncasecmp(h->value.data, (u_char *) "Bearer ", 7) != 0)
    {
        return NGX_ERROR;
    }

    token->data = h->value.data + 7;
    token->len = h->value.len - 7;

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_credential_take(ngx_str_t *value, ngx_str_t *token)
{
    if (token->data
        && !asg_str_eq_secret(ngx_http_asgard_str(token),
                              ngx_http_asgard_str(value)))
    {
        return NGX_ERROR;
    }

    *token = *value;

    return NGX_OK;
}
