
/*
 * The lists of models.
 */

#include "ngx_http_asgard_models.h"

#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_error.h"
#include "ngx_http_asgard_policy.h"
#include "ngx_http_asgard_snapshot.h"


#define NGX_HTTP_ASGARD_MODEL_FIXED  160     /* of an entry, but its names */


/* Names of their own that are still to be told. */
typedef struct {
    asg_str_t  key;
    asg_str_t  project;
} ngx_http_asgard_models_names_t;


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


/* `id`: as who asks calls it. */

static void
ngx_http_asgard_models_entry(ngx_http_asgard_ctx_t *ctx, asg_buf_t *out,
    asg_str_t id, const asg_public_name_t *name)
{
    const asg_model_t  *model;

    model = &ctx->snapshot->catalog.models[name->candidates[0]];

    asg_buf_z(out, "{\"id\":");
    asg_buf_json(out, id);
    asg_buf_z(out, ",\"object\":\"model\",\"created\":");
    asg_buf_i64(out, model->created);
    asg_buf_z(out, ",\"owned_by\":");
    asg_buf_json(out, ngx_http_asgard_models_owner(ctx, model));
    asg_buf_z(out, "}");
}


static size_t
ngx_http_asgard_models_room(ngx_http_asgard_ctx_t *ctx, asg_str_t id,
    const asg_public_name_t *name)
{
    const asg_model_t  *model;

    model = &ctx->snapshot->catalog.models[name->candidates[0]];

    /* a byte may become an escape of six */

    return NGX_HTTP_ASGARD_MODEL_FIXED
           + 6 * (id.len + model->provider.len);
}


static ngx_int_t
ngx_http_asgard_models_one(ngx_http_asgard_ctx_t *ctx)
{
    char                     *text;
    size_t                    room;
    asg_buf_t                 out;
    asg_str_t                 id, own;
    ngx_str_t                 param = ngx_string("model");
    const asg_public_name_t  *name;

    id = ngx_http_asgard_str(&ctx->model_id);
    own = asg_record_alias(ctx->key, ctx->project, id);

    ctx->asked = ctx->model_id;
    name = asg_catalog_find(&ctx->snapshot->catalog, own.data ? own : id);

    if (name == NULL || name->ncandidates == 0
        || !ngx_http_asgard_policy_grants(ctx, name))
    {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_MODEL_NOT_FOUND, &param);
    }

    room = ngx_http_asgard_models_room(ctx, id, name);

    text = ngx_pnalloc(ctx->request->pool, room);
    if (text == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    asg_buf_init(&out, text, room);
    ngx_http_asgard_models_entry(ctx, &out, id, name);

    return ngx_http_asgard_models_send(ctx->request, &out);
}


/* One that is hidden, or so called by key or project for something else, is
 * not. */

static ngx_uint_t
ngx_http_asgard_models_listed(ngx_http_asgard_ctx_t *ctx,
    const asg_public_name_t *name)
{
    return !name->ref && !name->hidden && name->ncandidates
           && asg_record_alias(ctx->key, ctx->project,
                               name->name).data == NULL
           && ngx_http_asgard_policy_grants(ctx, name);
}


/* The key's, then those of the project's that are not the key's too. */

static ngx_uint_t
ngx_http_asgard_models_next(ngx_http_asgard_ctx_t *ctx,
    ngx_http_asgard_models_names_t *rest, asg_str_t *own)
{
    asg_str_t  target;

    if (asg_alias_next(&rest->key, own, &target)) {
        return 1;
    }

    while (asg_alias_next(&rest->project, own, &target)) {

        if (asg_alias_find(asg_record_key_aliases(ctx->key), *own).data
            == NULL)
        {
            return 1;
        }
    }

    return 0;
}


/* The next name of key or project, into ctx->asked, and what stands behind it;
 * NULL: there is none any more. */

static const asg_public_name_t *
ngx_http_asgard_models_own(ngx_http_asgard_ctx_t *ctx,
    ngx_http_asgard_models_names_t *rest)
{
    asg_str_t                 own;
    const asg_public_name_t  *name;

    while (ngx_http_asgard_models_next(ctx, rest, &own)) {
        name = asg_catalog_find(&ctx->snapshot->catalog,
                                asg_record_alias(ctx->key, ctx->project, own));

        ctx->asked.data = (u_char *) own.data;
        ctx->asked.len = own.len;

        if (name && ngx_http_asgard_policy_grants(ctx, name)) {
            return name;
        }
    }

    ngx_str_null(&ctx->asked);

    return NULL;
}


/* The bytes of all entries; written when `out` is not NULL. */

static size_t
ngx_http_asgard_models_each(ngx_http_asgard_ctx_t *ctx, asg_buf_t *out)
{
    size_t                    room;
    unsigned                  i, n;
    asg_str_t                 id;
    asg_catalog_t            *catalog;
    const asg_public_name_t  *name;

    ngx_http_asgard_models_names_t  rest;

    room = 0;
    catalog = &ctx->snapshot->catalog;
    rest.key = asg_record_key_aliases(ctx->key);
    rest.project = asg_record_aliases(ctx->project);

    for (i = 0, n = 0; /* void */ ; i++) {

        if (i < catalog->nnames) {
            name = &catalog->names[i];
            id = name->name;

            if (!ngx_http_asgard_models_listed(ctx, name)) {
                continue;
            }

        } else {
            name = ngx_http_asgard_models_own(ctx, &rest);
            if (name == NULL) {
                break;
            }

            id = ngx_http_asgard_str(&ctx->asked);
        }

        room += ngx_http_asgard_models_room(ctx, id, name);

        if (out) {
            asg_buf_z(out, n++ ? "," : "");
            ngx_http_asgard_models_entry(ctx, out, id, name);
        }
    }

    return room;
}


static ngx_int_t
ngx_http_asgard_models_list(ngx_http_asgard_ctx_t *ctx)
{
    char       *text;
    size_t      room;
    asg_buf_t   out;

    room = NGX_HTTP_ASGARD_MODEL_FIXED
           + ngx_http_asgard_models_each(ctx, NULL);

    text = ngx_pnalloc(ctx->request->pool, room);
    if (text == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    asg_buf_init(&out, text, room);
    asg_buf_z(&out, "{\"object\":\"list\",\"data\":[");
    (void) ngx_http_asgard_models_each(ctx, &out);
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
