/*
 * Candidates: drawing them, holding for the dearest, billing the one that
 * served.
 */
#include "route.h"

#include "broken.h"
#include "prices.h"


void
sim_route_draw(struct sim_world *w, struct sim_route *r,
    const struct sim_catalog *prices, const char *project)
{
    unsigned i, first = (unsigned) sim_draw(w, SIM_CARDS);

    *r = (struct sim_route) {.version = prices->version, .project = project};
    sim_catalog_rates(prices, project, r->rates);
    r->n = 1 + (unsigned) sim_draw(w, SIM_CARDS);
    for (i = 0; i < r->n; i++) {
        r->cards[i] = (first + i) % SIM_CARDS;
    }
}


void
sim_route_next(struct sim_model *m, struct sim_route *r)
{
    if (r->at + 1 < r->n) {
        r->at++;
        m->counts[SIM_N_OTHER_CARD]++;
    }
}


unsigned
sim_route_card(const struct sim_route *r)
{
    return r->cards[r->at];
}


/* The two must agree. */
static int64_t
agreed(struct sim_model *m, const char *what, bool ok, int64_t is,
    int64_t right)
{
    if (!ok || is != right) {
        sim_fail(m->world, "%s is %lld, right is %lld", what, (long long) is,
                 (long long) right);
    }

    return right;
}


static int64_t
hold_of(struct sim_model *m, const struct sim_route *r, unsigned card,
    int64_t in, int64_t out)
{
    const asg_card_t c = {.rates = r->rates[card]};
    asg_nusd_t hold_nusd = -1;
    bool ok = asg_price_hold(&c, in, out, 1, &hold_nusd) == ASG_OK;

    return agreed(m, "a hold", ok, hold_nusd,
                  sim_cost(m, r->project, card, r->version, in, out));
}


int64_t
sim_route_hold(struct sim_model *m, const struct sim_route *r, int64_t in,
    int64_t out, unsigned *card)
{
    int64_t most = -1, hold;
    unsigned i;

    for (i = r->at; i < r->n; i++) {
        hold = hold_of(m, r, r->cards[i], in, out);
        if (hold > most) {
            most = hold;
            *card = r->cards[i];
        }
        if (sim_broken_is(SIM_RULE_FIRST)) {
            break;
        }
    }

    return most;
}


int64_t
sim_route_bill(struct sim_model *m, const struct sim_route *r, int64_t in,
    int64_t out)
{
    unsigned card = sim_broken_is(SIM_RULE_BILL) ? r->cards[0]
                                                  : sim_route_card(r);
    const asg_tokens_t tokens = {.prompt = (int32_t) in,
                                 .completion = (int32_t) out};
    struct sim_route by = *r;
    asg_nusd_t cost_nusd = -1;
    bool ok, own;

    if (sim_broken_is(SIM_RULE_NEW_PRICE)) {
        by.version = m->catalog.version;
        sim_catalog_rates(&m->catalog, by.project, by.rates);
    }
    ok = asg_price_cost(&by.rates[card], &tokens, &cost_nusd) == ASG_OK;
    (void) sim_price_of(m, by.project, card, by.version, &own);
    m->counts[SIM_N_OWN_PAID] += own;

    return agreed(m, "a bill", ok, cost_nusd,
                  sim_cost(m, by.project, card, by.version, in, out));
}
