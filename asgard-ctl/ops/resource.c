/*
 * Resources in Postgres: to ask for one, to end one, to read.
 */
#include "ops/resource.h"

#include <string.h>

#include "ledger/time_text.h"

#define SHOWN \
    "resource_id, lpad(number::text, 16, '0'), project_id, rtype, name, spec," \
    " outputs, tags, state, backend, request_id, error, attempts, " \
    CTL_TIME_ISO("next_retry_at") ", " CTL_TIME_ISO("created_at") ", " \
    CTL_TIME_ISO("updated_at") ", generation, cost_source, note, dry_run," \
    " est_monthly_nusd, actual_nusd, needs_attention"

#define TEXTS 19                        /* the first columns */


static bool
absent(struct ctl_error *e)
{
    return ctl_error_set(e, 404, "resource_not_found",
                         "This project has no such resource.");
}


static bool
resource_fill(struct ctl_resource *r, const struct ctl_rows *rows, unsigned i,
    struct ctl_error *e)
{
    const char **texts[TEXTS] = {
        &r->id, &r->number, &r->project_id, &r->rtype, &r->name, &r->spec,
        &r->outputs, &r->tags, &r->state_name, &r->backend, &r->request_id,
        &r->error, &r->attempts, &r->next_retry_at, &r->created_at,
        &r->updated_at, &r->generation, &r->cost_source, &r->note
    };
    unsigned col;

    for (col = 0; col < TEXTS; col++) {
        *texts[col] = ctl_rows_at(rows, i, col);
    }
    r->dry_run = strcmp(ctl_rows_at(rows, i, TEXTS), "t") == 0;
    r->est_monthly_nusd = ctl_rows_at(rows, i, TEXTS + 1);
    r->actual_nusd = ctl_rows_at(rows, i, TEXTS + 2);
    r->needs_attention = strcmp(ctl_rows_at(rows, i, TEXTS + 3), "t") == 0;

    return ctl_resource_state_parse(r->state_name, &r->state)
           || ctl_error_internal(e, "a resource of no state");
}


bool
ctl_resource_get(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *project_id, const char *id, struct ctl_resource *out,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT " SHOWN " FROM resources WHERE project_id = $1"
            " AND resource_id::text = lower($2)", project_id, id))
    {
        return false;
    }

    return rows.nrows == 0 ? absent(e) : resource_fill(out, &rows, 0, e);
}


bool
ctl_resource_of_ask(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_ask *ask, struct ctl_resource *out, bool *found,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT " SHOWN " FROM resources WHERE request_id = $1::uuid",
            ask->id))
    {
        return false;
    }
    *found = rows.nrows > 0;

    return !*found || resource_fill(out, &rows, 0, e);
}


bool
ctl_resource_list(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *project_id, const char *after, unsigned limit,
    struct ctl_resource **out, unsigned *n, bool *more, struct ctl_error *e)
{
    const char *most = ctl_arena_printf(arena, "%u", limit + 1);
    const char *from = after[0] != '\0' ? after : "0";
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT " SHOWN " FROM resources WHERE project_id = $1"
            " AND number > $2::bigint ORDER BY number LIMIT $3",
            project_id, from, most))
    {
        return false;
    }
    *more = rows.nrows > limit;
    *n = *more ? limit : rows.nrows;
    *out = ctl_arena_alloc(arena, (*n + 1) * sizeof(**out));
    for (i = 0; *out != NULL && i < *n; i++) {
        if (!resource_fill(&(*out)[i], &rows, i, e)) {
            return false;
        }
    }

    return *out != NULL || ctl_error_internal(e, "out of memory");
}


/* --- to ask --- */

static const char *
subject_of(struct ctl_arena *arena, const char *project_id, const char *rtype,
    const char *name)
{
    return ctl_arena_printf(arena, "%s/%s/%s", project_id, rtype, name);
}


/* The request that made what is there already. */
static bool
find_made(struct ctl_change *c, const struct ctl_resource_facts *facts,
    struct ctl_ask *out, struct ctl_error *e)
{
    struct ctl_rows rows;

    return CTL_PG(c->pg, c->arena, &rows, e,
               "SELECT request_id FROM resources"
               " WHERE resource_id = $1::uuid", facts->resource_id)
           && ctl_ask_get(c->pg, c->arena, ctl_rows_at(&rows, 0, 0), false,
                          out, e);
}


bool
ctl_resource_ask(struct ctl_change *c, const struct ctl_config *config,
    const struct ctl_principal *who, const struct ctl_resource_wish *wish,
    const char *reason, struct ctl_ask *out, bool *again,
    struct ctl_decision *decision, struct ctl_error *e)
{
    struct ctl_ask_input in = {.project_id = wish->project_id,
                               .reason = reason, .sole = true};
    struct ctl_resource_facts facts;

    if (!ctl_resource_gate(c, config, wish, &facts, e)) {
        return false;
    }
    *decision = facts.decision;
    *again = facts.decision.effect != CTL_EFFECT_DENY && facts.same;
    if (*again) {
        return find_made(c, &facts, out, e);
    }
    in.kind = ctl_arena_printf(c->arena, "provision:%s", wish->rtype);
    in.subject = subject_of(c->arena, wish->project_id, wish->rtype,
                            wish->name);
    in.payload = facts.payload;
    in.rule = facts.decision.rule;
    in.tier = facts.decision.tier;
    memcpy(in.group_rules, facts.decision.group_rules,
           sizeof(in.group_rules));
    in.denied = facts.decision.effect == CTL_EFFECT_DENY;

    return ctl_ask_create(c, who, &in, out, again, e);
}


static bool
end_facts(struct ctl_change *c, const char *project_id, const char *id,
    unsigned *facts, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT CASE WHEN lifecycle IN ('active', 'provisional')"
            "  THEN $2::integer ELSE 0 END"
            " + CASE WHEN classification = 'critical-path'"
            "  THEN $3::integer ELSE 0 END"
            " + CASE WHEN data_class = 'restricted'"
            "  THEN $4::integer ELSE 0 END"
            " + CASE WHEN EXISTS (SELECT 1 FROM resources r"
            "   LEFT JOIN services ON service_id = rtype"
            "   WHERE r.project_id = $1 AND resource_id::text = lower($6)"
            "   AND (state = 'linked' OR manifest"
            "    #>> '{provisioner,connector}' = 'litellm'))"
            "  THEN $5::integer ELSE 0 END"
            " FROM projects WHERE project_id = $1 FOR UPDATE", project_id,
            ctl_arena_printf(c->arena, "%d", CTL_FACT_LIVE),
            ctl_arena_printf(c->arena, "%d", CTL_FACT_CRITICAL),
            ctl_arena_printf(c->arena, "%d", CTL_FACT_RESTRICTED),
            ctl_arena_printf(c->arena, "%d", CTL_FACT_LOSES_NOTHING), id))
    {
        return false;
    }
    *facts = (unsigned) ctl_rows_i64(&rows, 0, 0);

    return true;
}


bool
ctl_resource_unask(struct ctl_change *c, const struct ctl_principal *who,
    const char *project_id, const char *id, const char *reason,
    struct ctl_ask *out, bool *again, struct ctl_error *e)
{
    struct ctl_ask_input in = {.project_id = project_id, .reason = reason,
                               .sole = true};
    struct ctl_decision decision;
    struct ctl_resource r;
    enum ctl_resource_state next;
    unsigned facts;

    if (!end_facts(c, project_id, id, &facts, e)
        || !ctl_resource_get(c->pg, c->arena, project_id, id, &r, e))
    {
        return false;
    }
    if (!ctl_resource_step(r.state, CTL_RESOURCE_DESTROY, &next)) {
        return ctl_error_set(e, 400, "illegal_transition",
                             "A resource that is %s is not ended again.",
                             r.state_name);
    }
    decision = ctl_decide(CTL_ACTION_DESTROY, facts);
    in.kind = ctl_arena_printf(c->arena, "destroy:%s", r.rtype);
    in.subject = subject_of(c->arena, project_id, r.rtype, r.name);
    in.payload = ctl_arena_printf(c->arena, "{\"resource_id\":\"%s\","
        "\"resource_type\":\"%s\",\"name\":\"%s\",\"spec\":%s}", r.id,
        r.rtype, r.name, r.spec);
    in.rule = decision.rule;
    in.tier = decision.tier;
    memcpy(in.group_rules, decision.group_rules, sizeof(in.group_rules));

    return (in.payload != NULL || ctl_error_internal(e, "out of memory"))
           && ctl_ask_create(c, who, &in, out, again, e);
}
