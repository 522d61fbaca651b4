
/*
 * Models that are called by Anthropic's Messages API.
 */

#include "ngx_http_asgard_anthropic.h"

#include "core/anthropic_answer.h"
#include "core/anthropic_request.h"
#include "ngx_http_asgard_policy.h"
#include "ngx_http_asgard_route.h"
#include "ngx_http_asgard_share.h"
#include "ngx_http_asgard_snapshot.h"
#include "ngx_http_asgard_zone.h"


#define NGX_HTTP_ASGARD_ANTHROPIC_ID     "chatcmpl-"
#define NGX_HTTP_ASGARD_ANTHROPIC_USAGE  512   /* its object, at most */


static void ngx_http_asgard_anthropic_rewrite(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model, asg_anthropic_rewrite_t *rewrite);
static ngx_int_t ngx_http_asgard_anthropic_show(ngx_http_asgard_attempt_t *a,
    asg_str_t shown, asg_anthropic_show_t *show);
static void ngx_http_asgard_anthropic_told(void *data,
    const asg_anthropic_usage_t *usage);
static int ngx_http_asgard_anthropic_append(void *data, const char *bytes,
    size_t len);
static ngx_http_asgard_room_t *ngx_http_asgard_anthropic_alloc(
    ngx_http_asgard_ctx_t *ctx, size_t size, ngx_uint_t sent);
static void ngx_http_asgard_anthropic_cleanup(void *data);


/* Memory for what was translated.  That of a request counts in its project's
 * share as its body does, that of an answer for all, as any answer. */
struct ngx_http_asgard_room_s {
    u_char                    *data;
    size_t                     size;          /* 0: it was given back */
    ngx_uint_t                 share;
    ngx_uint_t                 sent;          /* unsigned, 0 or 1: a request */
};


/* For a whole document within one call: no state is kept between two. */
static asg_json_t  ngx_http_asgard_anthropic_json;


ngx_uint_t
ngx_http_asgard_anthropic_speaks(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model)
{
    const asg_endpoint_t  *e;

    e = &ctx->snapshot->catalog.endpoints[model->endpoint];

    return e->kind == ASG_KIND_ANTHROPIC
           && !ngx_http_asgard_route_is_messages(ctx);
}


ngx_uint_t
ngx_http_asgard_translates(ngx_http_asgard_attempt_t *a)
{
    return ngx_http_asgard_anthropic_speaks(a->ctx, a->model);
}


static void
ngx_http_asgard_anthropic_rewrite(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model, asg_anthropic_rewrite_t *rewrite)
{
    const asg_endpoint_t  *e;

    e = &ctx->snapshot->catalog.endpoints[model->endpoint];

    ngx_memzero(rewrite, sizeof(asg_anthropic_rewrite_t));

    rewrite->model = model->served;
    rewrite->max_tokens = ngx_http_asgard_policy_output(ctx, model);
    rewrite->refuse_unsupported = e->refuse_unsupported;
    rewrite->structured = model->structured_output;

    if (model->send_user) {
        rewrite->user = asg_str_z(ctx->project->project_id);
    }
}


ngx_uint_t
ngx_http_asgard_anthropic_takes(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model, asg_refusal_t *why)
{
    asg_refusal_t            refusal;
    asg_anthropic_rewrite_t  rewrite;

    if (!ngx_http_asgard_anthropic_speaks(ctx, model)
        || ctx->translatable == model)
    {
        return 1;
    }

    ngx_http_asgard_anthropic_rewrite(ctx, model, &rewrite);

    if (asg_anthropic_request(ctx->parsed, &rewrite, NULL, NULL,
                              &ctx->translated_len, why ? why : &refusal)
        != ASG_OK)
    {
        ctx->translatable = NULL;
        return 0;
    }

    /* asked again and again for the same model: of the hold, of each try */
    ctx->translatable = model;

    return 1;
}


ngx_int_t
ngx_http_asgard_anthropic_body(ngx_http_asgard_attempt_t *a,
    asg_splice_t *splice)
{
    uint64_t                 length;
    asg_buf_t                out;
    asg_refusal_t            why;
    asg_anthropic_rewrite_t  rewrite;

    if (a->translated_model != a->model) {

        if (!ngx_http_asgard_anthropic_takes(a->ctx, a->model, &why)) {
            a->answer.reason = why.reason;
            return NGX_ERROR;
        }

        ngx_http_asgard_anthropic_rewrite(a->ctx, a->model, &rewrite);
        length = a->ctx->translated_len;

        /* what another candidate was sent */
        ngx_http_asgard_anthropic_drop(a);

        a->room = ngx_http_asgard_anthropic_alloc(a->ctx, (size_t) length, 1);

        if (a->room == NULL) {
            a->answer.reason = ASG_REASON_OVERLOADED;
            return NGX_ERROR;
        }

        asg_buf_init(&out, (char *) a->room->data, (size_t) length);

        if (asg_anthropic_request(a->ctx->parsed, &rewrite,
                                  ngx_http_asgard_anthropic_append, &out,
                                  &length, &why)
            != ASG_OK)
        {
            return NGX_ERROR;
        }

        a->translated_model = a->model;
        a->translated = asg_buf_view(&out);
    }

    splice->piece[0] = a->translated;
    splice->npieces = 1;
    splice->length = a->translated.len;

    return NGX_OK;
}


static int
ngx_http_asgard_anthropic_append(void *data, const char *bytes, size_t len)
{
    asg_buf_put(data, bytes, len);

    return asg_buf_ok(data) ? 0 : 1;
}


static ngx_int_t
ngx_http_asgard_anthropic_charge(ngx_http_asgard_ctx_t *ctx,
    ngx_http_asgard_room_t *room)
{
    size_t                        max;
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_asgard_module);
    max = amcf->body_memory;

    return room->sent
           ? ngx_http_asgard_share_body_charge(room->share, ctx->body_charged,
                                               room->size, max)
           : ngx_http_asgard_zone_body_charge(room->size, max);
}


static void
ngx_http_asgard_anthropic_release(ngx_http_asgard_room_t *room)
{
    if (room->sent) {
        ngx_http_asgard_share_body_release(room->share, room->size);

    } else {
        ngx_http_asgard_zone_body_release(room->size);
    }

    room->size = 0;
}


/* Lives as long as the request, if it is not dropped before. */

static ngx_http_asgard_room_t *
ngx_http_asgard_anthropic_alloc(ngx_http_asgard_ctx_t *ctx, size_t size,
    ngx_uint_t sent)
{
    ngx_pool_cleanup_t      *cln;
    ngx_http_asgard_room_t  *room;

    cln = ngx_pool_cleanup_add(ctx->request->pool,
                               sizeof(ngx_http_asgard_room_t));
    if (cln == NULL) {
        return NULL;
    }

    room = cln->data;
    room->size = size;
    room->sent = sent;
    room->share = ngx_http_asgard_share(ctx);

    if (ngx_http_asgard_anthropic_charge(ctx, room) != NGX_OK) {
        return NULL;
    }

    room->data = ngx_alloc(size, ctx->request->connection->log);

    if (room->data == NULL) {
        ngx_http_asgard_anthropic_release(room);
        return NULL;
    }

    cln->handler = ngx_http_asgard_anthropic_cleanup;

    return room;
}


static void
ngx_http_asgard_anthropic_cleanup(void *data)
{
    ngx_http_asgard_room_t *room = data;

    if (room->size) {
        ngx_free(room->data);
        ngx_http_asgard_anthropic_release(room);
    }
}


void
ngx_http_asgard_anthropic_drop(ngx_http_asgard_attempt_t *a)
{
    if (a->room) {
        ngx_http_asgard_anthropic_cleanup(a->room);
        a->room = NULL;
    }

    a->translated_model = NULL;
    a->translated = ASG_STR_NULL;
}


/* The message's own id would tell whose it is. */

static ngx_int_t
ngx_http_asgard_anthropic_show(ngx_http_asgard_attempt_t *a, asg_str_t shown,
    asg_anthropic_show_t *show)
{
    u_char  *p, *id;
    size_t   len;

    len = sizeof(NGX_HTTP_ASGARD_ANTHROPIC_ID) - 1 + a->ctx->trace_len;

    id = ngx_pnalloc(a->ctx->request->pool, len);
    if (id == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(id, NGX_HTTP_ASGARD_ANTHROPIC_ID,
                   sizeof(NGX_HTTP_ASGARD_ANTHROPIC_ID) - 1);
    ngx_memcpy(p, a->ctx->trace, a->ctx->trace_len);

    show->model = shown;
    show->id.data = (const char *) id;
    show->id.len = len;
    show->created = ngx_time();
    show->include_usage = true;         /* for the meter, which hides it */

    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_anthropic_answer(ngx_http_asgard_attempt_t *a,
    asg_str_t shown)
{
    uint64_t                   length;
    asg_buf_t                  out;
    asg_str_t                  body;
    asg_anthropic_show_t       show;
    ngx_http_asgard_room_t    *room;
    ngx_http_asgard_answer_t  *answer;

    answer = &a->answer;

    body.data = (const char *) answer->body;
    body.len = answer->len;

    if (ngx_http_asgard_anthropic_show(a, shown, &show) != NGX_OK) {
        return NGX_ERROR;
    }

    if (asg_anthropic_answer(&ngx_http_asgard_anthropic_json, ngx_random(),
                             body, &show, NULL, NULL, &length)
        != ASG_OK)
    {
        return NGX_DECLINED;
    }

    room = ngx_http_asgard_anthropic_alloc(a->ctx, (size_t) length, 0);

    if (room == NULL) {
        answer->reason = ASG_REASON_OVERLOADED;
        return NGX_ERROR;
    }

    asg_buf_init(&out, (char *) room->data, (size_t) length);

    if (asg_anthropic_answer(&ngx_http_asgard_anthropic_json, ngx_random(),
                             body, &show, ngx_http_asgard_anthropic_append,
                             &out, &length)
        != ASG_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_asgard_answer_drop(answer);

    answer->body = (u_char *) out.data;
    answer->len = out.len;

    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_anthropic_stream_start(ngx_http_asgard_attempt_t *a,
    asg_str_t shown)
{
    char                  *event;
    ngx_pool_t            *pool;
    asg_anthropic_show_t   show;

    pool = a->ctx->request->pool;

    /* of the room for an event no more becomes resident than events need */

    a->messages = ngx_palloc(pool, sizeof(asg_anthropic_stream_t));
    event = ngx_palloc(pool, ASG_ANTHROPIC_EVENT);

    if (a->messages == NULL || event == NULL
        || ngx_http_asgard_anthropic_show(a, shown, &show) != NGX_OK)
    {
        return NGX_ERROR;
    }

    asg_anthropic_stream_init(a->messages, &ngx_http_asgard_anthropic_json,
                              ngx_random(), &show, event);
    a->messages->told = ngx_http_asgard_anthropic_told;
    a->messages->told_data = a;

    return NGX_OK;
}


/* A stream that breaks has told what the prompt cost. */

static void
ngx_http_asgard_anthropic_told(void *data, const asg_anthropic_usage_t *usage)
{
    ngx_http_asgard_attempt_t *a = data;

    char        text[NGX_HTTP_ASGARD_ANTHROPIC_USAGE];
    asg_buf_t   out;
    asg_sink_t  sink;

    asg_buf_init(&out, text, sizeof(text));
    asg_sink_init(&sink, ngx_http_asgard_anthropic_append, &out);
    asg_sink_z(&sink, "{\"usage\":");
    asg_anthropic_usage_write(&sink, usage);
    asg_sink_z(&sink, "}");

    if (sink.status == 0) {
        asg_answer_tell(&a->answer.core, asg_buf_view(&out));
    }
}


int
ngx_http_asgard_anthropic_stream_feed(ngx_http_asgard_attempt_t *a,
    const char *bytes, size_t len, asg_emit_pt meter)
{
    int  rc;

    rc = asg_anthropic_stream_feed(a->messages, bytes, len, meter, a);

    /* no error that it told, of which one may believe that nothing was done */

    if (a->messages->is_broken) {
        a->answer.core.usage.malformed = 1;
    }

    return rc;
}


void
ngx_http_asgard_anthropic_refusal(ngx_http_asgard_attempt_t *a,
    asg_str_t body)
{
    size_t                       len;
    asg_anthropic_error_t        error;
    ngx_http_asgard_response_t  *resp;

    resp = &a->response;

    asg_anthropic_error(&ngx_http_asgard_anthropic_json, ngx_random(),
                        (unsigned) a->status, body, &error);

    a->said = error.reason;
    len = ngx_strlen(error.request_id);

    if (resp->rid_len == 0 && len <= NGX_HTTP_ASGARD_RID_MAX) {
        ngx_memcpy(resp->rid, error.request_id, len);
        resp->rid_len = len;
    }
}
