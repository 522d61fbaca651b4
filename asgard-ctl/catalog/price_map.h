/*
 * LiteLLM's map of model prices, read exactly.
 *
 *     {"gpt-5.1": {"mode": "chat", "input_cost_per_token": 1.25e-06, …}, …}
 *
 * What can be charged by token is kept as integers; digits below a pico-dollar
 * are rounded up.  Fields that price something else (a second, an image, a
 * query) are left out and counted, and so are models that have no whole price
 * by token, or one per request beside it.  Where a model has several context
 * lengths with other prices, the shortest stays and each kind costs what the
 * dearest of them says.  A price above a context length is never below the one
 * under it.
 *
 * Names that begin with "_" and "sample_spec" are no models.  A text that is
 * not such a map, or a name that stands twice, refuses the whole, with file and
 * line.  So does a price that is no number in range, or that stands in two
 * units; but of a map of others that is imported it leaves its model out, with
 * a warning that names it.  Everything belongs to the arena of the findings.
 */
#ifndef CTL_PRICE_MAP_H
#define CTL_PRICE_MAP_H

#include "catalog/finding.h"
#include "catalog/price.h"

#define CTL_PRICE_MAP_BYTES_MAX  (16u * 1024 * 1024)
#define CTL_PRICE_MAP_MODELS_MAX 16384

/* For what a call is made; none of ours is a batch. */
enum ctl_price_tier {
    CTL_TIER_STANDARD, CTL_TIER_PRIORITY, CTL_TIER_FLEX, CTL_TIER_BATCH,
    CTL_TIERS
};

struct ctl_price {
    const char *name;
    unsigned line;
    bool embedding;                     /* has no answer that costs */
    bool own;                           /* of the operator's own table */
    int64_t above_tokens;               /* 0: one price for every length */
    struct ctl_prices base[CTL_TIERS], above[CTL_TIERS];
};

struct ctl_price_map {
    struct ctl_price *items;            /* sorted by name */
    unsigned n;
    unsigned models_left_out;           /* no whole price by token */
    unsigned models_by_request;         /* of them: a request costs, too */
    unsigned models_unusable;           /* of them: a price is no number */
    unsigned fields_left_out;           /* of another unit */
    unsigned lengths_merged;            /* models with several lengths */
};

bool ctl_price_map_parse(struct ctl_price_map *map, const char *file,
    asg_str_t text, struct ctl_findings *f);
bool ctl_price_map_import(struct ctl_price_map *map, const char *file,
    asg_str_t text, struct ctl_findings *f);

/* The field of a map that prices a kind, as "input_cost_per_token", without
 * what stands behind it for a tier. */
const char *ctl_price_map_field(enum ctl_price_kind kind);
const char *ctl_price_tier_name(enum ctl_price_tier tier);

#endif
