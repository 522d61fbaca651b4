/*
 * What approved requests for resources do.
 */
#include "ops/resource.h"

#include <string.h>

#include "ops/resource_work.h"

struct plan {
    struct ctl_resource_wish wish;
    const char *resource_id, *service_sha256;   /* as they were shown */
};


static bool
plan_read(struct ctl_change *c, const struct ctl_ask *ask, struct plan *plan,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT payload->>'resource_type', payload->>'name',"
            " payload->'spec', payload->>'resource_id',"
            " payload->>'service_sha256', payload->>'account' FROM requests"
            " WHERE request_id = $1::uuid", ask->id))
    {
        return false;
    }
    plan->wish.project_id = ask->project_id;
    plan->wish.rtype = ctl_rows_at(&rows, 0, 0);
    plan->wish.name = ctl_rows_at(&rows, 0, 1);
    plan->wish.spec = ctl_rows_at(&rows, 0, 2);
    plan->resource_id = ctl_rows_at(&rows, 0, 3);
    plan->service_sha256 = ctl_rows_at(&rows, 0, 4);
    plan->wish.account = ctl_rows_at(&rows, 0, 5);

    return true;
}


static bool
is_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}


/* What the approvers were shown, or what needs nobody's approval now: fewer are
 * no reason to ask again, another rule or more people are. */
static bool
is_decided(const struct ctl_ask *ask, const struct ctl_decision *now)
{
    unsigned i, more = 0;

    for (i = 0; i < CTL_APPROVERS_COUNT; i++) {
        if (now->group_rules[i] != NULL) {
            more |= CTL_VOICE_OF(i) & ~ask->groups;
        }
    }

    return now->effect == CTL_EFFECT_ALLOW
           || (now->tier == ask->tier && strcmp(now->rule, ask->rule) == 0
               && more == 0);
}


/* --- to make --- */

static bool
resource_insert(struct ctl_change *c, const struct ctl_ask *ask,
    const struct plan *plan, const struct ctl_resource_facts *facts,
    const char **id, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "INSERT INTO resources (project_id, rtype, name, spec, tags,"
            " est_monthly_nusd, state, backend, dry_run, request_id,"
            " generation) VALUES ($1, $2, $3, $4::jsonb, $5::jsonb, $6,"
            " 'provisioning', $7, $7 = 'stub', $8::uuid,"
            " (SELECT coalesce(max(generation), 0) + 1 FROM resources"
            "  WHERE project_id = $1 AND rtype = $2 AND name = $3))"
            " RETURNING resource_id",
            ask->project_id, plan->wish.rtype, plan->wish.name,
            plan->wish.spec, facts->tags,
            ctl_arena_printf(c->arena, "%lld",
                             (long long) facts->est_monthly_nusd),
            facts->backend, ask->id))
    {
        return false;
    }
    *id = ctl_rows_at(&rows, 0, 0);

    return true;
}


/* The same record gets the spec that was approved.  What made something real
 * goes on with it, though it may not be armed now. */
static bool
resource_update(struct ctl_change *c, const struct ctl_ask *ask,
    const struct plan *plan, const struct ctl_resource_facts *facts,
    struct ctl_error *e)
{
    return CTL_PG(c->pg, c->arena, NULL, e,
        "UPDATE resources SET spec = $2::jsonb, tags = $3::jsonb,"
        " est_monthly_nusd = $4, request_id = $5::uuid,"
        " backend = CASE WHEN dry_run THEN $6 ELSE backend END,"
        " dry_run = dry_run AND $6 = 'stub' WHERE resource_id = $1::uuid",
        facts->resource_id, plan->wish.spec, facts->tags,
        ctl_arena_printf(c->arena, "%lld",
                         (long long) facts->est_monthly_nusd), ask->id,
        facts->backend);
}


static bool
apply(struct ctl_change *c, const struct ctl_ask *ask,
    const struct plan *plan, const struct ctl_resource_facts *facts,
    enum ctl_ask_done *done, struct ctl_error *e)
{
    const char *id = facts->resource_id;
    struct ctl_resource r;

    if (id == NULL ? !resource_insert(c, ask, plan, facts, &id, e)
                   : !resource_update(c, ask, plan, facts, e))
    {
        return false;
    }

    if (!ctl_resource_get(c->pg, c->arena, ask->project_id, id, &r, e)
        || !ctl_resource_begin(c, &r, CTL_ACT_MAKE, ask->id, ask->reason, e))
    {
        return false;
    }
    *done = r.state == CTL_RESOURCE_PROVISIONED ? CTL_ASK_DONE
                                                : CTL_ASK_STARTED;

    return true;
}


bool
ctl_resource_provision(struct ctl_change *c, const struct ctl_ask *ask,
    enum ctl_ask_done *done, struct ctl_error *e)
{
    struct ctl_resource_facts facts;
    struct plan plan;

    *done = CTL_ASK_CHANGED;
    if (!plan_read(c, ask, &plan, e)) {
        return false;
    }
    if (!ctl_resource_gate(c, NULL, &plan.wish, &facts, e)) {
        if (e->status != 400 && e->status != 404) {
            return false;
        }
        ctl_error_clear(e);             /* the service is another now */
        return true;
    }
    if (facts.decision.effect == CTL_EFFECT_DENY) {
        return ctl_resource_denied(&facts.decision, e);
    }
    if (!is_decided(ask, &facts.decision)
        || !is_same(facts.service_sha256, plan.service_sha256)
        || !is_same(facts.resource_id, plan.resource_id))
    {
        return true;
    }

    return apply(c, ask, &plan, &facts, done, e);
}


/* --- to end --- */

bool
ctl_resource_destroy(struct ctl_change *c, const struct ctl_ask *ask,
    enum ctl_ask_done *done, struct ctl_error *e)
{
    enum ctl_resource_state next;
    struct ctl_resource r;
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT payload->>'resource_id', payload->'spec' = r.spec"
            " FROM requests JOIN resources r"
            "  ON r.resource_id::text = payload->>'resource_id'"
            " WHERE requests.request_id = $1::uuid FOR UPDATE OF r", ask->id)
        || !ctl_resource_get(c->pg, c->arena, ask->project_id,
                             ctl_rows_at(&rows, 0, 0), &r, e))
    {
        return false;
    }
    *done = CTL_ASK_CHANGED;
    if (strcmp(ctl_rows_at(&rows, 0, 1), "t") != 0
        || !ctl_resource_step(r.state, CTL_RESOURCE_DESTROY, &next))
    {
        return true;
    }
    if (!ctl_resource_begin(c, &r, CTL_ACT_DESTROY, ask->id, ask->reason, e)) {
        return false;
    }
    *done = r.state == CTL_RESOURCE_DESTROYED ? CTL_ASK_DONE
                                              : CTL_ASK_STARTED;

    return true;
}


bool
ctl_resource_end_all(struct ctl_change *c, const char *project_id,
    const char *reason, struct ctl_error *e)
{
    struct ctl_resource r;
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT resource_id FROM resources WHERE project_id = $1"
            " AND state <> 'destroyed' ORDER BY number FOR UPDATE",
            project_id))
    {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        if (!ctl_resource_get(c->pg, c->arena, project_id,
                              ctl_rows_at(&rows, i, 0), &r, e)
            || !ctl_resource_begin(c, &r, CTL_ACT_DESTROY, NULL, reason, e))
        {
            return false;
        }
    }
    return true;
}
