
/*
 * The context of a request: made once, found again, cleaned up.
 */

#include "ngx_http_asgard_ctx.h"

#include <openssl/rand.h>

#include "ngx_http_asgard_body.h"
#include "ngx_http_asgard_finalise.h"
#include "ngx_http_asgard_kill.h"
#include "ngx_http_asgard_snapshot.h"
#include "ngx_http_asgard_times.h"


#define NGX_HTTP_ASGARD_RANDOM_BYTES  4096
#define NGX_HTTP_ASGARD_TRACE_BYTES   16


static void ngx_http_asgard_ctx_cleanup(void *data);
static ngx_int_t ngx_http_asgard_ctx_trace(ngx_http_asgard_ctx_t *ctx);


ngx_http_asgard_ctx_t *
ngx_http_asgard_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_asgard_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_asgard_module);
    if (ctx != NULL || r->pool == NULL) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_asgard_ctx_cleanup) {
            ngx_http_set_ctx(r, cln->data, ngx_http_asgard_module);
            return cln->data;
        }
    }

    return NULL;
}


ngx_http_asgard_ctx_t *
ngx_http_asgard_ctx_create(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_asgard_ctx_t  *ctx;

    static const asg_key_record_t      nobody;
    static const asg_project_record_t  nothing;

    ctx = ngx_http_asgard_ctx(r);
    if (ctx != NULL) {
        return ctx;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_asgard_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_asgard_ctx_t));

    ctx->request = r;
    ctx->key = &nobody;
    ctx->project = &nothing;
    ctx->route = NGX_HTTP_ASGARD_ROUTE_NONE;
    ctx->retry_after = -1;
    ctx->started = ngx_current_msec;
    ctx->begun_us = ngx_http_asgard_times_now();

    if (ngx_http_asgard_ctx_trace(ctx) != NGX_OK) {
        return NULL;
    }

    cln->handler = ngx_http_asgard_ctx_cleanup;
    ngx_http_set_ctx(r, ctx, ngx_http_asgard_module);

    return ctx;
}


ngx_str_t *
ngx_http_asgard_header(ngx_http_request_t *r, const char *name)
{
    return ngx_http_asgard_header_next(r, name, NULL);
}


ngx_str_t *
ngx_http_asgard_header_next(ngx_http_request_t *r, const char *name,
    const ngx_str_t *last)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len != len
                || ngx_strncasecmp(h[i].key.data, (u_char *) name, len) != 0)
            {
                continue;
            }

            if (last == NULL) {
                return &h[i].value;
            }

            if (last == &h[i].value) {
                last = NULL;
            }
        }
    }

    return NULL;
}


/* Random bytes by the page: one call of the generator serves 256 requests. */

static ngx_int_t
ngx_http_asgard_ctx_random(u_char out[NGX_HTTP_ASGARD_TRACE_BYTES])
{
    static u_char   pool[NGX_HTTP_ASGARD_RANDOM_BYTES];
    static size_t   used = NGX_HTTP_ASGARD_RANDOM_BYTES;

    if (used == NGX_HTTP_ASGARD_RANDOM_BYTES) {
        if (RAND_bytes(pool, sizeof(pool)) != 1) {
            return NGX_ERROR;
        }

        used = 0;
    }

    ngx_memcpy(out, pool + used, NGX_HTTP_ASGARD_TRACE_BYTES);
    used += NGX_HTTP_ASGARD_TRACE_BYTES;

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_ctx_trace(ngx_http_asgard_ctx_t *ctx)
{
    u_char      random[NGX_HTTP_ASGARD_TRACE_BYTES];
    ngx_str_t  *given;

    given = ngx_http_asgard_header(ctx->request, "x-asgard-trace-id");

    if (given && asg_trace_is_valid(ngx_http_asgard_str(given))) {
        ngx_memcpy(ctx->trace, given->data, given->len);
        ctx->trace_len = given->len;
        return NGX_OK;
    }

    if (ngx_http_asgard_ctx_random(random) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->trace_len = asg_trace_make(random, (char *) ctx->trace);

    return NGX_OK;
}


/*
 * The last exit.  A hold that is still here never reached an upstream: one that
 * did was ended by the upstream's own finalize_request.
 */

static void
ngx_http_asgard_ctx_cleanup(void *data)
{
    ngx_http_asgard_ctx_t *ctx = data;

    ngx_http_asgard_end_t  end;

    ngx_http_asgard_kill_forget(ctx);

    if (ctx->call.slot && !ctx->call.finalised) {
        ngx_memzero(&end, sizeof(ngx_http_asgard_end_t));
        end.outcome = NGX_HTTP_ASGARD_VOID;
        ngx_http_asgard_finalise(ctx, &end);
    }

    if (ctx->timed) {
        ngx_http_asgard_times_note(NGX_HTTP_ASGARD_TIMES_CALL,
                                   ngx_http_asgard_times_now()
                                   - ctx->begun_us);
    }

    ngx_http_asgard_body_release(ctx);

    if (ctx->snapshot) {
        ngx_http_asgard_snapshot_drop(ctx->snapshot);
        ctx->snapshot = NULL;
    }
}
