/*
 * Promotion, demotion, review and end of a project.
 */
#include "ops/project_life.h"

#include <string.h>

#include "ledger/time_text.h"
#include "ops/project_ask.h"
#include "ops/resource.h"

#define SQL_SET_CLASS \
    "UPDATE projects SET classification = $2," \
    " review_date = review_begin($2, evidence), lifecycle =" \
    " CASE WHEN $3::boolean THEN 'active' ELSE lifecycle END" \
    " WHERE project_id = $1"


static bool
class_of(const struct ctl_project *p, enum ctl_class *out,
    struct ctl_error *e)
{
    return ctl_class_parse(p->classification, out)
           || ctl_error_internal(e, "a project of no classification");
}


static bool
read_target(const char *target, enum ctl_class *out, struct ctl_error *e)
{
    return ctl_class_parse(target, out)
           || ctl_error_field(e, "invalid_value", "target",
                              "target must be a classification.");
}


bool
ctl_project_promotion(struct ctl_arena *arena, const struct ctl_project *p,
    enum ctl_class to, struct ctl_promotion *out, struct ctl_error *e)
{
    struct ctl_dossier dossier;
    struct ctl_promotion_facts facts = {
        .to = to, .data_class = p->data_class, .dossier = &dossier
    };

    if (!class_of(p, &facts.from, e)
        || !ctl_dossier_read(asg_str_z(p->evidence), arena, &dossier, e))
    {
        return false;
    }
    *out = ctl_promotion_decide(&facts);

    return true;
}


static bool
check_promotion(const struct ctl_promotion *p, struct ctl_error *e)
{
    if (p->verdict == CTL_PROMOTION_NOT_A_STEP) {
        return ctl_error_field(e, "invalid_value", "target",
                               "A promotion is one step up the ladder.");
    }
    if (p->verdict == CTL_PROMOTION_FORBIDDEN) {
        ctl_error_field(e, "risk_not_accepted", "evidence.risk_acceptance_url",
                        "A critical path needs an accepted risk.");
        e->status = 403;
        return false;
    }

    return true;
}


static bool
set_class(struct ctl_change *c, const struct ctl_project *p,
    enum ctl_class to, bool up, const char *rule, const char *reason,
    struct ctl_error *e)
{
    const char *name = ctl_class_name(to);

    return CTL_PG(c->pg, c->arena, NULL, e, SQL_SET_CLASS, p->id, name,
                  up ? "t" : "f")
           && ctl_project_changed(c, p->id, e)
           && ctl_change_audit(c, up ? "project.promoted" : "project.demoted",
                "project", p->id, NULL, reason,
                ctl_audit_data(c->arena, (const struct ctl_audit_field[]) {
                    {"before", p->classification}, {"classification", name},
                    {"rule", rule}}, 3), e);
}


/* What is killed only gets less: it neither climbs nor gets more time. */
static bool
check_not_killed(const struct ctl_project *p, struct ctl_error *e)
{
    return !p->killed
           || ctl_error_set(e, 403, "project_killed",
                            "Refused by the rule project.killed: the project "
                            "is killed.");
}


bool
ctl_project_promote(struct ctl_change *c, const char *project_id,
    const char *target, const char *reason, struct ctl_error *e)
{
    struct ctl_promotion promotion;
    struct ctl_project p;
    enum ctl_class to;

    return read_target(target, &to, e)
           && ctl_project_lock_live(c, project_id, &p, e)
           && check_not_killed(&p, e)
           && ctl_project_promotion(c->arena, &p, to, &promotion, e)
           && check_promotion(&promotion, e)
           && (promotion.verdict == CTL_PROMOTION_ALLOWED
               ? set_class(c, &p, to, true, promotion.rule, reason, e)
               : ctl_project_ask_promotion(c, &p, to, &promotion, reason, e));
}


bool
ctl_project_climb(struct ctl_change *c, const struct ctl_project *p,
    const char *rule, const char *reason, struct ctl_error *e)
{
    enum ctl_class from;

    return class_of(p, &from, e)
           && set_class(c, p, (enum ctl_class) (from + 1), true, rule, reason,
                        e);
}


bool
ctl_project_demote(struct ctl_change *c, const char *project_id,
    const char *target, const char *reason, struct ctl_error *e)
{
    struct ctl_project p;
    enum ctl_class from, to;

    if (!ctl_project_lock_live(c, project_id, &p, e)
        || !class_of(&p, &from, e))
    {
        return false;
    }
    to = from == CTL_CLASS_POC ? CTL_CLASS_POC : (enum ctl_class) (from - 1);
    if (target != NULL && !read_target(target, &to, e)) {
        return false;
    }
    if (to >= from) {
        return ctl_error_field(e, "invalid_value", "target",
                               "A demotion is down the ladder; the project is "
                               "%s.", p.classification);
    }

    return set_class(c, &p, to, false, NULL, reason, e);
}


bool
ctl_project_lengthen(struct ctl_change *c, const struct ctl_project *p,
    const char *reason, struct ctl_error *e)
{
    struct ctl_rows rows;

    return CTL_PG(c->pg, c->arena, &rows, e,
               "UPDATE projects SET review_date = greatest(review_date,"
               " now()) + review_window(), review_extensions ="
               " review_extensions + 1 WHERE project_id = $1"
               " RETURNING " CTL_TIME_ISO("review_date"), p->id)
           && ctl_change_audit(c, "project.review_extended", "project", p->id,
                NULL, reason,
                ctl_audit_data(c->arena, (const struct ctl_audit_field[]) {
                    {"before", p->review_date},
                    {"review_date", ctl_rows_at(&rows, 0, 0)}}, 2), e);
}


bool
ctl_project_extend(struct ctl_change *c, const char *project_id,
    const char *reason, struct ctl_error *e)
{
    struct ctl_project p;

    if (!ctl_project_lock_live(c, project_id, &p, e)
        || !check_not_killed(&p, e))
    {
        return false;
    }
    if (p.review_date == NULL) {
        return ctl_error_set(e, 409, "conflict",
                             "The project has no review window.");
    }

    return p.review_extensions == 0
           ? ctl_project_lengthen(c, &p, reason, e)
           : ctl_project_ask_extension(c, &p, reason, e);
}


static bool
end_life(struct ctl_change *c, const struct ctl_project *p, const char *state,
    const char *action, const char *reason, struct ctl_error *e)
{
    return ctl_ask_end_all(c, p->id, reason, e)
           && ctl_resource_end_all(c, p->id, reason, e)
           && CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE projects SET lifecycle = $2,"
               " ended_at = coalesce(ended_at, now()) WHERE project_id = $1",
               p->id, state)
           && ctl_project_changed(c, p->id, e)
           && ctl_change_audit(c, action, "project", p->id, NULL, reason,
                               NULL, e);
}


bool
ctl_project_decommission(struct ctl_change *c, const char *project_id,
    const char *reason, struct ctl_error *e)
{
    struct ctl_project p;

    if (!ctl_project_lock(c, project_id, &p, e)) {
        return false;
    }
    if (strcmp(p.lifecycle, "decommissioned") == 0) {
        return true;
    }
    if (!ctl_project_must_live(&p, e)) {
        return false;
    }

    return c->who != NULL && c->who->kind == CTL_PRINCIPAL_AGENT
           ? ctl_project_ask_end(c, &p, reason, e)
           : end_life(c, &p, "decommissioned", "project.decommissioned",
                       reason, e);
}


bool
ctl_project_archive(struct ctl_change *c, const char *project_id,
    const char *reason, struct ctl_error *e)
{
    struct ctl_project p;

    if (!ctl_project_lock(c, project_id, &p, e)) {
        return false;
    }
    if (strcmp(p.lifecycle, "archived") == 0) {
        return true;
    }
    if (strcmp(p.lifecycle, "decommissioned") != 0) {
        return ctl_error_set(e, 409, "conflict",
                             "Only a decommissioned project is archived.");
    }

    return end_life(c, &p, "archived", "project.archived", reason, e);
}
