/*
 * Services in Postgres.
 */
#include "ops/service.h"

#include <string.h>

/* Where a connector runs what with is for operators alone. */
#define SHOWN \
    "service_id, (manifest #- '{provisioner,config}') || jsonb_build_object(" \
    "'models', models, 'active', active, 'inactive_reason', reason," \
    "'unarmed', unarmed, 'unready', (SELECT cs.reason FROM connector_status" \
    " cs WHERE cs.connector = backend)), backend"


static const char *
refs_text(struct ctl_arena *arena, const struct ctl_manifest *m)
{
    const char *text = "{";
    unsigned i;

    for (i = 0; text != NULL && i < m->nmodels; i++) {
        text = ctl_arena_printf(arena, "%s%s%s", text, i > 0 ? "," : "",
                                m->models[i].ref);
    }

    return text != NULL ? ctl_arena_printf(arena, "%s}", text) : NULL;
}


/* What runs the connector of a manifest: itself, or the stub and why. */
static bool
backend_of(struct ctl_change *c, const struct ctl_manifest *m,
    const struct ctl_connect *with, const char **backend, const char **why,
    struct ctl_error *e)
{
    const struct ctl_connector *connector;
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT coalesce($1::jsonb->'provisioner'->>'connector', 'stub'),"
            " coalesce($1::jsonb->'provisioner'->'config', '{}')",
            m->service))
    {
        return false;
    }
    *backend = ctl_rows_at(&rows, 0, 0);
    connector = ctl_connector_find(*backend);
    *why = connector == NULL
           ? "there is no such connector in this version"
           : connector->unarmed(with, ctl_rows_at(&rows, 0, 1), c->arena);
    if (*why != NULL) {
        *backend = "stub";
    }

    return true;
}


/* A module without a backend has nothing that could be away. */
static bool
service_put(struct ctl_change *c, const struct ctl_module *m,
    const struct ctl_connect *with, struct ctl_error *e)
{
    const char *backend, *unarmed;
    const struct ctl_manifest *manifest = m->manifest;
    bool active = m->state == CTL_MODULE_ACTIVE || !manifest->has_inference;
    const char *refs = refs_text(c->arena, manifest);

    if (refs == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!backend_of(c, manifest, with, &backend, &unarmed, e)) {
        return false;
    }

    return CTL_PG(c->pg, c->arena, NULL, e,
        "INSERT INTO services (service_id, manifest, manifest_sha256, models,"
        " active, reason, backend, unarmed) VALUES ($1, $2::jsonb,"
        " sha256(convert_to($2::jsonb::text, 'UTF8')), $3::text[],"
        " $4::boolean, $5, $6, $7) ON CONFLICT (service_id) DO UPDATE SET"
        " manifest = excluded.manifest, models = excluded.models,"
        " manifest_sha256 = excluded.manifest_sha256,"
        " active = excluded.active, reason = excluded.reason,"
        " backend = excluded.backend, unarmed = excluded.unarmed,"
        " read_at = now()",
        m->id, manifest->service, refs, active ? "t" : "f",
        active ? NULL : m->reason, backend, unarmed);
}


bool
ctl_services_publish(struct ctl_change *c, const struct ctl_catalog *from,
    const struct ctl_connect *with, struct ctl_error *e)
{
    const char *ids = "{";
    unsigned i;

    for (i = 0; ids != NULL && i < from->nmodules; i++) {
        const struct ctl_module *m = &from->modules[i];

        ids = ctl_arena_printf(c->arena, "%s%s\"%s\"", ids,
                               i > 0 ? "," : "", m->id);
        if (m->manifest != NULL
            ? !service_put(c, m, with, e)
            : !CTL_PG(c->pg, c->arena, NULL, e,
                "UPDATE services SET reason = $2 WHERE service_id = $1",
                m->id, m->reason))
        {
            return false;
        }
    }
    ids = ids != NULL ? ctl_arena_printf(c->arena, "%s}", ids) : NULL;

    return (ids != NULL || ctl_error_internal(e, "out of memory"))
           && CTL_PG(c->pg, c->arena, NULL, e,
               "DELETE FROM services WHERE service_id <> ALL ($1::text[])",
               ids);
}


static void
service_fill(struct ctl_service *s, const struct ctl_rows *rows, unsigned i)
{
    s->id = ctl_rows_at(rows, i, 0);
    s->shown = ctl_rows_at(rows, i, 1);
    s->backend = ctl_rows_at(rows, i, 2);
}


bool
ctl_service_list(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *after, unsigned limit, struct ctl_service **out, unsigned *n,
    bool *more, struct ctl_error *e)
{
    const char *most = ctl_arena_printf(arena, "%u", limit + 1);
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT " SHOWN " FROM services WHERE service_id > $1"
            " COLLATE \"C\" ORDER BY service_id COLLATE \"C\" LIMIT $2",
            after, most))
    {
        return false;
    }
    *more = rows.nrows > limit;
    *n = *more ? limit : rows.nrows;
    *out = ctl_arena_alloc(arena, (*n + 1) * sizeof(**out));
    for (i = 0; *out != NULL && i < *n; i++) {
        service_fill(&(*out)[i], &rows, i);
    }

    return *out != NULL || ctl_error_internal(e, "out of memory");
}


bool
ctl_service_get(struct ctl_pg *pg, struct ctl_arena *arena, const char *id,
    struct ctl_service *out, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT " SHOWN " FROM services WHERE service_id = $1", id))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_error_set(e, 404, "service_not_found",
                             "There is no service with this id; GET "
                             "/api/services lists them.");
    }
    service_fill(out, &rows, 0);

    return true;
}
