/*
 * /api/projects/{id}/keys: mint, list, change, revoke.
 */
#include "http/handlers.h"

#include <string.h>

#include <openssl/crypto.h>

#include "core/record.h"
#include "http/budget_json.h"
#include "http/json_in.h"
#include "http/json_out.h"
#include "http/limits_json.h"
#include "http/query.h"
#include "ops/key.h"
#include "ops/project.h"


static cJSON *
minted_json(struct ctl_request *rq, const char *id, const char *prefix,
    const char *key)
{
    cJSON *o = cJSON_CreateObject();

    ctl_out_text(o, "id", id);
    if (key != NULL) {
        ctl_out_text(o, "key", key);
    }
    ctl_out_text(o, "prefix", prefix);
    ctl_out_text(o, "project_id", rq->param[0]);

    return o;
}


/* The key is in this answer and nowhere else: what is stored for a repeated
 * Idempotency-Key has it not. */
static bool
mint(struct ctl_request *rq, const struct ctl_key_input *in,
    struct ctl_answer *an, struct ctl_error *e)
{
    char key[CTL_CREDENTIAL_TEXT];
    const char *id, *prefix;
    bool ok;

    ok = ctl_key_mint(rq->change, rq->worker->peppers, rq->param[0], in, key,
                      &id, &prefix, e);
    if (ok) {
        an->replay = ctl_out_print(&rq->worker->arena,
                                   minted_json(rq, id, prefix, NULL));
        ok = ctl_out_send(rq, an, 201, minted_json(rq, id, prefix, key), e);
    }
    OPENSSL_cleanse(key, sizeof(key));

    return ok;
}


CTL_HANDLER(ctl_http_key_mint)
{
    struct ctl_key_input in = {0};
    struct ctl_json_texts models = {0}, networks = {0};
    struct ctl_budget_list list;
    asg_str_t budgets = ASG_STR_NULL;
    const struct ctl_json_field fields[] = {
        {"name", CTL_JSON_TEXT, true, 200, &in.name},
        {"budgets", CTL_JSON_RAW, false, 0, &budgets},
        {"models", CTL_JSON_TEXTS, false, ASG_RECORD_MODELS_MAX, &models},
        {"expires_at", CTL_JSON_TEXT, false, 40, &in.expires_at},
        {"not_before", CTL_JSON_TEXT, false, 40, &in.not_before},
        {"networks", CTL_JSON_TEXTS, false, ASG_NETWORKS_MAX, &networks},
        {"aliases", CTL_JSON_RAW, false, 0, &in.aliases},
        CTL_LIMIT_FIELDS(in.limits),
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    if (!ctl_json_read(rq->body, fields, &rq->worker->arena, e)
        || !ctl_budget_json_read(budgets, &rq->worker->arena, &list, e))
    {
        return false;
    }
    in.models = models.items;
    in.nmodels = models.n;
    in.networks = (struct ctl_key_networks) {networks.given, networks.items,
                                             networks.n};
    in.budgets = &list;

    return mint(rq, &in, an, e);
}


static cJSON *
key_json(const struct ctl_key *k)
{
    cJSON *o = cJSON_CreateObject();

    ctl_out_text(o, "id", k->id);
    ctl_out_text(o, "name", k->name);
    ctl_out_text(o, "prefix", k->prefix);
    ctl_out_text(o, "created_at", k->created_at);
    ctl_out_text(o, "expires_at", k->expires_at);
    ctl_out_text(o, "not_before", k->not_before);
    cJSON_AddItemToObject(o, "networks", cJSON_Parse(k->networks));
    ctl_out_text(o, "revoked_at", k->revoked_at);
    ctl_out_text(o, "last_used_at", k->last_used_at);
    cJSON_AddItemToObject(o, "aliases", cJSON_Parse(k->aliases));
    ctl_limits_out(o, k->limits);

    return o;
}


CTL_HANDLER(ctl_http_key_list)
{
    struct ctl_query_page page;
    struct ctl_arena *arena = &rq->worker->arena;
    struct ctl_project project;
    struct ctl_key *keys;
    unsigned n, i;
    bool more;
    cJSON *tree, *items;

    if (!ctl_query_page_read(rq, CTL_QUERY_UUID, &page, e)
        || !ctl_project_get(rq->worker->pg, arena, rq->param[0], &project, e)
        || !ctl_key_list(rq->worker->pg, arena, rq->param[0],
                         page.after, page.limit, &keys, &n,
                         &more, e))
    {
        return false;
    }
    tree = cJSON_CreateObject();
    items = cJSON_AddArrayToObject(tree, "keys");
    for (i = 0; i < n; i++) {
        cJSON_AddItemToArray(items, key_json(&keys[i]));
    }
    ctl_out_text(tree, "next_cursor", more ? keys[n - 1].id : NULL);

    return ctl_out_send(rq, an, 200, tree, e);
}


CTL_HANDLER(ctl_http_key_patch)
{
    struct ctl_key_patch patch = {0};
    struct ctl_json_texts networks = {0};
    const struct ctl_json_field fields[] = {
        {"aliases", CTL_JSON_RAW, false, 0, &patch.aliases},
        {"networks", CTL_JSON_TEXTS, false, ASG_NETWORKS_MAX, &networks},
        CTL_LIMIT_FIELDS(patch.limits),
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };
    struct ctl_key key;

    if (!ctl_json_read(rq->body, fields, &rq->worker->arena, e)) {
        return false;
    }
    patch.networks = (struct ctl_key_networks) {networks.given, networks.items,
                                                networks.n};

    return ctl_key_patch(rq->change, rq->param[0], rq->param[1], &patch, e)
           && ctl_key_get(rq->change->pg, &rq->worker->arena, rq->param[0],
                          rq->param[1], &key, e)
           && ctl_out_send(rq, an, 200, key_json(&key), e);
}


CTL_HANDLER(ctl_http_key_revoke)
{
    cJSON *tree;

    if (!ctl_key_revoke(rq->change, rq->param[0], rq->param[1], e)) {
        return false;
    }
    tree = cJSON_CreateObject();
    ctl_out_text(tree, "id", rq->param[1]);
    cJSON_AddBoolToObject(tree, "revoked", true);

    return ctl_out_send(rq, an, 200, tree, e);
}
