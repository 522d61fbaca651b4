/*
 * Grants in Postgres.
 */
#include "ops/secret_grant.h"

#include <string.h>

#include "ledger/time_text.h"

#define ACCESSED "secret.accessed"
#define TEXT_OF(n) #n
#define MINUTES(n) TEXT_OF(n) " * interval '1 minute'"
#define UNTIL "g.first_read_at + " MINUTES(CTL_SECRET_READABLE_MIN)

#define SHOWN \
    "s.name, s.version, s.state, s.resource_id, s.output, " \
    CTL_TIME_ISO("s.created_at") ", " CTL_TIME_ISO("s.ended_at") ", " \
    CTL_TIME_ISO("g.first_read_at") ", " CTL_TIME_ISO("(" UNTIL ")") ", " \
    CTL_TIME_ISO("g.acknowledged_at")

enum column {
    NAME, VERSION, STATE, RESOURCE, OUTPUT, CREATED, ENDED, READ, READABLE,
    ACKNOWLEDGED
};


static bool
absent(struct ctl_error *e)
{
    return ctl_error_set(e, 404, "secret_not_found",
                         "There is no such secret.");
}


bool
ctl_secret_gone(struct ctl_error *e)
{
    return ctl_error_set(e, 410, "secret_gone",
                         "You have read this version: it was acknowledged, or "
                         "%d minutes are over.  Rotate the secret to get a "
                         "new one.", CTL_SECRET_READABLE_MIN);
}


static void
shown_fill(struct ctl_arena *arena, const char *project_id,
    struct ctl_secret_shown *s, const struct ctl_rows *rows, unsigned i)
{
    s->name = ctl_rows_at(rows, i, NAME);
    s->path = ctl_arena_printf(arena, "%s/%s", project_id, s->name);
    s->version = ctl_rows_i64(rows, i, VERSION);
    s->state = ctl_rows_at(rows, i, STATE);
    s->resource_id = ctl_rows_at(rows, i, RESOURCE);
    s->output = ctl_rows_at(rows, i, OUTPUT);
    s->created_at = ctl_rows_at(rows, i, CREATED);
    s->ended_at = ctl_rows_at(rows, i, ENDED);
    s->first_read_at = ctl_rows_at(rows, i, READ);
    s->readable_until = ctl_rows_at(rows, i, READABLE);
    s->acknowledged_at = ctl_rows_at(rows, i, ACKNOWLEDGED);
}


bool
ctl_secret_list(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *project_id, const char *principal, const char *after,
    unsigned limit, struct ctl_secret_shown **out, unsigned *n, bool *more,
    struct ctl_error *e)
{
    const char *most = ctl_arena_printf(arena, "%u", limit + 1);
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT " SHOWN " FROM (SELECT DISTINCT ON (name) * FROM secrets"
            "  WHERE project_id = $1 AND name > $3 AND state <> 'pending'"
            "  ORDER BY name, version DESC LIMIT $4) s"
            " LEFT JOIN secret_grants g ON g.project_id = s.project_id"
            "  AND g.name = s.name AND g.version = s.version"
            "  AND g.principal = $2 ORDER BY s.name", project_id, principal,
            after, most))
    {
        return false;
    }
    *more = rows.nrows > limit;
    *n = *more ? limit : rows.nrows;
    *out = ctl_arena_alloc(arena, (*n + 1) * sizeof(**out));
    for (i = 0; *out != NULL && i < *n; i++) {
        shown_fill(arena, project_id, &(*out)[i], &rows, i);
    }

    return *out != NULL || ctl_error_internal(e, "out of memory");
}


/* --- api --- */

/* Found by the secret's path, the project, the grant, and the person. */
static bool
audit_access(struct ctl_change *c, const struct ctl_secret_grant *g,
    struct ctl_error *e)
{
    const struct ctl_audit_event event = {
        .actor = c->actor, .action = ACCESSED, .entity_kind = "secret",
        .entity_id = g->ref.path, .trace_id = c->trace_id,
        .also = {g->ref.project_id, g->id, c->person},
        .data = ctl_audit_data(c->arena, (const struct ctl_audit_field[]) {
            {"name", g->ref.name},
            {"version", ctl_arena_printf(c->arena, "%lld",
                                         (long long) g->ref.version)},
            {"grant", g->id}}, 3)
    };

    return ctl_audit_write(c->pg, c->arena, &event, e);
}


bool
ctl_secret_grant(struct ctl_change *c, const char *project_id,
    const char *name, struct ctl_secret_grant *out, struct ctl_error *e)
{
    struct ctl_rows rows;
    bool is_over;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "INSERT INTO secret_grants AS g (project_id, name, version,"
            " principal) SELECT project_id, name, version, $3 FROM secrets"
            "  WHERE project_id = $1 AND name = $2 AND state = 'active'"
            " ON CONFLICT (project_id, name, version, principal)"
            " DO UPDATE SET principal = excluded.principal"
            " RETURNING grant_id, version, acknowledged_at IS NOT NULL"
            "  OR coalesce(" UNTIL " <= now(), false)", project_id, name,
            c->actor))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return absent(e);
    }
    out->id = ctl_rows_at(&rows, 0, 0);
    out->ref.project_id = project_id;
    out->ref.name = name;
    out->ref.version = ctl_rows_i64(&rows, 0, 1);
    out->ref.path = ctl_arena_printf(c->arena, "%s/%s", project_id, name);
    is_over = strcmp(ctl_rows_at(&rows, 0, 2), "t") == 0;
    if (out->ref.path == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return is_over ? ctl_secret_gone(e) : audit_access(c, out, e);
}


bool
ctl_secret_shown(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_secret_grant *grant, struct ctl_secret_shown *out,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT " SHOWN " FROM secrets s JOIN secret_grants g"
            " USING (project_id, name, version) WHERE grant_id = $1::uuid",
            grant->id))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return absent(e);
    }
    shown_fill(arena, grant->ref.project_id, out, &rows, 0);

    return true;
}


/* The version: as it was said, else the active one; 0: there is none. */
static bool
version_find(struct ctl_change *c, const char *project_id, const char *name,
    int64_t said, int64_t *version, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT version FROM secrets WHERE project_id = $1 AND name = $2"
            " AND state <> 'pending' AND CASE WHEN $3::bigint > 0"
            "  THEN version = $3::bigint ELSE state = 'active' END",
            project_id, name, ctl_arena_printf(c->arena, "%lld",
                                               (long long) said)))
    {
        return false;
    }
    *version = rows.nrows == 0 ? 0 : ctl_rows_i64(&rows, 0, 0);

    return *version > 0 || absent(e);
}


bool
ctl_secret_acknowledge(struct ctl_change *c, const char *project_id,
    const char *name, int64_t version, struct ctl_secret_shown *out,
    struct ctl_error *e)
{
    struct ctl_secret_grant g = {.ref = {NULL, project_id, name, 0}};
    struct ctl_rows rows;

    g.ref.path = ctl_arena_printf(c->arena, "%s/%s", project_id, name);
    if (g.ref.path == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!version_find(c, project_id, name, version, &g.ref.version, e)
        || !CTL_PG(c->pg, c->arena, &rows, e,
            "UPDATE secret_grants SET acknowledged_at ="
            " coalesce(acknowledged_at, now()) WHERE project_id = $1"
            " AND name = $2 AND version = $3 AND principal = $4"
            " AND first_read_at IS NOT NULL RETURNING grant_id",
            project_id, name, ctl_arena_printf(c->arena, "%lld",
                                               (long long) g.ref.version),
            c->actor))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_error_set(e, 409, "secret_unread",
                             "You have not read this version.");
    }
    g.id = ctl_rows_at(&rows, 0, 0);

    return ctl_change_audit(c, "secret.acknowledged", "secret", g.ref.path,
               project_id, NULL,
               ctl_audit_data(c->arena, (const struct ctl_audit_field[]) {
                   {"name", name}, {"grant", g.id}}, 2), e)
           && ctl_secret_shown(c->pg, c->arena, &g, out, e);
}


/* --- keeper --- */

/* Why it was not used. */
static bool
use_refused(struct ctl_pg *pg, struct ctl_arena *arena, const char *grant_id,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT 1 FROM secret_grants g JOIN secrets s"
            " USING (project_id, name, version) WHERE grant_id = $1::uuid"
            " AND (acknowledged_at IS NOT NULL OR s.state <> 'active'"
            "  OR coalesce(" UNTIL " <= now(), false))", grant_id))
    {
        return false;
    }

    return rows.nrows > 0 ? ctl_secret_gone(e)
        : ctl_error_set(e, 403, "forbidden",
                        "This grant opens nothing.");
}


/* The row is held before the entries are counted: what another used meanwhile
 * has its entry by then. */
static bool
grant_take(struct ctl_pg *pg, struct ctl_arena *arena, const char *grant_id,
    int64_t version, struct ctl_secret_ref *out, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, NULL, e,
            "SELECT 1 FROM secret_grants WHERE grant_id = $1::uuid FOR UPDATE",
            grant_id)
        || !CTL_PG(pg, arena, &rows, e,
            "UPDATE secret_grants g SET opened = opened + 1,"
            " first_read_at = coalesce(first_read_at, now()) FROM secrets s"
            " WHERE g.grant_id = $1::uuid AND g.version = $2"
            "  AND s.project_id = g.project_id AND s.name = g.name"
            "  AND s.version = g.version AND s.state = 'active'"
            "  AND g.acknowledged_at IS NULL"
            "  AND coalesce(" UNTIL " > now(), true)"
            "  AND g.opened < (SELECT count(*) FROM audit_events"
            "   WHERE entities @> ARRAY[g.grant_id::text]"
            "   AND action = '" ACCESSED "')"
            " RETURNING g.project_id, g.name, g.version", grant_id,
            ctl_arena_printf(arena, "%lld", (long long) version)))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return use_refused(pg, arena, grant_id, e);
    }
    out->project_id = ctl_rows_at(&rows, 0, 0);
    out->name = ctl_rows_at(&rows, 0, 1);
    out->version = ctl_rows_i64(&rows, 0, 2);
    out->path = ctl_arena_printf(arena, "%s/%s", out->project_id, out->name);

    return out->path != NULL || ctl_error_internal(e, "out of memory");
}


bool
ctl_secret_grant_use(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *grant_id, int64_t version, struct ctl_secret_ref *out,
    struct ctl_error *e)
{
    if (!ctl_pg_begin(pg, e)) {
        return false;
    }
    if (!grant_take(pg, arena, grant_id, version, out, e)) {
        ctl_pg_rollback(pg);
        return false;
    }

    return ctl_pg_commit(pg, e);
}
