/*
 * Names of one's own for models, as a client sends them.
 */
#include "ops/alias.h"

#include <stdio.h>

#include "core/alias.h"
#include "core/json.h"

#define FIELD_BYTES 128


bool
ctl_aliases_check(struct ctl_arena *arena, asg_str_t raw, const char *field,
    struct ctl_error *e)
{
    asg_json_t *json = ctl_arena_alloc(arena, sizeof(*json));
    char packed[ASG_ALIASES_BYTES];
    asg_buf_t aliases;

    if (json == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    asg_json_begin(json, raw, (uint64_t) (uintptr_t) json);
    asg_buf_init(&aliases, packed, sizeof(packed));

    return (!asg_str_eq_z(raw, "null")
            && asg_alias_read(json, &aliases) == ASG_OK)
           || ctl_error_field(e, "invalid_value", field,
                              "%s must name models: at most %d, together at "
                              "most %d bytes.", field, ASG_ALIASES_MAX,
                              ASG_ALIASES_BYTES);
}


/* The names of the snapshot in service: its body is behind the first line. */
#define NAMES \
    "SELECT n ->> 'name' FROM (SELECT substr(body, strpos(body, E'\\n') + 1)" \
    "::jsonb AS catalog FROM catalog_snapshots ORDER BY version DESC LIMIT 1)" \
    " AS s, jsonb_array_elements(catalog -> 'names') AS n"

bool
ctl_aliases_lead(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *project_id, asg_str_t raw, const char *field,
    struct ctl_error *e)
{
    const char *aliases = ctl_arena_text(arena, raw.data, raw.len);
    char which[FIELD_BYTES];
    struct ctl_rows rows;

    if (aliases == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT key, value, ($2::jsonb ? value)::int"
            " FROM jsonb_each_text($2::jsonb) WHERE $2::jsonb ? value"
            " OR NOT (value IN (" NAMES ") OR EXISTS (SELECT 1 FROM projects"
            " WHERE project_id = $1 AND projects.aliases ? value))"
            " ORDER BY key LIMIT 1", project_id, aliases))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return true;
    }
    snprintf(which, sizeof(which), "%s.%.100s", field,
             ctl_rows_at(&rows, 0, 0));

    return ctl_error_field(e, "invalid_value", which,
                           ctl_rows_i64(&rows, 0, 2) != 0
                           ? "%s stands for %.200s, a name of this key too: no "
                             "chain or loop is followed."
                           : "%s stands for %.200s, which is no model.",
                           which, ctl_rows_at(&rows, 0, 1));
}
