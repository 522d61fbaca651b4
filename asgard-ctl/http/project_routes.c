/*
 * /api/projects: register, list, read, patch, kill.
 */
#include "http/handlers.h"

#include <string.h>

#include "http/ask_json.h"
#include "http/gate.h"
#include "http/json_in.h"
#include "http/json_out.h"
#include "http/limits_json.h"
#include "http/project_json.h"
#include "http/query.h"
#include "ops/principal.h"
#include "ops/project.h"


cJSON *
ctl_project_json(const struct ctl_project *p)
{
    cJSON *o = cJSON_CreateObject();

    ctl_out_text(o, "project_id", p->id);
    ctl_out_text(o, "name", p->name);
    ctl_out_text(o, "description", p->description);
    ctl_out_text(o, "owner", p->owner_email);
    ctl_out_text(o, "manager", p->manager_email);
    ctl_out_text(o, "group", p->group);
    ctl_out_text(o, "cost_center", p->cost_center);
    ctl_out_text(o, "classification", p->classification);
    ctl_out_text(o, "data_class", p->data_class);
    ctl_out_text(o, "lifecycle", p->lifecycle);
    cJSON_AddBoolToObject(o, "killed", p->killed);
    if (p->budget_unlimited) {
        cJSON_AddNullToObject(o, "budget_usd");
    } else {
        ctl_out_usd(o, "budget_usd", p->budget_nusd);
    }
    cJSON_AddItemToObject(o, "aliases", cJSON_Parse(p->aliases));
    ctl_out_text(o, "default_backend", p->default_backend);
    cJSON_AddBoolToObject(o, "fit_to_budget", p->fit_to_budget);
    ctl_limits_out(o, p->limits);
    cJSON_AddRawToObject(o, "prices", p->prices);
    cJSON_AddRawToObject(o, "evidence", p->evidence);
    ctl_out_text(o, "review_date", p->review_date);
    ctl_out_text(o, "review_state", p->review_expired ? "expired" : "ok");
    ctl_out_int(o, "review_extensions", p->review_extensions);
    ctl_out_text(o, "guardrail_mode", p->guardrail_mode);
    ctl_out_text(o, "created_at", p->created_at);

    return o;
}


bool
ctl_project_send(struct ctl_request *rq, struct ctl_answer *an, int status,
    const char *project_id, struct ctl_error *e)
{
    struct ctl_project p;

    return ctl_project_get(rq->worker->pg, &rq->worker->arena, project_id, &p,
                           e)
           && ctl_out_send(rq, an, status, ctl_project_json(&p), e);
}


void
ctl_review_json_add(struct ctl_request *rq, cJSON *tree, const char *member)
{
    const struct ctl_ask *review = rq->change->review;

    cJSON_AddItemToObject(tree, member, review != NULL ? ctl_ask_json(review)
                                                       : cJSON_CreateNull());
}


bool
ctl_project_send_review(struct ctl_request *rq, struct ctl_answer *an,
    int status, const char *project_id, const char *member,
    struct ctl_error *e)
{
    struct ctl_project p;
    cJSON *tree;

    if (!ctl_project_get(rq->worker->pg, &rq->worker->arena, project_id, &p,
                         e))
    {
        return false;
    }
    tree = ctl_project_json(&p);
    ctl_review_json_add(rq, tree, member);

    return ctl_out_send(rq, an, status, tree, e);
}


/* With what stands between the classification that it has and the one that was
 * asked for. */
static bool
send_registered(struct ctl_request *rq, struct ctl_answer *an,
    const char *id, const char *wanted, struct ctl_error *e)
{
    struct ctl_project p;
    cJSON *tree, *promotion = NULL;

    if (!ctl_project_get(rq->worker->pg, &rq->worker->arena, id, &p, e)
        || (wanted != NULL && strcmp(wanted, p.classification) != 0
            && !ctl_promotion_json(rq, &p, &promotion, e)))
    {
        return false;
    }
    tree = ctl_project_json(&p);
    cJSON_AddItemToObject(tree, "promotion", promotion != NULL ? promotion
                                             : cJSON_CreateNull());
    ctl_review_json_add(rq, tree, "budget_review");

    return ctl_out_send(rq, an, 201, tree, e);
}


CTL_HANDLER(ctl_http_project_register)
{
    struct ctl_project_input in = {0};
    struct ctl_json_usd budget = {0};
    const char *id;
    int provisional = 0;
    const struct ctl_json_field fields[] = {
        {"name", CTL_JSON_TEXT, true, 200, &in.name},
        {"owner_email", CTL_JSON_TEXT, true, 254, &in.owner_email},
        {"manager_email", CTL_JSON_TEXT, true, 254, &in.manager_email},
        {"group", CTL_JSON_TEXT, false, 64, &in.group},
        {"classification", CTL_JSON_TEXT, false, 32, &in.classification},
        {"data_class", CTL_JSON_TEXT, false, 32, &in.data_class},
        {"description", CTL_JSON_TEXT, false, 4000, &in.description},
        {"budget_usd", CTL_JSON_USD, false, 0, &budget},
        {"evidence", CTL_JSON_RAW, false, 0, &in.evidence},
        {"provisional", CTL_JSON_BOOL, false, 0, &provisional},
        CTL_LIMIT_FIELDS(in.limits),
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    if (!ctl_json_read(rq->body, fields, &rq->worker->arena, e)) {
        return false;
    }
    in.budget_given = budget.given;
    in.budget_unlimited = budget.null;
    in.budget_nusd = budget.nusd;
    in.provisional = provisional == 1;

    return ctl_project_register(rq->change, &in, &id, e)
           && send_registered(rq, an, id, in.classification, e);
}


CTL_HANDLER(ctl_http_project_list)
{
    struct ctl_query_page page;
    struct ctl_project *projects;
    unsigned n, i;
    bool more;
    cJSON *tree, *list;

    if (!ctl_query_page_read(rq, "proj-9999-9999", &page, e)
        || !ctl_project_list(rq->worker->pg, &rq->worker->arena,
                             ctl_gate_email(rq), page.after,
                             page.limit, &projects, &n, &more, e))
    {
        return false;
    }
    tree = cJSON_CreateObject();
    list = cJSON_AddArrayToObject(tree, "projects");
    for (i = 0; i < n; i++) {
        cJSON_AddItemToArray(list, ctl_project_json(&projects[i]));
    }
    ctl_out_text(tree, "next_cursor", more ? projects[n - 1].id : NULL);

    return ctl_out_send(rq, an, 200, tree, e);
}


CTL_HANDLER(ctl_http_project_get)
{
    return ctl_project_send(rq, an, 200, rq->param[0], e);
}


/* Who decides over a project's requests is not for its owner to choose, and
 * nobody's agent hands a project over. */
static bool
gate_people(struct ctl_request *rq, const struct ctl_project_patch *patch,
    struct ctl_error *e)
{
    unsigned relation;
    bool exists;

    if ((patch->owner_email == NULL && patch->manager_email == NULL)
        || ctl_access_is_admin(&rq->who))
    {
        return true;
    }
    if (!ctl_principal_relation(rq->worker->pg, &rq->worker->arena, &rq->who,
                                rq->param[0], &exists, &relation, e))
    {
        return false;
    }
    if (rq->who.kind == CTL_PRINCIPAL_PERSON
        && (patch->manager_email == NULL
            || (relation & CTL_RELATION_MANAGER) != 0))
    {
        return true;
    }

    return ctl_error_set(e, 403, "forbidden",
                         "manager_email is changed by the manager or an "
                         "administrator, owner_email by a person.");
}


/* Who pays does not say how much. */
static bool
gate_prices(const struct ctl_request *rq,
    const struct ctl_project_patch *patch, struct ctl_error *e)
{
    return patch->prices.data == NULL || ctl_access_is_admin(&rq->who)
           || ctl_error_set(e, 403, "forbidden",
                            "prices are changed by an administrator.");
}


/* Who wants to say what must not leave does not choose who looks. */
static bool
gate_guardrails(const struct ctl_request *rq,
    const struct ctl_project_patch *patch, struct ctl_error *e)
{
    return patch->guardrail_mode.data == NULL || ctl_access_is_admin(&rq->who)
           || ctl_error_set(e, 403, "forbidden",
                            "guardrail_mode is changed by an administrator.");
}


CTL_HANDLER(ctl_http_project_patch)
{
    struct ctl_project_patch patch = {0};
    struct ctl_json_usd budget = {0};
    int fit_to_budget = -1;
    const struct ctl_json_field fields[] = {
        {"name", CTL_JSON_TEXT, false, 200, &patch.name},
        {"description", CTL_JSON_TEXT, false, 4000, &patch.description},
        {"owner_email", CTL_JSON_TEXT, false, 254, &patch.owner_email},
        {"manager_email", CTL_JSON_TEXT, false, 254, &patch.manager_email},
        {"cost_center", CTL_JSON_TEXT, false, 64, &patch.cost_center},
        {"data_class", CTL_JSON_TEXT, false, 32, &patch.data_class},
        {"budget_usd", CTL_JSON_USD, false, 0, &budget},
        {"aliases", CTL_JSON_RAW, false, 0, &patch.aliases},
        {"default_backend", CTL_JSON_RAW, false, 0, &patch.default_backend},
        CTL_LIMIT_FIELDS(patch.limits),
        {"prices", CTL_JSON_RAW, false, 0, &patch.prices},
        {"evidence", CTL_JSON_RAW, false, 0, &patch.evidence},
        {"guardrail_mode", CTL_JSON_RAW, false, 0, &patch.guardrail_mode},
        {"fit_to_budget", CTL_JSON_BOOL, false, 0, &fit_to_budget},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    if (!ctl_json_read(rq->body, fields, &rq->worker->arena, e)) {
        return false;
    }
    patch.budget_given = budget.given;
    patch.budget_unlimited = budget.null;
    patch.budget_nusd = budget.nusd;
    patch.fit_to_budget = fit_to_budget < 0 ? NULL : fit_to_budget ? "t" : "f";

    return gate_people(rq, &patch, e) && gate_prices(rq, &patch, e)
           && gate_guardrails(rq, &patch, e)
           && ctl_project_patch(rq->change, rq->param[0], &patch, e)
           && ctl_project_send_review(rq, an, 200, rq->param[0],
                                      "budget_review", e);
}


static bool
set_killed(struct ctl_request *rq, struct ctl_answer *an, bool killed,
    struct ctl_error *e)
{
    const char *reason = NULL;
    const struct ctl_json_field fields[] = {
        {"reason", CTL_JSON_TEXT, false, 1000, &reason},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(rq->body, fields, &rq->worker->arena, e)
           && ctl_project_set_killed(rq->change, rq->param[0], killed, reason,
                                     e)
           && ctl_project_send(rq, an, 200, rq->param[0], e);
}


CTL_HANDLER(ctl_http_project_kill)
{
    return set_killed(rq, an, true, e);
}


CTL_HANDLER(ctl_http_project_unkill)
{
    return set_killed(rq, an, false, e);
}
