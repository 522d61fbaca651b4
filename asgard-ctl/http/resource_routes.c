/*
 * /api/projects/{id}/resources: ask for, list, look at, end.
 */
#include "http/handlers.h"

#include <stdlib.h>

#include "http/ask_json.h"
#include "http/json_in.h"
#include "http/json_out.h"
#include "http/query.h"
#include "ops/resource_link.h"
#include "ops/resource_work.h"
#include "ops/secret_rotate.h"


/* Not measured is null: only what is charged is known to cost something. */
static void
put_usd(cJSON *o, const char *name, const char *nusd)
{
    if (nusd != NULL) {
        ctl_out_usd(o, name, strtoll(nusd, NULL, 10));
    } else {
        cJSON_AddNullToObject(o, name);
    }
}


static cJSON *
resource_json(const struct ctl_resource *r)
{
    cJSON *o = cJSON_CreateObject();

    ctl_out_text(o, "id", r->id);
    ctl_out_text(o, "project_id", r->project_id);
    ctl_out_text(o, "name", r->name);
    ctl_out_text(o, "rtype", r->rtype);
    ctl_out_text(o, "state", r->state_name);
    cJSON_AddBoolToObject(o, "dry_run", r->dry_run);
    ctl_out_text(o, "backend", r->backend);
    ctl_out_raw(o, "spec", r->spec);
    ctl_out_raw(o, "outputs", r->outputs);
    ctl_out_raw(o, "tags", r->tags);
    put_usd(o, "est_monthly_usd", r->est_monthly_nusd);
    put_usd(o, "actual_usd", r->actual_nusd);
    ctl_out_text(o, "request_id", r->request_id);
    ctl_out_text(o, "error", r->error);
    ctl_out_raw(o, "attempts", r->attempts);
    ctl_out_text(o, "next_retry_at", r->next_retry_at);
    cJSON_AddBoolToObject(o, "needs_attention", r->needs_attention);
    ctl_out_raw(o, "generation", r->generation);
    ctl_out_text(o, "cost_source", r->cost_source);
    ctl_out_text(o, "note", r->note);
    ctl_out_text(o, "created_at", r->created_at);
    ctl_out_text(o, "updated_at", r->updated_at);

    return o;
}


/* {request, pending_approval, <name>: the resource, once there is one}. */
static bool
send_asked(struct ctl_request *rq, struct ctl_answer *an,
    const struct ctl_ask *ask, const char *name, int done_status,
    struct ctl_error *e)
{
    bool pending = ctl_ask_is_open(ask->state), found = false;
    struct ctl_resource r;
    cJSON *tree;

    if (!pending && !ctl_resource_of_ask(rq->worker->pg, &rq->worker->arena,
                                         ask, &r, &found, e))
    {
        return false;
    }
    tree = cJSON_CreateObject();
    cJSON_AddItemToObject(tree, "request", ctl_ask_json(ask));
    cJSON_AddBoolToObject(tree, "pending_approval", pending);
    if (found) {
        cJSON_AddItemToObject(tree, name, resource_json(&r));
    }

    return ctl_out_send(rq, an, pending ? 202 : done_status, tree, e);
}


CTL_HANDLER(ctl_http_resource_ask)
{
    struct ctl_resource_wish wish = {.project_id = rq->param[0],
                                     .spec = "{}"};
    struct ctl_decision decision;
    struct ctl_error refusal;
    struct ctl_ask ask;
    const char *reason = NULL;
    bool again;
    const struct ctl_json_field fields[] = {
        {"resource_type", CTL_JSON_TEXT, true, 63, &wish.rtype},
        {"name", CTL_JSON_NAME, true, CTL_RESOURCE_NAME_MAX, &wish.name},
        {"spec", CTL_JSON_OBJECT, false, CTL_RESOURCE_SPEC_MAX, &wish.spec},
        {"reason", CTL_JSON_TEXT, false, CTL_ASK_REASON_MAX, &reason},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    if (!ctl_json_read(rq->body, fields, &rq->worker->arena, e)
        || !ctl_resource_ask(rq->change, rq->worker->config, &rq->who, &wish,
                             reason, &ask, &again, &decision, e))
    {
        return false;
    }
    if (decision.effect == CTL_EFFECT_DENY) {
        ctl_error_clear(&refusal);      /* the refused request is kept */
        ctl_resource_denied(&decision, &refusal);
        ctl_route_refuse(rq, &refusal, an);
        return true;
    }

    return send_asked(rq, an, &ask, "provisioned", again ? 200 : 201, e);
}


CTL_HANDLER(ctl_http_resource_link)
{
    struct ctl_resource_link link = {.project_id = rq->param[0],
                                     .outputs = "{}", .tags = "{}"};
    struct ctl_json_usd estimate = {.given = false};
    struct ctl_resource r;
    bool again;
    const struct ctl_json_field fields[] = {
        {"resource_type", CTL_JSON_TEXT, true, 63, &link.rtype},
        {"name", CTL_JSON_NAME, true, CTL_RESOURCE_NAME_MAX, &link.name},
        {"reference", CTL_JSON_TEXT, true, CTL_LINK_REFERENCE_MAX,
            &link.reference},
        {"outputs", CTL_JSON_OBJECT, false, CTL_LINK_VALUES_MAX,
            &link.outputs},
        {"tags", CTL_JSON_OBJECT, false, CTL_LINK_VALUES_MAX, &link.tags},
        {"est_monthly_usd", CTL_JSON_USD, false, 0, &estimate},
        {"cost_source", CTL_JSON_TEXT, false, 100, &link.cost_source},
        {"note", CTL_JSON_TEXT, false, CTL_LINK_NOTE_MAX, &link.note},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    if (!ctl_json_read(rq->body, fields, &rq->worker->arena, e)) {
        return false;
    }
    link.has_estimate = estimate.given && !estimate.null;
    link.est_monthly_nusd = estimate.nusd;

    return ctl_resource_link(rq->change, &link, &r, &again, e)
           && ctl_out_send(rq, an, again ? 200 : 201, resource_json(&r), e);
}


CTL_HANDLER(ctl_http_resource_list)
{
    struct ctl_query_page page;
    struct ctl_resource *list;
    unsigned n, i;
    bool more;
    cJSON *tree, *items;

    if (!ctl_query_page_read(rq, CTL_RESOURCE_CURSOR, &page, e)
        || !ctl_resource_list(rq->worker->pg, &rq->worker->arena,
                              rq->param[0], page.after, page.limit, &list, &n,
                              &more, e))
    {
        return false;
    }
    tree = cJSON_CreateObject();
    items = cJSON_AddArrayToObject(tree, "resources");
    for (i = 0; i < n; i++) {
        cJSON_AddItemToArray(items, resource_json(&list[i]));
    }
    ctl_out_text(tree, "next_cursor", more ? list[n - 1].number : NULL);

    return ctl_out_send(rq, an, 200, tree, e);
}


CTL_HANDLER(ctl_http_resource_get)
{
    struct ctl_resource r;

    return ctl_resource_get(rq->worker->pg, &rq->worker->arena, rq->param[0],
                            rq->param[1], &r, e)
           && ctl_out_send(rq, an, 200, resource_json(&r), e);
}


/* The resource as it is then, whoever made it. */
CTL_HANDLER(ctl_http_resource_end)
{
    struct ctl_resource r;
    struct ctl_ask ask;
    const char *reason = NULL;
    bool again, pending;
    cJSON *tree;
    const struct ctl_json_field fields[] = {
        {"reason", CTL_JSON_TEXT, false, CTL_ASK_REASON_MAX, &reason},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    if (!ctl_json_read(rq->body, fields, &rq->worker->arena, e)
        || !ctl_resource_unask(rq->change, &rq->who, rq->param[0],
                               rq->param[1], reason, &ask, &again, e)
        || !ctl_resource_get(rq->worker->pg, &rq->worker->arena,
                             rq->param[0], rq->param[1], &r, e))
    {
        return false;
    }
    pending = ctl_ask_is_open(ask.state);
    tree = cJSON_CreateObject();
    cJSON_AddItemToObject(tree, "request", ctl_ask_json(&ask));
    cJSON_AddBoolToObject(tree, "pending_approval", pending);
    cJSON_AddItemToObject(tree, "resource", resource_json(&r));

    return ctl_out_send(rq, an, pending ? 202 : 200, tree, e);
}


CTL_HANDLER(ctl_http_secret_rotate)
{
    struct ctl_resource r;
    const char *reason = NULL;
    const struct ctl_json_field fields[] = {
        {"reason", CTL_JSON_TEXT, false, CTL_ASK_REASON_MAX, &reason},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(rq->body, fields, &rq->worker->arena, e)
           && ctl_secret_rotate(rq->change, rq->param[0], rq->param[1],
                                reason, &r, e)
           && ctl_out_send(rq, an, 202, resource_json(&r), e);
}


CTL_HANDLER(ctl_http_resource_retry)
{
    struct ctl_resource r;
    const char *reason = NULL;
    const struct ctl_json_field fields[] = {
        {"reason", CTL_JSON_TEXT, false, CTL_ASK_REASON_MAX, &reason},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(rq->body, fields, &rq->worker->arena, e)
           && ctl_resource_retry(rq->change, rq->param[0], rq->param[1],
                                 reason, &r, e)
           && ctl_out_send(rq, an, 200, resource_json(&r), e);
}
