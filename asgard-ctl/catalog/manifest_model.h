/*
 * One entry of inference.models (private to manifest.c).
 */
#ifndef CTL_MANIFEST_MODEL_H
#define CTL_MANIFEST_MODEL_H

#include "catalog/manifest.h"
#include "catalog/yaml.h"

/* `map` has the right shape. */
bool ctl_manifest_model_take(const struct ctl_manifest *m,
    const struct ctl_yaml *map, const struct ctl_price_table *table,
    struct ctl_model *out, struct ctl_findings *f);

#endif
