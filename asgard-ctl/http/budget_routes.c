/*
 * /api/projects/{id}/budgets and /usage.
 */
#include "http/handlers.h"

#include <string.h>

#include "core/window.h"
#include "http/budget_json.h"
#include "http/json_in.h"
#include "http/json_out.h"
#include "ops/project.h"
#include "ops/usage.h"


static bool
project_budget(struct ctl_request *rq, const char **budget_id,
    struct ctl_error *e)
{
    struct ctl_project project;

    if (!ctl_project_get(rq->worker->pg, &rq->worker->arena, rq->param[0],
                         &project, e))
    {
        return false;
    }
    *budget_id = ctl_arena_printf(&rq->worker->arena, "p.%s", project.id);

    return *budget_id != NULL || ctl_error_internal(e, "out of memory");
}


/* `total` has no period that could follow a zone. */
static void
zone_or_null(cJSON *o, const char *window, const char *zone)
{
    if (strcmp(window, "total") == 0) {
        cJSON_AddNullToObject(o, "zone");
    } else {
        ctl_out_text(o, "zone", zone);
    }
}


static bool
send_budgets(struct ctl_request *rq, struct ctl_answer *an,
    const char *budget_id, struct ctl_error *e)
{
    struct ctl_budget_list list;
    cJSON *tree, *items, *item;
    unsigned i;

    if (!ctl_budget_read(rq->worker->pg, &rq->worker->arena, budget_id, &list,
                         e))
    {
        return false;
    }
    tree = cJSON_CreateObject();
    items = cJSON_AddArrayToObject(tree, "budgets");
    for (i = 0; i < list.n; i++) {
        item = cJSON_CreateObject();
        ctl_out_text(item, "window", list.windows[i].name);
        zone_or_null(item, list.windows[i].name, list.windows[i].zone);
        if (list.windows[i].unlimited) {
            cJSON_AddNullToObject(item, "limit_usd");
        } else {
            ctl_out_usd(item, "limit_usd", list.windows[i].limit_nusd);
        }
        cJSON_AddItemToArray(items, item);
    }

    return ctl_out_send(rq, an, 200, tree, e);
}


CTL_HANDLER(ctl_http_budget_get)
{
    const char *budget_id;

    return project_budget(rq, &budget_id, e)
           && send_budgets(rq, an, budget_id, e);
}


CTL_HANDLER(ctl_http_budget_put)
{
    asg_str_t raw = ASG_STR_NULL;
    struct ctl_budget_list list;
    const char *budget_id;
    const struct ctl_json_field fields[] = {
        {"budgets", CTL_JSON_RAW, true, 0, &raw},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(rq->body, fields, &rq->worker->arena, e)
           && ctl_budget_json_read(raw, &rq->worker->arena, &list, e)
           && project_budget(rq, &budget_id, e)
           && ctl_budget_replace(rq->change, budget_id, &list, e)
           && send_budgets(rq, an, budget_id, e);
}


static void
time_or_null(cJSON *o, const char *name, int64_t at)
{
    char text[24];

    if (at == 0) {
        cJSON_AddNullToObject(o, name);
        return;
    }
    asg_time_rfc3339(at, text);
    ctl_out_text(o, name, text);
}


static cJSON *
window_json(const struct ctl_usage_window *w)
{
    cJSON *o = cJSON_CreateObject();

    ctl_out_text(o, "scope", w->scope);
    ctl_out_text(o, "scope_id", w->scope_id);
    ctl_out_text(o, "window", w->window);
    zone_or_null(o, w->window, w->zone);
    time_or_null(o, "starts_at", w->starts_at);
    time_or_null(o, "resets_at", w->resets_at);
    if (w->unlimited) {
        cJSON_AddNullToObject(o, "limit_usd");
    } else {
        ctl_out_usd(o, "limit_usd", w->limit_nusd);
    }
    ctl_out_usd(o, "spent_usd", w->spent_nusd);
    ctl_out_usd(o, "held_usd", w->held_nusd);
    if (w->unlimited) {
        cJSON_AddNullToObject(o, "free_usd");
    } else {
        ctl_out_usd(o, "free_usd",
                    w->limit_nusd - w->spent_nusd - w->held_nusd);
    }

    return o;
}


CTL_HANDLER(ctl_http_usage)
{
    struct ctl_usage usage;
    cJSON *tree, *items;
    unsigned i;

    if (!ctl_usage_read(rq->worker->pg, rq->worker->redis, &rq->worker->arena,
                        rq->param[0], &usage, e))
    {
        return false;
    }
    tree = cJSON_CreateObject();
    ctl_out_text(tree, "project_id", rq->param[0]);
    ctl_out_usd(tree, "spent_usd", usage.spent_nusd);
    ctl_out_usd(tree, "held_usd", usage.held_nusd);
    items = cJSON_AddArrayToObject(tree, "windows");
    for (i = 0; i < usage.nwindows; i++) {
        cJSON_AddItemToArray(items, window_json(&usage.windows[i]));
    }

    return ctl_out_send(rq, an, 200, tree, e);
}
