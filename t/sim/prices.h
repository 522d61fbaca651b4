/*
 * What calls cost, in the words of the naive ledger: models have prices, and a
 * project may pay others instead; the whole has a version, which is the one of
 * all cards.  A price of a version never changes.
 */
#ifndef SIM_PRICES_H
#define SIM_PRICES_H

#include "model.h"

#define SIM_CARD_ID  32

/* The first prices, also in Postgres. */
bool sim_prices_begin(struct sim_model *m);
/* A model costs something else; a project says all that it pays instead. */
bool sim_price_change(struct sim_model *m);
bool sim_own_prices_set(struct sim_model *m);

/* What the project pays in that version; *own: not what the model costs. */
struct sim_price sim_price_of(const struct sim_model *m, const char *project,
    unsigned card, unsigned version, bool *own);
const char *sim_card_id(const struct sim_model *m, const char *project,
    unsigned card, unsigned version, char out[SIM_CARD_ID]);
/* pico-USD per token × tokens, rounded up once. */
int64_t sim_cost(const struct sim_model *m, const char *project, unsigned card,
    unsigned version, int64_t in, int64_t out);

/* What projects pay is that of the older database again; cards come back by
 * themselves. */
bool sim_prices_restored(struct sim_model *m);

#endif
