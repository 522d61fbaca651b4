/*
 * /api/projects/{id}/promotion, demote, extend, decommission, archive.
 */
#include "http/handlers.h"

#include "http/json_in.h"
#include "http/project_json.h"
#include "ops/project_life.h"

#define REASON_MAX 1000


static cJSON *
missing_json(ctl_dossier_set_t missing)
{
    cJSON *list = cJSON_CreateArray();
    const char *name;
    unsigned i;

    for (i = 0; ctl_dossier_name(missing, i, &name); i++) {
        if (name != NULL) {
            cJSON_AddItemToArray(list, cJSON_CreateString(name));
        }
    }

    return list;
}


static cJSON *
exceptions_json(unsigned exceptions)
{
    cJSON *list = cJSON_CreateArray();
    const char *name;
    unsigned i;

    for (i = 0; (name = ctl_exception_name(i)) != NULL; i++) {
        if ((exceptions >> i & 1) != 0) {
            cJSON_AddItemToArray(list, cJSON_CreateString(name));
        }
    }

    return list;
}


static const char *
decider(const struct ctl_promotion *p)
{
    switch (p->verdict) {
    case CTL_PROMOTION_PLATFORM: return "platform";
    case CTL_PROMOTION_SECURITY: return "security";
    case CTL_PROMOTION_FLAGGED: return p->security ? "security" : "platform";
    default: return NULL;
    }
}


bool
ctl_promotion_json(struct ctl_request *rq, const struct ctl_project *p,
    cJSON **out, struct ctl_error *e)
{
    struct ctl_promotion promotion;
    enum ctl_class from, to;
    bool top;

    if (!ctl_class_parse(p->classification, &from)) {
        return ctl_error_internal(e, "a project of no classification");
    }
    top = from == CTL_CLASS_CRITICAL;
    to = top ? from : (enum ctl_class) (from + 1);
    if (!ctl_project_promotion(&rq->worker->arena, p, to, &promotion, e)) {
        return false;
    }
    *out = cJSON_CreateObject();
    ctl_out_text(*out, "classification", p->classification);
    ctl_out_text(*out, "target", top ? NULL : ctl_class_name(to));
    ctl_out_text(*out, "verdict", top ? NULL
                 : ctl_promotion_verdict_name(promotion.verdict));
    ctl_out_text(*out, "rule", top ? NULL : promotion.rule);
    ctl_out_text(*out, "decided_by", decider(&promotion));
    cJSON_AddItemToObject(*out, "missing", missing_json(promotion.missing));
    cJSON_AddItemToObject(*out, "exceptions",
                          exceptions_json(promotion.exceptions));

    return true;
}


/* 202 when others decide first. */
static bool
send_life(struct ctl_request *rq, struct ctl_answer *an, struct ctl_error *e)
{
    return ctl_project_send_review(rq, an,
                                   rq->change->review != NULL ? 202 : 200,
                                   rq->param[0], "request", e);
}


CTL_HANDLER(ctl_http_promotion_get)
{
    struct ctl_project p;
    cJSON *tree;

    return ctl_project_get(rq->worker->pg, &rq->worker->arena, rq->param[0],
                           &p, e)
           && ctl_promotion_json(rq, &p, &tree, e)
           && ctl_out_send(rq, an, 200, tree, e);
}


CTL_HANDLER(ctl_http_promotion_ask)
{
    const char *target = NULL, *reason = NULL;
    const struct ctl_json_field fields[] = {
        {"target", CTL_JSON_TEXT, true, 32, &target},
        {"reason", CTL_JSON_TEXT, false, REASON_MAX, &reason},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(rq->body, fields, &rq->worker->arena, e)
           && ctl_project_promote(rq->change, rq->param[0], target, reason, e)
           && send_life(rq, an, e);
}


/* Where a project stands decides who is asked: nobody's agent takes it down. */
static bool
gate_demote(const struct ctl_request *rq, struct ctl_error *e)
{
    return rq->who.kind != CTL_PRINCIPAL_AGENT
           || ctl_error_set(e, 403, "forbidden",
                            "A project is demoted by a person.");
}


CTL_HANDLER(ctl_http_demote)
{
    const char *target = NULL, *reason = NULL;
    const struct ctl_json_field fields[] = {
        {"target", CTL_JSON_TEXT, false, 32, &target},
        {"reason", CTL_JSON_TEXT, true, REASON_MAX, &reason},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return gate_demote(rq, e)
           && ctl_json_read(rq->body, fields, &rq->worker->arena, e)
           && ctl_project_demote(rq->change, rq->param[0], target, reason, e)
           && ctl_project_send(rq, an, 200, rq->param[0], e);
}


CTL_HANDLER(ctl_http_extend)
{
    const char *reason = NULL;
    const struct ctl_json_field fields[] = {
        {"reason", CTL_JSON_TEXT, false, REASON_MAX, &reason},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(rq->body, fields, &rq->worker->arena, e)
           && ctl_project_extend(rq->change, rq->param[0], reason, e)
           && send_life(rq, an, e);
}


CTL_HANDLER(ctl_http_decommission)
{
    const char *reason = NULL;
    const struct ctl_json_field fields[] = {
        {"reason", CTL_JSON_TEXT, true, REASON_MAX, &reason},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(rq->body, fields, &rq->worker->arena, e)
           && ctl_project_decommission(rq->change, rq->param[0], reason, e)
           && send_life(rq, an, e);
}


CTL_HANDLER(ctl_http_archive)
{
    const char *reason = NULL;
    const struct ctl_json_field fields[] = {
        {"reason", CTL_JSON_TEXT, false, REASON_MAX, &reason},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(rq->body, fields, &rq->worker->arena, e)
           && ctl_project_archive(rq->change, rq->param[0], reason, e)
           && ctl_project_send(rq, an, 200, rq->param[0], e);
}
