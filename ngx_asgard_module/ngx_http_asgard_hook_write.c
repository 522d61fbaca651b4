
/*
 * What the guardrail service is asked: a head, and one object of JSON.
 */

#include "ngx_http_asgard_hook_conf.h"

#include "core/guard_body.h"
#include "ngx_http_asgard_body.h"
#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_error.h"
#include "ngx_http_asgard_guard.h"


#define NGX_HTTP_ASGARD_HOOK_HEAD  2048         /* and the URL, the secret */


static void
ngx_http_asgard_hook_write_member(asg_buf_t *out, const char *name,
    asg_str_t value)
{
    asg_buf_z(out, name);
    asg_buf_json(out, value);
}


/* The texts of the body as it would leave, into a buffer of `size`. */

static ngx_int_t
ngx_http_asgard_hook_write_texts_in(ngx_http_asgard_hook_t *h,
    asg_buf_t *texts, size_t size)
{
    ngx_int_t   rc;
    ngx_str_t   room;

    rc = ngx_http_asgard_body_room_for(h->ctx, size, &room);
    if (rc != NGX_OK) {
        return rc;
    }

    asg_buf_init(texts, (char *) room.data, size);

    return ngx_http_asgard_guard_texts(h->ctx, texts);
}


/* Mostly they are no more than twice the body; many short ones are, with the
 * place of each.  A call that has more than may be asked about is told so: it
 * must not go by unasked, nor be sent again. */

static ngx_int_t
ngx_http_asgard_hook_write_texts(ngx_http_asgard_hook_t *h, asg_buf_t *texts)
{
    size_t                  size;
    ngx_int_t               rc;
    ngx_http_asgard_ctx_t  *ctx = h->ctx;

    size = 2 * ctx->body.len + NGX_HTTP_ASGARD_HOOK_HEAD;
    size = ngx_min(size, NGX_HTTP_ASGARD_HOOK_BODY_MAX);

    rc = ngx_http_asgard_hook_write_texts_in(h, texts, size);

    if (rc == NGX_OK && !asg_buf_ok(texts)
        && size < NGX_HTTP_ASGARD_HOOK_BODY_MAX)
    {
        rc = ngx_http_asgard_hook_write_texts_in(h, texts,
                                               NGX_HTTP_ASGARD_HOOK_BODY_MAX);
    }

    if (rc != NGX_OK || asg_buf_ok(texts)) {
        return rc;
    }

    if (ngx_http_asgard_guard_mode(ctx) != ASG_GUARD_MONITOR) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_BODY_TOO_LARGE, NULL);
    }

    h->why = "cannot be asked about so many texts";

    return NGX_DECLINED;
}


static void
ngx_http_asgard_hook_write_object(asg_buf_t *out, ngx_http_asgard_ctx_t *ctx,
    asg_buf_t *texts)
{
    asg_buf_z(out, "{\"call_id\":");
    asg_buf_json(out, (asg_str_t) { (const char *) ctx->trace,
                                    ctx->trace_len });
    ngx_http_asgard_hook_write_member(out, ",\"project\":",
                                      asg_str_z(ctx->key->project_id));
    ngx_http_asgard_hook_write_member(out, ",\"key\":",
                                      asg_str_z(ctx->key->key_id));
    ngx_http_asgard_hook_write_member(out, ",\"route\":",
                                  ngx_http_asgard_str(&ctx->request->uri));
    ngx_http_asgard_hook_write_member(out, ",\"model\":",
                                      ngx_http_asgard_str(&ctx->asked));
    asg_buf_z(out, ",\"texts\":[");
    asg_buf_str(out, asg_buf_view(texts));
    asg_buf_z(out, "]}");
}


static void
ngx_http_asgard_hook_write_head(asg_buf_t *out,
    ngx_http_asgard_hook_conf_t *conf, size_t length)
{
    asg_buf_z(out, "POST ");
    asg_buf_str(out, ngx_http_asgard_str(&conf->uri));
    asg_buf_z(out, " HTTP/1.0\r\nHost: ");
    asg_buf_str(out, ngx_http_asgard_str(&conf->authority));
    asg_buf_z(out, "\r\nConnection: close\r\nContent-Type: application/json"
                   "\r\nContent-Length: ");
    asg_buf_u64(out, length);

    if (conf->secret.len) {
        asg_buf_z(out, "\r\nAuthorization: Bearer ");
        asg_buf_str(out, ngx_http_asgard_str(&conf->secret));
    }

    asg_buf_z(out, "\r\n\r\n");
}


/* The object is written behind room for the head, which tells its length. */

ngx_int_t
ngx_http_asgard_hook_write(ngx_http_asgard_hook_t *h)
{
    size_t                  head_max, size;
    ngx_int_t               rc;
    ngx_str_t               room;
    asg_buf_t               texts, head, body;
    ngx_http_asgard_ctx_t  *ctx = h->ctx;

    rc = ngx_http_asgard_hook_write_texts(h, &texts);
    if (rc != NGX_OK) {
        return rc;
    }

    head_max = NGX_HTTP_ASGARD_HOOK_HEAD + h->conf->uri.len
               + h->conf->authority.len + h->conf->secret.len;
    size = head_max + texts.len + NGX_HTTP_ASGARD_HOOK_HEAD
           + 6 * (ctx->asked.len + ctx->request->uri.len);

    rc = ngx_http_asgard_body_room_for(ctx, size, &room);
    if (rc != NGX_OK) {
        return rc;
    }

    asg_buf_init(&head, (char *) room.data, head_max);
    asg_buf_init(&body, (char *) room.data + head_max, size - head_max);
    ngx_http_asgard_hook_write_object(&body, ctx, &texts);
    ngx_http_asgard_hook_write_head(&head, h->conf, body.len);

    if (!asg_buf_ok(&head) || !asg_buf_ok(&body)) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_INTERNAL, NULL);
    }

    h->out.start = room.data;
    h->head_max = head_max;
    h->out.pos = room.data + head_max - head.len;
    ngx_memmove(h->out.pos, head.data, head.len);
    h->out.last = room.data + head_max + body.len;

    return NGX_OK;
}
