/*
 * What one project pays instead of a model's price.
 *
 * A kind that is not said costs what the model costs, and a longer prompt never
 * less than a shorter one.  The API's prices of a project for a model replace
 * those of the module's file for the same two.
 */
#ifndef CTL_PROJECT_PRICE_H
#define CTL_PROJECT_PRICE_H

#include "catalog/catalog.h"

/* By the API; the model is an active one's ref, or it waits for one. */
struct ctl_override {
    const char *project;
    const char *ref;
    struct ctl_prices said;
    bool left_out;                      /* no price that its model can have */
};

struct ctl_overrides {
    struct ctl_override *items;         /* sorted by ref, then by project */
    unsigned n;
};

/* The rates of a model for who pays what is said; its prices of short prompts
 * are the result. */
struct ctl_prices ctl_price_rates_with(const struct ctl_price *model,
    const struct ctl_prices *said, asg_rates_t *out);

/* Makes the catalog's cards of projects those of the files and these; with none
 * those of the files alone.  What is made is of `arena`.  False when memory ran
 * out: the cards are those of the files. */
bool ctl_catalog_override(struct ctl_catalog *c, struct ctl_arena *arena,
    const struct ctl_overrides *with);

#endif
