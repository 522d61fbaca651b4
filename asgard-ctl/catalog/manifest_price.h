/*
 * The prices of one model: what fills them, and the entry of the table.
 *
 * They come from the table of prices, under the name that `price.table` says,
 * else <module>/<served>, else the served name; what the manifest says of a
 * kind replaces the table's.  A model whose manifest says what a prompt and an
 * answer cost needs no table, and then takes nothing from it.
 */
#ifndef CTL_MANIFEST_PRICE_H
#define CTL_MANIFEST_PRICE_H

#include "catalog/manifest.h"
#include "catalog/yaml.h"

/* The entry that this model would have of the table; NULL: none. */
const struct ctl_price *ctl_manifest_price_find(const struct ctl_manifest *m,
    const struct ctl_model *model, const struct ctl_price_table *table);

/* Fills model->card.rates, free, priced.  `map` has the right shape; names,
 * APIs and bounds of the model are known. */
bool ctl_manifest_price_take(const struct ctl_manifest *m,
    const struct ctl_yaml *map, const struct ctl_price_table *table,
    struct ctl_model *model, struct ctl_findings *f);

#endif
