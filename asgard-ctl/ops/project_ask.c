/*
 * Requests about projects, and what they do when they are approved.
 */
#include "ops/project_ask.h"

#include <string.h>

#include "ops/budget.h"
#include "policy/decide.h"


/* --- to ask --- */

static bool
ask(struct ctl_change *c, struct ctl_ask_input *in, struct ctl_error *e)
{
    bool again;

    in->sole = true;
    c->review = ctl_arena_alloc(c->arena, sizeof(*c->review));
    if (in->payload == NULL || c->review == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return ctl_ask_create(c, c->who, in, c->review, &again, e);
}


/* Names of our own tables: nothing in them needs an escape. */
static const char *
add_name(struct ctl_arena *arena, const char *list, const char *name)
{
    return list == NULL ? NULL
           : ctl_arena_printf(arena, "%s%s\"%s\"", list,
                              list[0] != '\0' ? "," : "", name);
}


static const char *
missing_names(struct ctl_arena *arena, ctl_dossier_set_t missing)
{
    const char *list = "", *name;
    unsigned i;

    for (i = 0; ctl_dossier_name(missing, i, &name); i++) {
        if (name != NULL) {
            list = add_name(arena, list, name);
        }
    }

    return list;
}


static const char *
exception_names(struct ctl_arena *arena, unsigned exceptions)
{
    const char *list = "", *name;
    unsigned i;

    for (i = 0; (name = ctl_exception_name(i)) != NULL; i++) {
        if ((exceptions >> i & 1) != 0) {
            list = add_name(arena, list, name);
        }
    }

    return list;
}


bool
ctl_project_ask_promotion(struct ctl_change *c, const struct ctl_project *p,
    enum ctl_class to, const struct ctl_promotion *promotion,
    const char *reason, struct ctl_error *e)
{
    struct ctl_ask_input in = {
        .kind = "promotion", .project_id = p->id, .reason = reason,
        .rule = promotion->rule,
        .tier = promotion->security ? CTL_TIER_SECURITY : CTL_TIER_PLATFORM,
        .flagged = promotion->verdict == CTL_PROMOTION_FLAGGED
    };
    const char *missing = missing_names(c->arena, promotion->missing);
    const char *exceptions = exception_names(c->arena, promotion->exceptions);

    in.group_rules[promotion->security ? CTL_APPROVERS_SECURITY
                                       : CTL_APPROVERS_PLATFORM] = in.rule;
    if (missing == NULL || exceptions == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    in.payload = ctl_arena_printf(c->arena,
        "{\"from\":\"%s\",\"target\":\"%s\",\"data_class\":\"%s\","
        "\"missing\":[%s],\"exceptions\":[%s],\"evidence\":%s}",
        p->classification, ctl_class_name(to), p->data_class, missing,
        exceptions, p->evidence);

    return ask(c, &in, e);
}


bool
ctl_project_ask_extension(struct ctl_change *c, const struct ctl_project *p,
    const char *reason, struct ctl_error *e)
{
    struct ctl_ask_input in = {
        .kind = "review-extension", .project_id = p->id, .reason = reason,
        .rule = "extend-again", .tier = CTL_TIER_PLATFORM
    };
    const struct ctl_decision d = ctl_decide(CTL_ACTION_EXTEND, CTL_FACT_LIVE);

    memcpy(in.group_rules, d.group_rules, sizeof(in.group_rules));
    in.payload = ctl_arena_printf(c->arena,
        "{\"review_date\":\"%s\",\"review_extensions\":%lld,"
        "\"days\":90}", p->review_date, (long long) p->review_extensions);

    return ask(c, &in, e);
}


bool
ctl_project_ask_end(struct ctl_change *c, const struct ctl_project *p,
    const char *reason, struct ctl_error *e)
{
    struct ctl_ask_input in = {
        .kind = "decommission", .project_id = p->id, .reason = reason,
        .rule = "decommission-by-agent", .tier = CTL_TIER_PLATFORM,
        .payload = "{\"lifecycle\":\"decommissioned\"}"
    };

    return ask(c, &in, e);
}


/* --- approved --- */

/* The project as it is, locked; CTL_ASK_CHANGED unless `same`, SQL over p (the
 * project) and r (the request), holds. */
static bool
look_again(struct ctl_change *c, const struct ctl_ask *ask, const char *same,
    struct ctl_project *p, enum ctl_ask_done *done, struct ctl_error *e)
{
    const char *sql = ctl_arena_printf(c->arena,
        "SELECT (p.lifecycle IN ('active', 'provisional') AND %s)"
        " IS TRUE FROM projects p JOIN requests r USING (project_id)"
        " WHERE r.request_id = $1::uuid", same);
    struct ctl_rows rows;

    if (sql == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!ctl_project_lock(c, ask->project_id, p, e)
        || !CTL_PG(c->pg, c->arena, &rows, e, sql, ask->id))
    {
        return false;
    }
    *done = strcmp(ctl_rows_at(&rows, 0, 0), "t") == 0 ? CTL_ASK_DONE
                                                       : CTL_ASK_CHANGED;

    return true;
}


/* What is approved is set whoever approved it. */
static bool
set_total(struct ctl_change *c, const struct ctl_ask *ask,
    struct ctl_error *e)
{
    const char *budget = ctl_arena_printf(c->arena, "p.%s", ask->project_id);
    struct ctl_budget_list list = {.n = 0};
    bool could = c->may_exceed, ok;
    asg_nusd_t nusd = 0;
    struct ctl_rows rows;
    const char *usd;

    if (budget == NULL
        || !CTL_PG(c->pg, c->arena, &rows, e,
               "SELECT payload ->> 'budget_usd' FROM requests"
               " WHERE request_id = $1::uuid", ask->id))
    {
        return false;
    }
    usd = ctl_rows_at(&rows, 0, 0);
    if (usd != NULL && asg_money_parse(asg_str_z(usd), &nusd) != ASG_OK) {
        return ctl_error_internal(e, "a request for no amount");
    }
    if (!ctl_budget_read(c->pg, c->arena, budget, &list, e)) {
        return false;
    }
    ctl_budget_list_total(&list, usd == NULL, nusd);
    c->may_exceed = true;
    ok = ctl_budget_replace(c, budget, &list, e);
    c->may_exceed = could;

    return ok;
}


bool
ctl_project_grant_budget(struct ctl_change *c, const struct ctl_ask *ask,
    enum ctl_ask_done *done, struct ctl_error *e)
{
    struct ctl_project p;

    return look_again(c, ask,
               "p.classification = r.payload ->> 'classification' AND"
               " (SELECT limit_nusd - coalesce(increase_nusd, 0)"
               " FROM budget_windows WHERE budget_id ="
               " 'p.' || p.project_id AND window_name = 'total') IS NOT"
               " DISTINCT FROM ((r.payload ->> 'before_usd')::numeric"
               " * 1000000000)", &p, done, e)
           && (*done == CTL_ASK_CHANGED || set_total(c, ask, e));
}


bool
ctl_project_grant_promotion(struct ctl_change *c, const struct ctl_ask *ask,
    enum ctl_ask_done *done, struct ctl_error *e)
{
    struct ctl_project p;

    return look_again(c, ask,
               "p.classification = r.payload ->> 'from' AND p.data_class ="
               " r.payload ->> 'data_class' AND p.evidence ="
               " r.payload -> 'evidence'", &p, done, e)
           && (*done == CTL_ASK_CHANGED
               || ctl_project_climb(c, &p, ask->rule, ask->reason, e));
}


bool
ctl_project_grant_extension(struct ctl_change *c, const struct ctl_ask *ask,
    enum ctl_ask_done *done, struct ctl_error *e)
{
    struct ctl_project p;

    return look_again(c, ask,
               "p.review_date IS NOT NULL AND p.review_extensions ="
               " (r.payload ->> 'review_extensions')::integer", &p, done, e)
           && (*done == CTL_ASK_CHANGED
               || ctl_project_lengthen(c, &p, ask->reason, e));
}


bool
ctl_project_grant_end(struct ctl_change *c, const struct ctl_ask *ask,
    enum ctl_ask_done *done, struct ctl_error *e)
{
    struct ctl_project p;

    return look_again(c, ask, "true", &p, done, e)
           && (*done == CTL_ASK_CHANGED
               || ctl_project_decommission(c, p.id, ask->reason, e));
}
