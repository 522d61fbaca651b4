/*
 * The prices in service, as asgard-ctl makes them of what models cost and of
 * what projects say, and as a gateway finds them; both by the product's code.
 *
 * Each card that is published is held against the naive ledger's (prices.h).
 */
#ifndef SIM_CATALOG_H
#define SIM_CATALOG_H

#include <stdbool.h>

#include "core/price.h"

#define SIM_CARDS      3                /* price cards of models */
#define SIM_OWN_CARDS  72               /* of projects */
#define SIM_OWNS       4096             /* words about them */

struct sim_model;

struct sim_price {
    int64_t in_pusd, out_pusd;
};

/* What a project pays for a card from a version on; -1: what everybody does. */
struct sim_own {
    char project[20];
    unsigned card, version;
    int64_t in_pusd, out_pusd;
};

struct sim_catalog {
    unsigned version;
    asg_rates_t rates[SIM_CARDS];
    struct {                            /* sorted by card and project */
        char project[20];
        unsigned card;
        asg_rates_t rates;
    } own[SIM_OWN_CARDS];
    unsigned nown;
};

/* The newest version, into m->catalog. */
bool sim_catalog_publish(struct sim_model *m);
/* The cards of an older one, which a restored database has not got. */
bool sim_catalog_again(struct sim_model *m, unsigned version);

/* What each model costs the project. */
void sim_catalog_rates(const struct sim_catalog *c, const char *project,
    asg_rates_t out[SIM_CARDS]);

#endif
