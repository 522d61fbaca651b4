/*
 * Prices of a project as the API takes them: {"model:a/b": {"cost_in": 0.003}}
 *
 * A price is a JSON number, of 1,000 tokens, of one or of a million by the name
 * of its field, as in a module's file; it is kept as an integer of nano-USD per
 * 1,000 tokens, rounded up.  Beside a model's prices there may be those of its
 * service tiers, {"flex": {…}, "priority": {…}}, and of longer prompts,
 * {"long_context": {…}}, with above_tokens where they are of another length.
 * They act when the keeper publishes them, which it does within seconds.
 */
#ifndef CTL_OPS_PROJECT_PRICE_H
#define CTL_OPS_PROJECT_PRICE_H

#include "catalog/project_price.h"
#include "ops/change.h"

#define CTL_PROJECT_PRICES_MAX 64       /* models of one project */

/* Raw JSON, an object or null, to the JSON that is kept; NULL after an error,
 * 400 with the field, as prices.model:a/b.cost_in. */
const char *ctl_project_prices_read(struct ctl_arena *arena, asg_str_t raw,
    struct ctl_error *e);
/* All prices of a project are these: 400 for a model that the catalog does not
 * have, that is free, or that would cost nothing. */
bool ctl_project_prices_set(struct ctl_change *c, const char *project_id,
    const char *prices, struct ctl_error *e);

/* Another one than was published: something has changed. */
bool ctl_project_prices_version(struct ctl_pg *pg, struct ctl_arena *arena,
    int64_t *version, struct ctl_error *e);
/* Those of all projects. */
bool ctl_project_prices_all(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_overrides *out, struct ctl_error *e);

/* As SQL of projects p: what the API answers, in USD per 1,000 tokens. */
#define CTL_PROJECT_PRICES_TOLD(name, prices, deeper) \
    "(SELECT jsonb_object_agg(" \
    "CASE WHEN " name ".key IN ('flex', 'priority', 'long_context'," \
    " 'above_tokens') THEN " name ".key ELSE 'cost_' || " name ".key END," \
    " CASE jsonb_typeof(" name ".value) WHEN 'object' THEN " deeper \
    " ELSE CASE " name ".key WHEN 'above_tokens' THEN " name ".value" \
    " ELSE to_jsonb(trim_scale((" name ".value #>> '{}')::numeric" \
    " * 0.000000001)) END END) FROM jsonb_each(" prices ") " name ")"

#define CTL_PROJECT_PRICES_COLUMN \
    "(SELECT coalesce(jsonb_object_agg(m.key, " \
    CTL_PROJECT_PRICES_TOLD("k", "m.value", \
        CTL_PROJECT_PRICES_TOLD("d", "k.value", "NULL")) \
    "), '{}') FROM jsonb_each(p.prices) m)"

#endif
