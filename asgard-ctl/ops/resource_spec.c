/*
 * Specs by connector.
 */
#include "ops/resource_spec.h"

#include <string.h>

#include "connect/random.h"
#include "core/money.h"
#include "core/view.h"

#define MODELS_MAX "64"
#define NUMBER(n)  #n
#define TEXT(n)    NUMBER(n)

/* One row: $1 the spec, $2 the service.  NULL where nothing is wrong. */
#define LITELLM \
    "WITH s AS (SELECT $1::jsonb AS spec, coalesce((SELECT manifest" \
    "  #> '{provisioner,config,models}' FROM services" \
    "  WHERE service_id = $2), 'null') AS allowed)," \
    " m AS (SELECT *, nullif(spec->'models', 'null') AS models FROM s)" \
    " SELECT (SELECT min(key) FROM jsonb_object_keys(spec) key WHERE key" \
    "   NOT IN ('max_budget_usd', 'models', 'budget_duration', 'rpm_limit'," \
    "   'tpm_limit'))," \
    " CASE jsonb_typeof(spec->'max_budget_usd') WHEN 'number'" \
    "  THEN spec->>'max_budget_usd' END," \
    " models IS NULL AND jsonb_typeof(allowed) <> 'array'" \
    "  AND allowed <> '\"all\"'," \
    " models IS NOT NULL AND (jsonb_typeof(models) <> 'array'" \
    "  OR jsonb_path_exists(models, 'strict $[*] ? (@.type() != \"string\"" \
    "   || @ == \"\")') OR jsonb_array_length(CASE jsonb_typeof(models)" \
    "   WHEN 'array' THEN models ELSE '[]' END) NOT BETWEEN 1 AND " \
    MODELS_MAX ")," \
    " (SELECT min(name) FROM jsonb_array_elements_text(CASE" \
    "   jsonb_typeof(models) WHEN 'array' THEN models ELSE '[]' END) name" \
    "   WHERE jsonb_typeof(allowed) = 'array' AND NOT allowed ? name)," \
    " (SELECT min(name) FROM unnest('{rpm_limit,tpm_limit}'::text[]) name" \
    "   WHERE spec ? name AND NOT (jsonb_typeof(spec->name) = 'number'" \
    "   AND spec->>name ~ '^[1-9][0-9]{0,8}$'))," \
    " spec ? 'budget_duration' AND NOT (jsonb_typeof(spec->" \
    "  'budget_duration') = 'string' AND spec->>'budget_duration'" \
    "  ~ '^[1-9][0-9]{0,3}(s|m|h|d|mo)$')" \
    " FROM m"

enum column {
    UNKNOWN, BUDGET, UNSAID_MODELS, BAD_MODELS, OTHER_MODEL, LIMIT, PERIOD
};


static bool
says(const struct ctl_rows *rows, enum column col)
{
    return strcmp(ctl_rows_at(rows, 0, col), "t") == 0;
}


static bool
wrong(struct ctl_error *e, struct ctl_arena *arena, const char *name,
    const char *must_be)
{
    const char *param = ctl_arena_printf(arena, "spec.%s", name);

    return param == NULL ? ctl_error_internal(e, "out of memory")
           : ctl_error_field(e, "invalid_value", param, "%s %s", param,
                             must_be);
}


/* LiteLLM takes an empty list of models as all of them, and a key without a
 * budget as one without limit. */
static bool
models_check(struct ctl_arena *arena, const struct ctl_rows *rows,
    struct ctl_error *e)
{
    const char *other = ctl_rows_at(rows, 0, OTHER_MODEL);

    if (says(rows, UNSAID_MODELS)) {
        return ctl_error_field(e, "missing_field", "spec.models",
                               "The field spec.models is required: this "
                               "service does not give all models at once.");
    }
    if (says(rows, BAD_MODELS)) {
        return wrong(e, arena, "models",
                     "is a list of 1 to " MODELS_MAX " names.");
    }
    if (other != NULL) {
        return ctl_error_field(e, "invalid_value", "spec.models",
                               "This service does not give the model \"%s\".",
                               other);
    }

    return true;
}


static bool
litellm_check(struct ctl_pg *pg, struct ctl_arena *arena, const char *service,
    const char *spec, struct ctl_error *e)
{
    struct ctl_rows rows;
    asg_nusd_t nusd;

    if (!CTL_PG(pg, arena, &rows, e, LITELLM, spec, service)) {
        return false;
    }
    if (ctl_rows_at(&rows, 0, UNKNOWN) != NULL) {
        return wrong(e, arena, ctl_rows_at(&rows, 0, UNKNOWN),
                     "is no field of this service.");
    }
    if (ctl_rows_at(&rows, 0, BUDGET) == NULL
        || asg_money_parse(asg_str_z(ctl_rows_at(&rows, 0, BUDGET)), &nusd)
           != ASG_OK || nusd == 0)
    {
        return wrong(e, arena, "max_budget_usd",
                     "is an amount of USD above 0, a plain number of at most "
                     "nine decimals.");
    }
    if (ctl_rows_at(&rows, 0, LIMIT) != NULL) {
        return wrong(e, arena, ctl_rows_at(&rows, 0, LIMIT),
                     "is a whole number from 1 to 999999999.");
    }
    if (says(&rows, PERIOD)) {
        return wrong(e, arena, "budget_duration",
                     "is a number of at most four digits and s, m, h, d or "
                     "mo, such as 30d.");
    }

    return models_check(arena, &rows, e);
}


/* A field that is not ours is a slip of the pen. */
static bool
random_check(struct ctl_arena *arena, const char *spec, struct ctl_error *e)
{
    asg_view_t members = asg_view_open(asg_str_z(spec));
    const char *bad = ctl_random_wrong(spec);
    asg_view_member_t m;

    if (bad != NULL) {
        return wrong(e, arena, bad, strcmp(bad, "length") == 0
                     ? "is a whole number from "
                       TEXT(CTL_RANDOM_LENGTH_LEAST) " to "
                       TEXT(CTL_RANDOM_LENGTH_MAX) "."
                     : "is one of " CTL_RANDOM_ALPHABETS ".");
    }
    while (asg_view_member(&members, &m)) {
        if (!asg_str_eq_z(m.key, "length") && !asg_str_eq_z(m.key, "alphabet")
            && !asg_str_eq_z(m.key, "environment"))
        {
            return wrong(e, arena,
                         ctl_arena_printf(arena, "%.*s",
                             (int) (m.key.len < 64 ? m.key.len : 64),
                             m.key.data), "is no field of this service.");
        }
    }

    return true;
}


bool
ctl_resource_spec_check(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *service, const char *connector, const char *spec,
    struct ctl_error *e)
{
    if (strcmp(connector, "random") == 0) {
        return random_check(arena, spec, e);
    }

    return strcmp(connector, "litellm") != 0
           || litellm_check(pg, arena, service, spec, e);
}
