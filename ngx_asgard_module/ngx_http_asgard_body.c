
/*
 * Reading and scanning of the request body.
 */

#include "ngx_http_asgard_body.h"

#include <openssl/rand.h>

#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_error.h"
#include "ngx_http_asgard_guard.h"
#include "ngx_http_asgard_share.h"
#include "ngx_http_asgard_steps.h"
#include "ngx_http_asgard_zone.h"


static void ngx_http_asgard_body_started(ngx_http_request_t *r);
static void ngx_http_asgard_body_event(ngx_http_request_t *r);
static ngx_int_t ngx_http_asgard_body_start(ngx_http_asgard_ctx_t *ctx);
static ngx_int_t ngx_http_asgard_body_drain(ngx_http_asgard_ctx_t *ctx);
static void ngx_http_asgard_body_place(ngx_http_asgard_ctx_t *ctx);
static ngx_int_t ngx_http_asgard_body_late(ngx_http_asgard_ctx_t *ctx);
static ngx_int_t ngx_http_asgard_body_collect(ngx_http_asgard_ctx_t *ctx);
static ngx_int_t ngx_http_asgard_body_room(ngx_http_asgard_ctx_t *ctx,
    size_t size);


static asg_request_reader_t  *ngx_http_asgard_reader;


ngx_int_t
ngx_http_asgard_body_init(ngx_cycle_t *cycle)
{
    asg_request_reader_t  *reader;

    reader = ngx_pcalloc(cycle->pool, sizeof(asg_request_reader_t));
    if (reader == NULL) {
        return NGX_ERROR;
    }

    if (RAND_bytes((u_char *) &reader->seed, sizeof(reader->seed)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "asgard: the system has no randomness");
        return NGX_ERROR;
    }

    ngx_http_asgard_reader = reader;

    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_body_read(ngx_http_asgard_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r = ctx->request;

    if (ctx->body_late) {
        return NGX_AGAIN;
    }

    if (r->request_body == NULL) {
        rc = ngx_http_asgard_body_start(ctx);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    rc = ngx_http_asgard_body_drain(ctx);

    if (rc == NGX_AGAIN) {
        r->read_event_handler = ngx_http_asgard_body_event;
        return NGX_AGAIN;
    }

    if (rc == NGX_OK && ctx->body.len == 0) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_EMPTY_BODY, NULL);
    }

    return rc;
}


static ngx_int_t
ngx_http_asgard_body_start(ngx_http_asgard_ctx_t *ctx)
{
    off_t                length;
    ngx_int_t            rc;
    ngx_http_request_t  *r = ctx->request;

    length = r->headers_in.content_length_n;

    if (r->headers_in.chunked) {
        length = NGX_HTTP_ASGARD_BODY_PIECE;
    }

    if (length <= 0) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_EMPTY_BODY, NULL);
    }

    if (length > NGX_HTTP_ASGARD_BODY_MAX) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_BODY_TOO_LARGE, NULL);
    }

    rc = ngx_http_asgard_body_room(ctx,
                       (size_t) ngx_min(length, NGX_HTTP_ASGARD_BODY_AT_ONCE));
    if (rc != NGX_OK) {
        return rc;
    }

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_asgard_body_started);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    /* the reading took a reference; the phases have one of their own */
    r->main->count--;

    if (rc == NGX_AGAIN && !r->reading_body) {
        /* an HTTP/2 stream that had ended before: it is read as a whole */
        ctx->body_late = 1;
        return NGX_AGAIN;
    }

    return NGX_OK;
}


/* Comes from within the call above, and the step goes on by itself; or later,
 * when all is there. */

static void
ngx_http_asgard_body_started(ngx_http_request_t *r)
{
    ngx_http_asgard_ctx_t  *ctx;

    r->read_event_handler = ngx_http_block_reading;

    ctx = ngx_http_asgard_ctx(r);

    if (ctx && ctx->body_late) {
        ctx->body_late = 0;
        ngx_http_asgard_steps_resume(ctx);
    }
}


static void
ngx_http_asgard_body_event(ngx_http_request_t *r)
{
    ngx_http_asgard_ctx_t  *ctx;

    ctx = ngx_http_asgard_ctx(r);

    if (ctx) {
        ngx_http_asgard_steps_resume(ctx);
    }
}


static ngx_int_t
ngx_http_asgard_body_drain(ngx_http_asgard_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r = ctx->request;

    for ( ;; ) {
        rc = ngx_http_asgard_body_collect(ctx);
        if (rc != NGX_OK) {
            return rc;
        }

        if (!r->reading_body) {
            return NGX_OK;
        }

        ngx_http_asgard_body_place(ctx);

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc == NGX_AGAIN) {
            if (r->request_body->bufs == NULL) {
                return ngx_http_asgard_body_late(ctx);
            }

        } else if (rc != NGX_OK) {
            return rc;
        }
    }
}


/* A body of known length is read to where it has to be.  The place is told by
 * what nginx has read, not by what has come here: a filter may keep some. */

static void
ngx_http_asgard_body_place(ngx_http_asgard_ctx_t *ctx)
{
    off_t                     had;
    ngx_buf_t                *b;
    ngx_http_request_t       *r = ctx->request;
    ngx_http_request_body_t  *rb = r->request_body;

    b = rb->buf;
    had = r->headers_in.content_length_n - rb->rest;

    if (r->headers_in.chunked || b == NULL || b->pos != b->last
        || had < 0 || rb->rest <= 0 || (off_t) ctx->body_size < had + rb->rest)
    {
        return;
    }

#if (NGX_HTTP_V2)
    if (r->stream) {
        return;
    }
#endif

    b->start = ctx->body.data + had;
    b->pos = b->start;
    b->last = b->start;
    b->end = b->start + rb->rest;
}


/* More is to come.  nginx bounds each wait; who drips is bounded here. */

static ngx_int_t
ngx_http_asgard_body_late(ngx_http_asgard_ctx_t *ctx)
{
    if (ngx_current_msec - ctx->started > NGX_HTTP_ASGARD_BODY_TIME) {
        ngx_log_error(NGX_LOG_INFO, ctx->request->connection->log, 0,
                      "asgard: the body took too long");
        return NGX_HTTP_REQUEST_TIME_OUT;
    }

    return NGX_AGAIN;
}


/* Takes what has arrived out of nginx's buffers, so that they can be reused. */

static ngx_int_t
ngx_http_asgard_body_collect(ngx_http_asgard_ctx_t *ctx)
{
    size_t        n;
    u_char       *data;
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    for (cl = ctx->request->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;

        if (!ngx_buf_in_memory(b)) {
            continue;
        }

        n = b->last - b->pos;

        rc = ngx_http_asgard_body_room(ctx, ctx->body.len + n);
        if (rc != NGX_OK) {
            return rc;
        }

        data = ctx->body.data + ctx->body.len;

        if (b->pos != data) {
            ngx_memmove(data, b->pos, n);
        }

        ctx->body.len += n;
        b->pos = b->last;
    }

    ctx->request->request_body->bufs = NULL;

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_body_charge(ngx_http_asgard_ctx_t *ctx, size_t n)
{
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_asgard_module);

    if (ngx_http_asgard_share_body_charge(ngx_http_asgard_share(ctx),
                                          ctx->body_charged, n,
                                          amcf->body_memory)
        != NGX_OK)
    {
        ctx->retry_after = 1;
        return ngx_http_asgard_refuse(ctx, ASG_REASON_OVERLOADED, NULL);
    }

    ctx->body_charged += n;

    return NGX_OK;
}


/* Room for `size` bytes, twice as much as before when it must grow. */

static ngx_int_t
ngx_http_asgard_body_room(ngx_http_asgard_ctx_t *ctx, size_t size)
{
    u_char     *data;
    size_t      room, most;
    ngx_int_t   rc;

    if (size <= ctx->body_size) {
        return NGX_OK;
    }

    most = ctx->request->headers_in.chunked
           ? NGX_HTTP_ASGARD_BODY_CHUNKED
           : (size_t) ctx->request->headers_in.content_length_n;

    if (size > most) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_BODY_TOO_LARGE, NULL);
    }

    room = ngx_min(ngx_max(size, 2 * ctx->body_size), most);

    rc = ngx_http_asgard_body_charge(ctx, room - ctx->body_size);
    if (rc != NGX_OK) {
        return rc;
    }

    data = ngx_pnalloc(ctx->request->pool, room);
    if (data == NULL) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_OVERLOADED, NULL);
    }

    if (ctx->body.data) {
        ngx_memcpy(data, ctx->body.data, ctx->body.len);
    }

    if (ctx->body.data && ctx->request->headers_in.chunked) {
        /* of known length: a filter may point to it */
        (void) ngx_pfree(ctx->request->pool, ctx->body.data);
    }

    ctx->body.data = data;
    ctx->body_size = room;

    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_body_forget(ngx_http_asgard_ctx_t *ctx)
{
    u_char      *asked;
    ngx_pool_t  *pool;

    pool = ctx->request->pool;

    asked = ngx_pnalloc(pool, ctx->asked.len);
    if (asked == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(asked, ctx->asked.data, ctx->asked.len);
    ctx->asked.data = asked;

    (void) ngx_pfree(pool, ctx->parsed);
    ctx->parsed = NULL;

    if (ngx_pfree(pool, ctx->body.data) == NGX_OK) {
        ngx_http_asgard_body_release(ctx);
    }

    ngx_str_null(&ctx->body);
    ctx->body_size = 0;

    return NGX_OK;
}


void
ngx_http_asgard_body_release(ngx_http_asgard_ctx_t *ctx)
{
    if (ctx->body_charged) {
        ngx_http_asgard_share_body_release(ngx_http_asgard_share(ctx),
                                           ctx->body_charged);
        ctx->body_charged = 0;
    }
}


ngx_int_t
ngx_http_asgard_body_room_for(ngx_http_asgard_ctx_t *ctx, size_t size,
    ngx_str_t *body)
{
    ngx_int_t  rc;

    if (size > NGX_HTTP_ASGARD_BODY_MAX) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_BODY_TOO_LARGE, NULL);
    }

    rc = ngx_http_asgard_body_charge(ctx, size);
    if (rc != NGX_OK) {
        return rc;
    }

    body->data = ngx_pnalloc(ctx->request->pool, size);
    if (body->data == NULL) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_OVERLOADED, NULL);
    }

    return NGX_OK;
}


void
ngx_http_asgard_body_replace(ngx_http_asgard_ctx_t *ctx, ngx_str_t *body,
    size_t size)
{
    if (ngx_pfree(ctx->request->pool, ctx->body.data) == NGX_OK) {
        ngx_http_asgard_share_body_release(ngx_http_asgard_share(ctx),
                                           ctx->body_size);
        ctx->body_charged -= ctx->body_size;
    }

    ctx->body = *body;
    ctx->body_size = size;
}


ngx_int_t
ngx_http_asgard_body_scan(ngx_http_asgard_ctx_t *ctx)
{
    ngx_int_t     rc;
    asg_guard_t  *guard;

    ctx->parsed = ngx_palloc(ctx->request->pool, sizeof(asg_request_t));
    if (ctx->parsed == NULL) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_OVERLOADED, NULL);
    }

    guard = ngx_http_asgard_guard_begin(ctx);

    rc = ngx_http_asgard_body_scan_with(ctx, guard);

    if (rc == NGX_OK && guard && ngx_http_asgard_guard_keep(ctx) != NGX_OK) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_OVERLOADED, NULL);
    }

    return rc;
}


ngx_int_t
ngx_http_asgard_body_scan_with(ngx_http_asgard_ctx_t *ctx, asg_guard_t *guard)
{
    asg_err_t      err;
    ngx_str_t      param;
    asg_refusal_t  why;

    why.reason = ASG_REASON_INTERNAL;
    why.param[0] = '\0';

    ngx_http_asgard_reader->guard = guard;

    err = asg_request_scan(ngx_http_asgard_reader, (asg_api_t) ctx->route,
                           ngx_http_asgard_str(&ctx->body), ctx->parsed, &why);

    if (err == ASG_OK) {
        return NGX_OK;
    }

    param.data = (u_char *) why.param;
    param.len = ngx_strlen(why.param);

    return ngx_http_asgard_refuse(ctx, why.reason, &param);
}
