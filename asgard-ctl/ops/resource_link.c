/*
 * Links in Postgres.
 */
#include "ops/resource_link.h"

#include <string.h>

#include "base/name.h"
#include "catalog/shape.h"
#include "ops/project.h"

#define TYPE_MAX   63
#define VALUES_MAX "64"                 /* of outputs, and of tags */


/* --- what may be said --- */

static bool
check_names(const struct ctl_resource_link *link, struct ctl_error *e)
{
    if (!ctl_name_is_plain(link->rtype, TYPE_MAX)) {
        return ctl_error_field(e, "invalid_value", "resource_type",
                               "resource_type must be " CTL_NAME_MUST_BE
                               " %d characters.", TYPE_MAX);
    }

    return ctl_name_is_plain(link->name, CTL_RESOURCE_NAME_MAX)
           || ctl_error_field(e, "invalid_value", "name",
                              "name must be " CTL_NAME_MUST_BE
                              " %d characters.", CTL_RESOURCE_NAME_MAX);
}


/* "postgres://user:word@host/…" */
static bool
has_user(const char *url)
{
    const char *host = strstr(url, "://");

    return host != NULL
           && memchr(host + 3, '@', strcspn(host + 3, "/?#")) != NULL;
}


static bool
check_text(const char *param, const char *name, const char *text,
    struct ctl_error *e)
{
    return text == NULL
           || (!ctl_shape_is_secret(name, text) && !has_user(text)
               && (name == NULL || !ctl_shape_is_secret(NULL, name)))
           || ctl_error_field(e, "invalid_value", param,
                              "%s looks like a secret, which has no place in "
                              "what everybody sees of a resource.", param);
}


/* Texts, numbers and yes or no, none of them a secret. */
static bool
check_values(struct ctl_change *c, const char *field, const char *json,
    struct ctl_error *e)
{
    struct ctl_rows rows;
    const char *param;
    unsigned i;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT key, value #>> '{}', jsonb_typeof(value) IN ('string',"
            " 'number', 'boolean'), row_number() OVER () <= " VALUES_MAX
            " FROM jsonb_each($1::jsonb)", json))
    {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        param = ctl_arena_printf(c->arena, "%s.%.64s", field,
                                 ctl_rows_at(&rows, i, 0));
        if (strcmp(ctl_rows_at(&rows, i, 2), "t") != 0
            || strcmp(ctl_rows_at(&rows, i, 3), "t") != 0)
        {
            return ctl_error_field(e, "invalid_value", field,
                                   "%s has at most " VALUES_MAX " members, "
                                   "each a text, a number, true or false.",
                                   field);
        }
        if (!check_text(param, ctl_rows_at(&rows, i, 0),
                        ctl_rows_at(&rows, i, 1), e))
        {
            return false;
        }
    }

    return true;
}


static bool
check(struct ctl_change *c, const struct ctl_resource_link *link,
    struct ctl_error *e)
{
    return check_names(link, e)
           && check_text("reference", NULL, link->reference, e)
           && check_text("note", NULL, link->note, e)
           && check_text("cost_source", NULL, link->cost_source, e)
           && check_values(c, "outputs", link->outputs, e)
           && check_values(c, "tags", link->tags, e);
}


static bool
check_allowed(struct ctl_change *c, const char *project_id,
    struct ctl_error *e)
{
    struct ctl_decision decision;
    struct ctl_project p;
    unsigned facts;

    if (!ctl_project_lock(c, project_id, &p, e)) {
        return false;
    }
    facts = (ctl_project_must_live(&p, e) ? (unsigned) CTL_FACT_LIVE : 0)
            | (p.killed ? (unsigned) CTL_FACT_KILLED : 0);
    ctl_error_clear(e);
    decision = ctl_decide(CTL_ACTION_LINK, facts);

    return decision.effect == CTL_EFFECT_ALLOW
           || ctl_resource_denied(&decision, e);
}


/* --- to link --- */

/* One row: nothing where a resource of that name was made here. */
static bool
row_write(struct ctl_change *c, const struct ctl_resource_link *link,
    struct ctl_rows *rows, struct ctl_error *e)
{
    const char *estimate = link->has_estimate
        ? ctl_arena_printf(c->arena, "%lld",
                           (long long) link->est_monthly_nusd) : NULL;

    return CTL_PG(c->pg, c->arena, rows, e,
        "INSERT INTO resources (project_id, rtype, name, spec, outputs, tags,"
        " est_monthly_nusd, cost_source, note, state, backend, dry_run)"
        " SELECT p.project_id, $2, $3,"
        " jsonb_build_object('reference', $4::text), $5::jsonb, $6::jsonb"
        " || jsonb_strip_nulls(jsonb_build_object("
        CTL_RESOURCE_TAGS_OF_PROJECT ")),"
        " coalesce($7::bigint, ((manifest->'cost'->>'estimated_monthly_usd')"
        "  ::numeric * 1000000000)::bigint),"
        " coalesce($8, manifest #>> '{cost,source,type}'), $9, 'linked',"
        " 'linked', false FROM projects p"
        " LEFT JOIN services ON service_id = $2 WHERE p.project_id = $1"
        " ON CONFLICT (project_id, rtype, name) WHERE state <> 'destroyed'"
        " DO UPDATE SET spec = excluded.spec, outputs = excluded.outputs,"
        " tags = excluded.tags, est_monthly_nusd = excluded.est_monthly_nusd,"
        " cost_source = excluded.cost_source, note = excluded.note,"
        " updated_at = now() WHERE resources.state = 'linked'"
        " RETURNING resource_id, (xmax <> 0)::integer",
        link->project_id, link->rtype, link->name, link->reference,
        link->outputs, link->tags, estimate, link->cost_source, link->note);
}


static bool
audit(struct ctl_change *c, const struct ctl_resource *r,
    const struct ctl_resource_link *link, struct ctl_error *e)
{
    const struct ctl_audit_field data[] = {
        {"type", r->rtype}, {"name", r->name}, {"reference", link->reference}
    };

    return ctl_change_audit(c, "resource.linked", "resource", r->id,
                            r->project_id, link->note,
                            ctl_audit_data(c->arena, data, 3), e);
}


bool
ctl_resource_link(struct ctl_change *c, const struct ctl_resource_link *link,
    struct ctl_resource *out, bool *again, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!check_allowed(c, link->project_id, e) || !check(c, link, e)
        || !row_write(c, link, &rows, e))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_error_set(e, 409, "conflict",
                             "This project has a %s of this name that was "
                             "made here.", link->rtype);
    }
    *again = ctl_rows_i64(&rows, 0, 1) != 0;

    return ctl_resource_get(c->pg, c->arena, link->project_id,
                            ctl_rows_at(&rows, 0, 0), out, e)
           && audit(c, out, link, e);
}
