/*
 * Specs by connector.
 */
#include "ops/resource_spec.h"

#include <string.h>

#include "core/money.h"

#define MODELS_MAX 64


/* LiteLLM takes an empty list of models as all of them, and a key without a
 * budget as one without limit. */
static bool
litellm_check(struct ctl_pg *pg, struct ctl_arena *arena, const char *spec,
    struct ctl_error *e)
{
    struct ctl_rows rows;
    const char *budget, *models;
    asg_nusd_t nusd;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT CASE jsonb_typeof($1::jsonb->'max_budget_usd')"
            "  WHEN 'number' THEN $1::jsonb->>'max_budget_usd' END,"
            " CASE WHEN $1::jsonb->'models' IS NULL"
            "   OR $1::jsonb->'models' = 'null' THEN '1'"
            "  WHEN jsonb_typeof($1::jsonb->'models') <> 'array' THEN '0'"
            "  WHEN jsonb_path_exists($1::jsonb,"
            "   '$.models[*] ? (@.type() != \"string\" || @ == \"\")')"
            "  THEN '0' ELSE jsonb_array_length($1::jsonb->'models')::text"
            " END", spec))
    {
        return false;
    }
    budget = ctl_rows_at(&rows, 0, 0);
    models = ctl_rows_at(&rows, 0, 1);
    if (budget == NULL
        || asg_money_parse(asg_str_z(budget), &nusd) != ASG_OK || nusd == 0)
    {
        return ctl_error_field(e, "invalid_value", "spec.max_budget_usd",
                               "spec.max_budget_usd is an amount of USD above "
                               "0, a plain number of at most nine decimals.");
    }
    if (strcmp(models, "0") == 0
        || ctl_rows_i64(&rows, 0, 1) > MODELS_MAX)
    {
        return ctl_error_field(e, "invalid_value", "spec.models",
                               "spec.models is a list of 1 to %d names; leave "
                               "it out for all models.", MODELS_MAX);
    }

    return true;
}


bool
ctl_resource_spec_check(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *connector, const char *spec, struct ctl_error *e)
{
    return strcmp(connector, "litellm") != 0
           || litellm_check(pg, arena, spec, e);
}
