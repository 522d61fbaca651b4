/*
 * The candidates of a call and their price cards, pinned when it begins: what
 * it holds, the dearest of those that can still serve it; what it is billed, by
 * the card of the one that did.
 *
 * The gateway computes both by core/price.c, and each is compared with the
 * naive ledger's own arithmetic.
 */
#ifndef SIM_ROUTE_H
#define SIM_ROUTE_H

#include "core/price.h"
#include "model.h"

struct sim_route {
    unsigned version;                   /* of all cards */
    const char *project;
    asg_rates_t rates[SIM_CARDS];       /* that it pays in this version */
    unsigned cards[SIM_CARDS];          /* of the candidates, in their order */
    unsigned n, at;                     /* which one is at work */
};

void sim_route_draw(struct sim_world *w, struct sim_route *r,
    const struct sim_catalog *prices, const char *project);
/* To the next candidate; the last one is tried again. */
void sim_route_next(struct sim_model *m, struct sim_route *r);
unsigned sim_route_card(const struct sim_route *r);     /* that serves now */
/* What is held for so many tokens; *card: of the dearest. */
int64_t sim_route_hold(struct sim_model *m, const struct sim_route *r,
    int64_t in, int64_t out, unsigned *card);
/* What so many tokens cost by the card that served. */
int64_t sim_route_bill(struct sim_model *m, const struct sim_route *r,
    int64_t in, int64_t out);

#endif
