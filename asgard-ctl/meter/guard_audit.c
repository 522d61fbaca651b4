/*
 * Verdicts of guardrails into the audit log.
 */
#include "meter/guard_audit.h"

#include <string.h>

#include "store/audit.h"

#define VERDICT_BYTES 128               /* of JSON beside the text's own */
#define PARTS         5                 /* q:rule:category:action:matches */

/* Of a call the first entry: its hold may have others. */
#define SQL_FOUND \
    "SELECT t.project_id, t.key_id::text, t.detail->>'trace'," \
    " t.detail->>'call', t.detail->>'gr'" \
    " FROM jsonb_to_recordset($1::jsonb) AS t(n int, seq int," \
    " project_id text, key_id uuid, detail jsonb)" \
    " WHERE t.seq = 1 AND jsonb_typeof(t.detail->'gr') = 'string'" \
    " AND t.project_id <> '' ORDER BY t.n"


static asg_str_t
part_take(asg_str_t *rest, char stop)
{
    const char *found = memchr(rest->data, stop, rest->len);
    asg_str_t part = {rest->data, found != NULL
                                  ? (size_t) (found - rest->data)
                                  : rest->len};

    rest->data += part.len + (found != NULL);
    rest->len -= part.len + (found != NULL);

    return part;
}


static void
verdict_put(asg_buf_t *out, asg_str_t text)
{
    asg_str_t part[PARTS];
    uint64_t matches;
    unsigned i;

    for (i = 0; i < PARTS; i++) {
        part[i] = part_take(&text, ':');
    }
    if (text.len > 0 || !asg_str_u64(part[PARTS - 1], &matches)) {
        return;
    }
    asg_buf_z(out, out->len > 1 ? ",{\"rule_id\":" : "{\"rule_id\":");
    asg_buf_json(out, part[1]);
    asg_buf_z(out, ",\"category\":");
    asg_buf_json(out, part[2]);
    asg_buf_z(out, ",\"action\":");
    asg_buf_json(out, part[3]);
    asg_buf_z(out, ",\"matches\":");
    asg_buf_u64(out, matches);
    asg_buf_z(out, ",\"in\":");
    asg_buf_json(out, asg_str_eq_z(part[0], "a") ? ASG_STR("answer")
                                                 : ASG_STR("request"));
    asg_buf_z(out, "}");
}


const char *
ctl_guard_verdicts(struct ctl_arena *arena, const char *text)
{
    asg_str_t rest = asg_str_z(text);
    size_t bytes = 6 * rest.len + 8, i;
    asg_buf_t out;

    for (i = 0; i < rest.len; i++) {
        bytes += text[i] == ',' ? VERDICT_BYTES : 0;
    }
    bytes += VERDICT_BYTES;
    asg_buf_init(&out, ctl_arena_alloc(arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "[");
    while (rest.len > 0) {
        verdict_put(&out, part_take(&rest, ','));
    }
    asg_buf_z(&out, "]");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


static const char *
data_of(struct ctl_arena *arena, const char *call, const char *verdicts)
{
    size_t bytes = 6 * strlen(call) + strlen(verdicts) + 32;
    asg_buf_t out;

    asg_buf_init(&out, ctl_arena_alloc(arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "{\"call\":");
    asg_buf_json(&out, asg_str_z(call));
    asg_buf_z(&out, ",\"verdicts\":");
    asg_buf_z(&out, verdicts);
    asg_buf_z(&out, "}");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


static bool
found_write(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_rows *rows, unsigned i, struct ctl_error *e)
{
    const char *call = ctl_rows_at(rows, i, 3);
    const char *verdicts = ctl_guard_verdicts(arena, ctl_rows_at(rows, i, 4));
    struct ctl_audit_event event = {
        .actor = "system:meter", .action = "gateway.guardrail",
        .entity_kind = "project", .entity_id = ctl_rows_at(rows, i, 0),
        .also = {ctl_rows_at(rows, i, 1)},
        .trace_id = ctl_rows_at(rows, i, 2)
    };

    if (verdicts != NULL) {
        event.data = data_of(arena, call != NULL ? call : "", verdicts);
    }
    if (event.data == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return ctl_audit_write(pg, arena, &event, e);
}


bool
ctl_guard_audit(struct ctl_pg *pg, struct ctl_arena *arena,
    const asg_buf_t *entries, struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    if (memmem(entries->data, entries->len, "\"gr\"", 4) == NULL) {
        return true;
    }
    if (!CTL_PG(pg, arena, &rows, e, SQL_FOUND, entries->data)) {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        if (!found_write(pg, arena, &rows, i, e)) {
            return false;
        }
    }

    return true;
}
