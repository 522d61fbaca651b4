/*
 * /api/budgets, /api/projects/{id}/budgets and /usage.
 */
#include "http/handlers.h"

#include <string.h>

#include "core/rkey.h"
#include "core/window.h"
#include "http/budget_json.h"
#include "http/gate.h"
#include "http/json_in.h"
#include "http/json_out.h"
#include "http/project_json.h"
#include "http/query.h"
#include "ops/usage.h"


static bool
project_budget(struct ctl_request *rq, const char **budget_id,
    struct ctl_error *e)
{
    struct ctl_budget_scope found;

    if (!ctl_budget_scope_find(rq->worker->pg, &rq->worker->arena, "project",
                               rq->param[0], &found, e))
    {
        return false;
    }
    *budget_id = found.budget_id;

    return true;
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
budget_json(const struct ctl_budget_window *w)
{
    cJSON *o = cJSON_CreateObject();

    ctl_out_text(o, "window", w->name);
    zone_or_null(o, w->name, w->zone);
    if (w->unlimited) {
        cJSON_AddNullToObject(o, "limit_usd");
    } else {
        ctl_out_usd(o, "limit_usd", w->limit_nusd);
    }
    ctl_out_int(o, "soft_pct", w->soft_pct);
    if (w->increase_nusd > 0) {
        ctl_out_usd(o, "increase_usd", w->increase_nusd);
        time_or_null(o, "increase_until", w->increase_until);
    }

    return o;
}


/* budget_id NULL: an empty list.  scope NULL: what is in the path. */
static bool
send_budgets(struct ctl_request *rq, struct ctl_answer *an,
    const char *budget_id, const char *scope, const char *scope_id,
    struct ctl_error *e)
{
    struct ctl_budget_list list = {.n = 0};
    cJSON *tree, *items;
    unsigned i;

    if (budget_id != NULL
        && !ctl_budget_read(rq->worker->pg, &rq->worker->arena, budget_id,
                            &list, e))
    {
        return false;
    }
    tree = cJSON_CreateObject();
    if (scope != NULL) {
        ctl_out_text(tree, "scope", scope);
        ctl_out_text(tree, "scope_id", scope_id);
    }
    items = cJSON_AddArrayToObject(tree, "budgets");
    for (i = 0; i < list.n; i++) {
        cJSON_AddItemToArray(items, budget_json(&list.windows[i]));
    }
    if (rq->change != NULL && rq->change->review != NULL) {
        ctl_review_json_add(rq, tree, "budget_review");
    }

    return ctl_out_send(rq, an, 200, tree, e);
}


CTL_HANDLER(ctl_http_budget_get)
{
    const char *budget_id;

    return project_budget(rq, &budget_id, e)
           && send_budgets(rq, an, budget_id, NULL, NULL, e);
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
           && send_budgets(rq, an, budget_id, NULL, NULL, e);
}


static bool
needs(const char *value, const char *name, struct ctl_error *e)
{
    return value != NULL
           || ctl_error_field(e, "missing_field", name, "%s is required.",
                              name);
}


/* In an address, which logs keep, an end user has its id. */
static bool
is_no_name(const char *scope, const char *scope_id, struct ctl_error *e)
{
    return strcmp(scope, "end_user") != 0
           || ctl_budget_scope_is_public(scope_id)
           || ctl_error_field(e, "invalid_value", "scope_id", "scope_id must "
                              "be a project's id, a slash, and * or the id of "
                              "an end user (eu_...); a name belongs into no "
                              "address.");
}


CTL_HANDLER(ctl_http_scope_budget_get)
{
    const char *scope = NULL, *scope_id = NULL;
    struct ctl_budget_scope found;
    const struct ctl_query_field fields[] = {
        {"scope", &scope}, {"scope_id", &scope_id}, {NULL, NULL}
    };

    return ctl_query_read(rq, fields, e)
           && needs(scope, "scope", e) && needs(scope_id, "scope_id", e)
           && is_no_name(scope, scope_id, e)
           && ctl_gate_scope(rq, scope, scope_id, false, &found, e)
           && send_budgets(rq, an, found.budget_id, scope, scope_id, e);
}


/* In a body an end user may have its name; from here it has its id. */
static bool
user_hide(struct ctl_request *rq, const char *scope, const char **scope_id,
    struct ctl_error *e)
{
    if (strcmp(scope, "end_user") != 0) {
        return true;
    }

    return ctl_budget_scope_of_user(&rq->worker->arena, rq->worker->peppers,
                                    scope_id, e);
}


CTL_HANDLER(ctl_http_scope_budget_put)
{
    const char *scope = NULL, *scope_id = NULL;
    asg_str_t raw = ASG_STR_NULL;
    struct ctl_arena *arena = &rq->worker->arena;
    struct ctl_budget_scope found;
    struct ctl_budget_list list;
    const struct ctl_json_field fields[] = {
        {"scope", CTL_JSON_TEXT, true, 16, &scope},
        {"scope_id", CTL_JSON_TEXT, true, CTL_BUDGET_SCOPE_ID_MAX, &scope_id},
        {"budgets", CTL_JSON_RAW, true, 0, &raw},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(rq->body, fields, arena, e)
           && ctl_budget_json_read(raw, arena, &list, e)
           && user_hide(rq, scope, &scope_id, e)
           && ctl_gate_scope(rq, scope, scope_id, true, &found, e)
           && ctl_budget_scope_set(rq->change, &found, &list, e)
           && send_budgets(rq, an, found.budget_id, scope, scope_id, e);
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
