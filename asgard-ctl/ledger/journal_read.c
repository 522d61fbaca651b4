/*
 * Pages of the ledger and of the audit log.
 */
#include "ledger/journal_read.h"

#include <string.h>

#include "core/str.h"
#include "ledger/audit_cause.h"
#include "ledger/time_text.h"

/* Nano-USD as the shortest plain decimal: trim_scale drops trailing zeros. */
#define LEDGER_ROW \
    "json_build_object(" \
    "'id', l.id, 'ts', " CTL_TIME_ISO("l.at") ", 'kind', l.kind," \
    "'hold_id', l.hold_id, 'call_id', l.detail->>'call'," \
    "'trace_id', l.detail->>'trace'," \
    "'project_id', l.project_id, 'key_id', l.key_id," \
    "'key_prefix', l.detail->>'prefix', 'user_id', l.detail->>'user'," \
    "'model', l.detail->>'model', 'requested_model', l.detail->>'rm'," \
    "'provider', l.detail->>'provider', 'endpoint', l.detail->>'ep'," \
    "'upstream_request_id', l.detail->>'rid'," \
    "'prompt_tokens', l.detail->'pt', 'completion_tokens', l.detail->'ct'," \
    "'cached_tokens', l.detail->'cat', 'cache_write_tokens'," \
    "l.detail->'cwt', 'cache_write_1h_tokens', l.detail->'cwh'," \
    "'reasoning_tokens', l.detail->'rt', 'prompt_audio_tokens'," \
    "l.detail->'ait', 'completion_audio_tokens', l.detail->'aot'," \
    "'cost_usd', trim_scale(l.delta_nano::numeric / 1000000000)," \
    "'card_version', l.detail->'cv', 'latency_ms', l.detail->'lat'," \
    "'ttft_ms', l.detail->'ttft', 'owner', v.owner_email," \
    "'manager', v.manager_email, 'group', v.group_key," \
    "'cost_center', v.cost_center, 'classification', v.classification," \
    "'flags', coalesce(l.detail->'flags', '[]'::jsonb))"

#define AUDIT_MEMBERS \
    "'id', a.id, 'ts', " CTL_TIME_ISO("a.ts") "," \
    "'actor', a.actor," \
    "'action', a.action, 'entity_ref', a.entity_ref," \
    "'trace_id', nullif(a.trace_id, ''), 'outcome', a.outcome," \
    "'reason', nullif(a.reason, ''), 'data', a.data"

#define AUDIT_WHERE \
    " WHERE ($1::text IS NULL OR a.trace_id = $1" \
    "  OR (a.action = 'gateway.refused' AND a.data -> 'traces' ? $1))" \
    " AND ($2::text IS NULL OR a.entities @> ARRAY[$2])" \
    " AND ($3::text IS NULL OR a.actor = $3)" \
    " AND a.id > coalesce($4::bigint, 0)" \
    " AND ($6::text IS NULL OR a.action = $6)" \
    " AND ($7::timestamptz IS NULL OR a.ts >= $7)" \
    " AND ($8::timestamptz IS NULL OR a.ts < $8)" \
    " ORDER BY a.id LIMIT $5"


static bool
check_time(const char *name, const char *text, struct ctl_error *e)
{
    int64_t at;

    return text == NULL || ctl_time_read(name, text, &at, e);
}


static bool
check_cursor(const char *text, struct ctl_error *e)
{
    uint64_t n;

    return text == NULL
           || (asg_str_u64(asg_str_z(text), &n) && n <= INT64_MAX)
           || ctl_error_field(e, "invalid_value", "cursor",
                              "cursor is not one that was given out.");
}


/* Rows of (id, json), one more than asked to know whether there are others. */
static bool
page_fill(struct ctl_arena *arena, const struct ctl_rows *rows,
    unsigned limit, struct ctl_page *out, struct ctl_error *e)
{
    unsigned i;

    out->n = rows->nrows > limit ? limit : rows->nrows;
    out->next = rows->nrows > limit ? ctl_rows_at(rows, limit - 1, 0) : NULL;
    out->rows = ctl_arena_alloc(arena, (out->n + 1) * sizeof(char *));
    for (i = 0; out->rows != NULL && i < out->n; i++) {
        out->rows[i] = ctl_rows_at(rows, i, 1);
    }

    return out->rows != NULL || ctl_error_internal(e, "out of memory");
}


bool
ctl_ledger_page(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_ledger_filter *f, struct ctl_page *out,
    struct ctl_error *e)
{
    const char *most = ctl_arena_printf(arena, "%u", f->limit + 1);
    struct ctl_rows rows;

    return check_time("since", f->since, e) && check_time("until", f->until, e)
           && check_cursor(f->cursor, e)
           && CTL_PG(pg, arena, &rows, e,
                "SELECT l.id, " LEDGER_ROW
                " FROM ledger l LEFT JOIN project_versions v"
                " ON v.project_id = l.project_id"
                " AND v.version = l.project_version"
                " WHERE ($1::text IS NULL OR l.project_id = $1)"
                " AND ($2::timestamptz IS NULL OR l.at >= $2)"
                " AND ($3::timestamptz IS NULL OR l.at < $3)"
                " AND l.id > coalesce($4::bigint, 0)"
                " AND ($6::text IS NULL OR l.project_id IN"
                " (SELECT project_id FROM projects"
                " WHERE owner_email = $6 OR manager_email = $6))"
                " ORDER BY l.id LIMIT $5",
                f->project, f->since, f->until, f->cursor, most, f->email)
           && page_fill(arena, &rows, f->limit, out, e);
}


/* "project:proj-2026-0001" finds by its bare id, like the id alone. */
static const char *
bare_entity(const char *entity)
{
    const char *colon = entity != NULL ? strchr(entity, ':') : NULL;

    return colon != NULL ? colon + 1 : entity;
}


/* What one call met is few events, and says why; a page of all is the log. */
#define AUDIT_PAGE \
    "SELECT a.id, json_build_object(" AUDIT_MEMBERS ") FROM audit_events a" \
    AUDIT_WHERE

#define AUDIT_TRACE \
    "SELECT a.id, json_build_object(" AUDIT_MEMBERS ", 'cause', " \
    CTL_AUDIT_CAUSE_JSON ") FROM (SELECT * FROM audit_events a" AUDIT_WHERE \
    ") a" CTL_AUDIT_CAUSE("$9::boolean") " ORDER BY a.id"


bool
ctl_audit_page(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_audit_filter *f, struct ctl_page *out,
    struct ctl_error *e)
{
    unsigned limit = f->trace != NULL && f->limit > CTL_AUDIT_TRACE_MAX
                     ? CTL_AUDIT_TRACE_MAX : f->limit;
    const char *params[] = {
        f->trace, bare_entity(f->entity), f->actor, f->cursor,
        ctl_arena_printf(arena, "%u", limit + 1), f->action, f->since,
        f->until, f->sees_all ? "t" : "f"
    };
    struct ctl_rows rows;

    return check_time("since", f->since, e) && check_time("until", f->until, e)
           && check_cursor(f->cursor, e)
           && ctl_pg_query(pg, arena, &rows, e,
                           f->trace != NULL ? AUDIT_TRACE : AUDIT_PAGE,
                           f->trace != NULL ? 9 : 8, params)
           && page_fill(arena, &rows, limit, out, e);
}
