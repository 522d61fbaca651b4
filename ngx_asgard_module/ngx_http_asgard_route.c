
/*
 * The table of routes, and what a request line must look like.
 */

#include "ngx_http_asgard_route.h"

#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_error.h"


#define NGX_HTTP_ASGARD_MODEL_ID_MAX  256


typedef struct {
    ngx_str_t                path;
    ngx_http_asgard_route_e  route;
} ngx_http_asgard_path_t;


static ngx_int_t ngx_http_asgard_route_path(ngx_http_asgard_ctx_t *ctx,
    ngx_str_t *path);
static ngx_int_t ngx_http_asgard_route_model(ngx_http_asgard_ctx_t *ctx,
    ngx_str_t *path);
static ngx_uint_t ngx_http_asgard_route_split(ngx_http_request_t *r,
    ngx_str_t *path, ngx_str_t *query);
static ngx_uint_t ngx_http_asgard_route_takes(ngx_http_asgard_ctx_t *ctx,
    ngx_str_t *query);
static ngx_int_t ngx_http_asgard_route_authorization(ngx_http_request_t *r,
    ngx_table_elt_t *h, ngx_uint_t offset);


static const ngx_http_asgard_path_t  ngx_http_asgard_paths[] = {

    { ngx_string("/v1/chat/completions"), NGX_HTTP_ASGARD_ROUTE_CHAT },
    { ngx_string("/v1/completions"), NGX_HTTP_ASGARD_ROUTE_COMPLETIONS },
    { ngx_string("/v1/embeddings"), NGX_HTTP_ASGARD_ROUTE_EMBEDDINGS },
    { ngx_string("/api/gateway/chat"), NGX_HTTP_ASGARD_ROUTE_GATEWAY },
    { ngx_string("/v1/messages"), NGX_HTTP_ASGARD_ROUTE_MESSAGES },
    { ngx_string("/v1/messages/count_tokens"),
      NGX_HTTP_ASGARD_ROUTE_COUNT_TOKENS },
    { ngx_string("/v1/models"), NGX_HTTP_ASGARD_ROUTE_MODELS },
    { ngx_null_string, NGX_HTTP_ASGARD_ROUTE_NONE }
};


static const ngx_str_t  ngx_http_asgard_model_path = ngx_string("/v1/models/");


ngx_int_t
ngx_http_asgard_route_find(ngx_http_asgard_ctx_t *ctx)
{
    ngx_str_t            path, query;
    ngx_uint_t           method, asked;
    ngx_http_request_t  *r = ctx->request;

    if (r != r->main || r->internal || r->post_action) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_SUBREQUEST, NULL);
    }

    asked = ngx_http_asgard_route_split(r, &path, &query);

    if (asked) {
        ngx_http_asgard_route_hide(r);
    }

    if (ngx_http_asgard_route_path(ctx, &path) != NGX_OK) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_NOT_FOUND, NULL);
    }

    if (asked && !ngx_http_asgard_route_takes(ctx, &query)) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_UNEXPECTED_QUERY, NULL);
    }

    method = (ctx->route >= NGX_HTTP_ASGARD_ROUTE_MODELS) ? NGX_HTTP_GET
                                                          : NGX_HTTP_POST;

    if (r->method != method) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_METHOD_NOT_ALLOWED,
                                      NULL);
    }

    return NGX_OK;
}


/* Anthropic's libraries add it when they call by their `beta` names; which
 * betas are meant, a header says.  It goes no further. */

static ngx_uint_t
ngx_http_asgard_route_takes(ngx_http_asgard_ctx_t *ctx, ngx_str_t *query)
{
    static const ngx_str_t  beta = ngx_string("beta=true");

    return ngx_http_asgard_route_is_messages(ctx)
           && query->len == beta.len
           && ngx_memcmp(query->data, beta.data, beta.len) == 0;
}


ngx_uint_t
ngx_http_asgard_route_is_messages(ngx_http_asgard_ctx_t *ctx)
{
    ngx_str_t  path, query;

    if (ctx->route == NGX_HTTP_ASGARD_ROUTE_NONE) {
        /* nginx refused it before it had a location */
        (void) ngx_http_asgard_route_split(ctx->request, &path, &query);
        (void) ngx_http_asgard_route_path(ctx, &path);
    }

    return ctx->route == NGX_HTTP_ASGARD_ROUTE_MESSAGES
           || ctx->route == NGX_HTTP_ASGARD_ROUTE_COUNT_TOKENS;
}


/* nginx refuses TRACE and CONNECT before it has a location. */

ngx_str_t *
ngx_http_asgard_route_allow(ngx_http_asgard_ctx_t *ctx)
{
    ngx_str_t  path, query;

    static ngx_str_t  get = ngx_string("GET");
    static ngx_str_t  post = ngx_string("POST");

    if (ctx->route == NGX_HTTP_ASGARD_ROUTE_NONE) {
        (void) ngx_http_asgard_route_split(ctx->request, &path, &query);

        if (ngx_http_asgard_route_path(ctx, &path) != NGX_OK) {
            return NULL;
        }
    }

    return ctx->route >= NGX_HTTP_ASGARD_ROUTE_MODELS ? &get : &post;
}


/* The raw path; true: a query follows it. */

static ngx_uint_t
ngx_http_asgard_route_split(ngx_http_request_t *r, ngx_str_t *path,
    ngx_str_t *query)
{
    u_char  *p, *last;

    *path = r->unparsed_uri;
    last = path->data + path->len;
    p = ngx_strlchr(path->data, last, '?');

    if (p == NULL) {
        ngx_str_null(query);
        return 0;
    }

    path->len = p - path->data;
    query->data = p + 1;
    query->len = last - query->data;

    return 1;
}


static ngx_int_t
ngx_http_asgard_route_path(ngx_http_asgard_ctx_t *ctx, ngx_str_t *path)
{
    const ngx_http_asgard_path_t  *p;

    for (p = ngx_http_asgard_paths; p->path.len; p++) {
        if (p->path.len == path->len
            && ngx_memcmp(p->path.data, path->data, path->len) == 0)
        {
            ctx->route = p->route;
            return NGX_OK;
        }
    }

    if (path->len > ngx_http_asgard_model_path.len
        && ngx_memcmp(path->data, ngx_http_asgard_model_path.data,
                      ngx_http_asgard_model_path.len)
           == 0)
    {
        return ngx_http_asgard_route_model(ctx, path);
    }

    return NGX_DECLINED;
}


/* The id as it stands, with %2F read as a slash and nothing else decoded. */

static ngx_int_t
ngx_http_asgard_route_model(ngx_http_asgard_ctx_t *ctx, ngx_str_t *path)
{
    u_char  *p, *last, *out;

    p = path->data + ngx_http_asgard_model_path.len;
    last = path->data + path->len;

    if (last - p > NGX_HTTP_ASGARD_MODEL_ID_MAX) {
        return NGX_DECLINED;
    }

    out = ngx_pnalloc(ctx->request->pool, last - p);
    if (out == NULL) {
        return NGX_DECLINED;
    }

    ctx->model_id.data = out;

    while (p < last) {
        if (*p != '%') {
            *out++ = *p++;
            continue;
        }

        if (last - p < 3 || p[1] != '2' || (p[2] | 0x20) != 'f') {
            return NGX_DECLINED;
        }

        *out++ = '/';
        p += 3;
    }

    ctx->model_id.len = out - ctx->model_id.data;
    ctx->route = NGX_HTTP_ASGARD_ROUTE_MODEL;

    return NGX_OK;
}


/* A query may hold a key that somebody put there. */

void
ngx_http_asgard_route_hide(ngx_http_request_t *r)
{
    u_char     *p;
    ngx_str_t  *line[] = { &r->request_line, &r->unparsed_uri };
    ngx_uint_t  i;

    if (r->request_line.data == NULL && r->request_start) {
        /* a line that was not understood; the log would show all of it */
        for (p = r->request_start; p < r->header_in->last; p++) {
            if (*p == CR || *p == LF) {
                break;
            }
        }

        r->request_line.data = r->request_start;
        r->request_line.len = p - r->request_start;
    }

    for (i = 0; i < 2; i++) {
        p = ngx_strlchr(line[i]->data, line[i]->data + line[i]->len, '?');

        if (p) {
            line[i]->len = p - line[i]->data;
        }
    }

    r->args.len = 0;
}


static ngx_int_t
ngx_http_asgard_route_authorization(ngx_http_request_t *r,
    ngx_table_elt_t *h, ngx_uint_t offset)
{
    if (r->headers_in.authorization == NULL) {
        r->headers_in.authorization = h;
#if (nginx_version >= 1023000)
        h->next = NULL;
#endif
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "client sent more than one Authorization header");

    ngx_http_finalize_request(r, NGX_HTTP_BAD_REQUEST);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_asgard_route_init(ngx_conf_t *cf)
{
    ngx_http_header_t          *hh;
    ngx_http_core_main_conf_t  *cmcf;

    static u_char  name[] = "authorization";

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    hh = ngx_hash_find(&cmcf->headers_in_hash,
                       ngx_hash_key(name, sizeof(name) - 1), name,
                       sizeof(name) - 1);
    if (hh == NULL) {
        return NGX_ERROR;
    }

    hh->handler = ngx_http_asgard_route_authorization;

    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_route_media(ngx_http_asgard_ctx_t *ctx)
{
    ngx_str_t           *value;
    ngx_table_elt_t     *type;
    static const size_t  len = sizeof("application/json") - 1;

    if (ngx_http_asgard_header(ctx->request, "content-encoding")) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_UNSUPPORTED_ENCODING,
                                      NULL);
    }

    type = ctx->request->headers_in.content_type;
    value = type ? &type->value : NULL;

    if (value == NULL || value->len < len
        || ngx_strncasecmp(value->data, (u_char *) "application/json", len)
           != 0
        || (value->len > len && value->data[len] != ';'
            && value->data[len] != ' ' && value->data[len] != '\t'))
    {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_UNSUPPORTED_MEDIA_TYPE,
                                      NULL);
    }

    return NGX_OK;
}
