
/*
 * The lists of models.
 */

#include "ngx_http_asgard_models.h"

#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_error.h"
#include "ngx_http_asgard_policy.h"
#include "ngx_http_asgard_snapshot.h"


#define NGX_HTTP_ASGARD_MODEL_FIXED  160     /* of an entry, but its names */


static ngx_int_t ngx_http_asgard_models_send(ngx_http_request_t *r,
    asg_buf_t *body);
static ngx_int_t ngx_http_asgard_models_one(ngx_http_asgard_ctx_t *ctx);
static ngx_int_t ngx_http_asgard_models_list(ngx_http_asgard_ctx_t *ctx);


ngx_int_t
ngx_http_asgard_models_handler(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_http_asgard_ctx_t  *ctx;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx = ngx_http_asgard_ctx(r);

    if (ctx == NULL || ctx->snapshot == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return (ctx->route == NGX_HTTP_ASGARD_ROUTE_MODEL)
           ? ngx_http_asgard_models_one(ctx)
           : ngx_http_asgard_models_list(ctx);
}


/* `owned_by` names the provider only where backends may be seen at all. */

static asg_str_t
ngx_http_asgard_models_owner(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model)
{
    ngx_http_asgard_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_asgard_module);

    return alcf->expose_backend ? model->provider : ASG_STR("asgard");
}


static void
ngx_http_asgard_models_entry(ngx_http_asgard_ctx_t *ctx, asg_buf_t *out,
    const asg_public_name_t *name)
{
    const asg_model_t  *model;

    model = &ctx->snapshot->catalog.models[name->candidates[0]];

    asg_buf_z(out, "{\"id\":");
    asg_buf_json(out, name->name);
    asg_buf_z(out, ",\"object\":\"model\",\"created\":");
    asg_buf_i64(out, model->created);
    asg_buf_z(out, ",\"owned_by\":");
    asg_buf_json(out, ngx_http_asgard_models_owner(ctx, model));
    asg_buf_z(out, "}");
}


static size_t
ngx_http_asgard_models_room(ngx_http_asgard_ctx_t *ctx,
    const asg_public_name_t *name)
{
    const asg_model_t  *model;

    model = &ctx->snapshot->catalog.models[name->candidates[0]];

    /* a byte may become an escape of six */

    return NGX_HTTP_ASGARD_MODEL_FIXED
           + 6 * (name->name.len + model->provider.len);
}


static ngx_int_t
ngx_http_asgard_models_one(ngx_http_asgard_ctx_t *ctx)
{
    char                     *text;
    size_t                    room;
    asg_buf_t                 out;
    ngx_str_t                 param = ngx_string("model");
    const asg_public_name_t  *name;

    name = asg_catalog_find(&ctx->snapshot->catalog,
                            ngx_http_asgard_str(&ctx->model_id));

    if (name == NULL || name->ncandidates == 0
        || !ngx_http_asgard_policy_grants(ctx, name))
    {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_MODEL_NOT_FOUND, &param);
    }

    room = ngx_http_asgard_models_room(ctx, name);

    text = ngx_pnalloc(ctx->request->pool, room);
    if (text == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    asg_buf_init(&out, text, room);
    ngx_http_asgard_models_entry(ctx, &out, name);

    return ngx_http_asgard_models_send(ctx->request, &out);
}


static ngx_uint_t
ngx_http_asgard_models_listed(ngx_http_asgard_ctx_t *ctx,
    const asg_public_name_t *name)
{
    return !name->ref && !name->hidden && name->ncandidates
           && ngx_http_asgard_policy_grants(ctx, name);
}


static ngx_int_t
ngx_http_asgard_models_list(ngx_http_asgard_ctx_t *ctx)
{
    char           *text;
    size_t          room;
    unsigned        i, n;
    asg_buf_t       out;
    asg_catalog_t  *catalog;

    catalog = &ctx->snapshot->catalog;
    room = NGX_HTTP_ASGARD_MODEL_FIXED;

    for (i = 0; i < catalog->nnames; i++) {
        if (ngx_http_asgard_models_listed(ctx, &catalog->names[i])) {
            room += ngx_http_asgard_models_room(ctx, &catalog->names[i]);
        }
    }

    text = ngx_pnalloc(ctx->request->pool, room);
    if (text == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    asg_buf_init(&out, text, room);
    asg_buf_z(&out, "{\"object\":\"list\",\"data\":[");

    for (i = 0, n = 0; i < catalog->nnames; i++) {
        if (!ngx_http_asgard_models_listed(ctx, &catalog->names[i])) {
            continue;
        }

        if (n++) {
            asg_buf_z(&out, ",");
        }

        ngx_http_asgard_models_entry(ctx, &out, &catalog->names[i]);
    }

    asg_buf_z(&out, "]}");

    return ngx_http_asgard_models_send(ctx->request, &out);
}


static ngx_int_t
ngx_http_asgard_models_send(ngx_http_request_t *r, asg_buf_t *body)
{
    ngx_str_t                 type = ngx_string("application/json");
    ngx_http_complex_value_t  cv;

    if (!asg_buf_ok(body)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value.data = (u_char *) body->data;
    cv.value.len = body->len;

    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);
}
