/*
 * What one project pays instead of a model's price.
 *
 * A kind that is not said costs what the model costs, a longer prompt never
 * less than a shorter one, and a service tier of which nothing is said what the
 * model costs there.  What is said of a tier lies over the model's price there
 * alone, never over the project's own standard.  The API's prices of a project
 * for a model replace all those of the module's file for the same two.
 */
#ifndef CTL_PROJECT_PRICE_H
#define CTL_PROJECT_PRICE_H

#include "catalog/catalog.h"
#include "core/tier.h"

/* By the API; the model is an active one's ref, or it waits for one. */
struct ctl_override {
    const char *project;
    const char *ref;
    struct ctl_price said;
    bool left_out;                      /* no price that its model can have */
};

struct ctl_overrides {
    struct ctl_override *items;         /* sorted by ref, then by project */
    unsigned n;
};

#define CTL_SERVICE_TIERS     2
#define CTL_PROJECT_CARDS_MAX (1 + CTL_SERVICE_TIERS)   /* of one model */

/* Those of the table's tiers that a call may be served at, beside standard. */
struct ctl_service_tier {
    const char *name;
    enum ctl_price_tier from;
    asg_tier_t tier;
};

extern const struct ctl_service_tier ctl_service_tiers[CTL_SERVICE_TIERS];

/* Audio that a tier does not price costs as at the standard one. */
void ctl_price_tier_audio(const struct ctl_prices *standard,
    struct ctl_prices *tier);
/* What a prompt and, where the model has answers, an answer cost is known. */
bool ctl_prices_are_enough(const struct ctl_model *model,
    const struct ctl_prices *p);

/* A bit of each enum ctl_price_tier of which something is said; a price of long
 * prompts is of the standard one. */
unsigned ctl_price_said(const struct ctl_price *said);
/* Each tier of which something is said has a price, with the model's. */
bool ctl_price_is_enough(const struct ctl_model *model,
    const struct ctl_price *said);
/* A price of longer prompts is below the one that is said of shorter ones, or
 * nobody says how long they are. */
bool ctl_price_length_is_wrong(const struct ctl_price *model,
    const struct ctl_price *said);

/* The cards of a project that pays what is said: the standard one, always, and
 * one of each tier of which something is said.  0: there was no memory. */
unsigned ctl_project_cards_make(const struct ctl_model *model,
    const char *project, const struct ctl_price *said, struct ctl_arena *arena,
    struct ctl_project_price out[CTL_PROJECT_CARDS_MAX]);
/* Something costs, and audio that can be held has a price. */
bool ctl_project_card_is_whole(const struct ctl_model *model,
    const asg_card_t *card);
/* "<ref>@<project>", "<ref>#flex", "<ref>#flex@<project>" from what stands for
 * the project; NULL when memory ran out. */
const char *ctl_project_card_id(struct ctl_arena *arena, const char *ref,
    const char *project);

/* Makes the catalog's cards of projects those of the files and these; with none
 * those of the files alone.  What is made is of `arena`.  False when memory ran
 * out: the cards are those of the files. */
bool ctl_catalog_override(struct ctl_catalog *c, struct ctl_arena *arena,
    const struct ctl_overrides *with);

#endif
