/*
 * The table of model prices: the one that ships, and over it the operator's
 * own, model by model.
 *
 * Neither is ever current by itself: `asgard-ctl prices import` brings a newer
 * one.  A table that is wrong refuses the catalog as a whole.
 */
#ifndef CTL_PRICE_TABLE_H
#define CTL_PRICE_TABLE_H

#include "catalog/price_map.h"

/* Made from catalog/prices.json. */
extern const char ctl_prices_shipped[];
extern const size_t ctl_prices_shipped_len;

struct ctl_price_table {
    struct ctl_price_map shipped, own;
    const char *own_file;               /* NULL: there is none */
};

/* `file` is the operator's own; NULL, or one that does not exist: none. */
bool ctl_price_table_load(struct ctl_price_table *t, const char *file,
    struct ctl_findings *f);

/* NULL when there is no such model; `t` may be NULL. */
const struct ctl_price *ctl_price_table_find(const struct ctl_price_table *t,
    const char *name);

#endif
