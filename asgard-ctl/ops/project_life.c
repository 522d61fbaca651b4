/*
 * Promotion, demotion, review and end of a project.
 */
#include "ops/project_life.h"

#include <stdio.h>
#include <string.h>

#define SQL_SET_CLASS \
    "UPDATE projects SET classification = $2," \
    " review_date = review_begin($2, evidence), lifecycle =" \
    " CASE WHEN $3::boolean THEN 'active' ELSE lifecycle END" \
    " WHERE project_id = $1"


/* Locked until the change ends; 404, 403 project_inactive. */
static bool
lock_live(struct ctl_change *c, const char *project_id,
    struct ctl_project *p, struct ctl_error *e)
{
    return ctl_project_lock(c, project_id, p, e)
           && ctl_project_must_live(p, e);
}


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
refuse_missing(const struct ctl_promotion *p, struct ctl_error *e)
{
    const char *name;
    char param[64];
    unsigned i;

    for (i = 0; ctl_dossier_name(p->missing, i, &name); i++) {
        if (name != NULL) {
            snprintf(param, sizeof(param), "evidence.%s", name);
            ctl_error_field(e, "evidence_missing", param,
                            "What this classification demands is not shown; "
                            "GET …/promotion lists all of it.");
            e->status = 409;
            break;
        }
    }

    return false;
}


static bool
check_promotion(const struct ctl_promotion *p, struct ctl_error *e)
{
    switch (p->verdict) {
    case CTL_PROMOTION_ALLOWED:
        return true;
    case CTL_PROMOTION_NOT_A_STEP:
        return ctl_error_field(e, "invalid_value", "target",
                               "A promotion is one step up the ladder.");
    case CTL_PROMOTION_FORBIDDEN:
        ctl_error_field(e, "risk_not_accepted", "evidence.risk_acceptance_url",
                        "A critical path needs an accepted risk.");
        e->status = 403;
        return false;
    case CTL_PROMOTION_FLAGGED:
        return refuse_missing(p, e);
    case CTL_PROMOTION_PLATFORM:
    case CTL_PROMOTION_SECURITY:
        break;
    }
    ctl_error_field(e, "approval_needed", "target",
                    "This step is for others to decide (%s).", p->rule);
    e->status = 403;

    return false;
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


bool
ctl_project_promote(struct ctl_change *c, const char *project_id,
    const char *target, const char *reason, struct ctl_error *e)
{
    struct ctl_promotion promotion;
    struct ctl_project p;
    enum ctl_class to;

    return read_target(target, &to, e) && lock_live(c, project_id, &p, e)
           && ctl_project_promotion(c->arena, &p, to, &promotion, e)
           && check_promotion(&promotion, e)
           && set_class(c, &p, to, true, promotion.rule, reason, e);
}


bool
ctl_project_demote(struct ctl_change *c, const char *project_id,
    const char *target, const char *reason, struct ctl_error *e)
{
    struct ctl_project p;
    enum ctl_class from, to;

    if (!lock_live(c, project_id, &p, e) || !class_of(&p, &from, e)) {
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


static bool
check_extension(const struct ctl_project *p, struct ctl_error *e)
{
    if (p->review_date == NULL) {
        return ctl_error_set(e, 409, "conflict",
                             "The project has no review window.");
    }
    if (p->review_extensions > 0) {
        ctl_error_set(e, 403, "approval_needed",
                      "The window was extended once; more is for others to "
                      "decide.");
        return false;
    }

    return true;
}


bool
ctl_project_extend(struct ctl_change *c, const char *project_id,
    const char *reason, struct ctl_error *e)
{
    struct ctl_rows rows;
    struct ctl_project p;

    return lock_live(c, project_id, &p, e) && check_extension(&p, e)
           && CTL_PG(c->pg, c->arena, &rows, e,
                "UPDATE projects SET review_date = greatest(review_date,"
                " now()) + review_window(), review_extensions ="
                " review_extensions + 1 WHERE project_id = $1"
                " RETURNING to_char(review_date AT TIME ZONE 'UTC',"
                " 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')", p.id)
           && ctl_change_audit(c, "project.review_extended", "project", p.id,
                NULL, reason,
                ctl_audit_data(c->arena, (const struct ctl_audit_field[]) {
                    {"before", p.review_date},
                    {"review_date", ctl_rows_at(&rows, 0, 0)}}, 2), e);
}


static bool
end_life(struct ctl_change *c, const struct ctl_project *p, const char *state,
    const char *action, const char *reason, struct ctl_error *e)
{
    return CTL_PG(c->pg, c->arena, NULL, e,
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

    return ctl_project_must_live(&p, e)
           && end_life(c, &p, "decommissioned", "project.decommissioned",
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
