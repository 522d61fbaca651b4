/*
 * Prices of models and of projects.
 */
#include "prices.h"

#include <stdio.h>
#include <string.h>

#include "catalog.h"
#include "made.h"
#include "ops/project_price.h"

#define PICO_PER_NANO 1000
#define IN_MOST       2500              /* pico-USD per token */
#define OUT_MOST      20000
#define UNSAID        (-1)


/* --- what is right --- */

/* The last words of the project about the card until then; NULL: none. */
static const struct sim_own *
own_find(const struct sim_model *m, const char *project, unsigned card,
    unsigned version)
{
    unsigned i;

    for (i = m->nowns; i > 0; i--) {
        if (m->owns[i - 1].version <= version && m->owns[i - 1].card == card
            && strcmp(m->owns[i - 1].project, project) == 0)
        {
            return &m->owns[i - 1];
        }
    }

    return NULL;
}


struct sim_price
sim_price_of(const struct sim_model *m, const char *project, unsigned card,
    unsigned version, bool *own)
{
    const struct sim_own *said = own_find(m, project, card, version);
    struct sim_price price = m->prices[card][version];

    *own = said != NULL
           && (said->in_pusd != UNSAID || said->out_pusd != UNSAID);
    if (*own && said->in_pusd != UNSAID) {
        price.in_pusd = said->in_pusd;
    }
    if (*own && said->out_pusd != UNSAID) {
        price.out_pusd = said->out_pusd;
    }

    return price;
}


const char *
sim_card_id(const struct sim_model *m, const char *project, unsigned card,
    unsigned version, char out[SIM_CARD_ID])
{
    bool own;

    (void) sim_price_of(m, project, card, version, &own);
    snprintf(out, SIM_CARD_ID, "c%u%s%s", card, own ? "@" : "",
             own ? project : "");

    return out;
}


int64_t
sim_cost(const struct sim_model *m, const char *project, unsigned card,
    unsigned version, int64_t in, int64_t out)
{
    bool own;
    struct sim_price p = sim_price_of(m, project, card, version, &own);
    int64_t pico = in * p.in_pusd + out * p.out_pusd;

    return (pico + PICO_PER_NANO - 1) / PICO_PER_NANO;
}


/* --- changes --- */

/* Like the one before; false: there are enough. */
static bool
version_add(struct sim_model *m)
{
    unsigned i;

    if (m->nprices + 1 == SIM_VERSIONS
        || m->nowns + SIM_BUDGETS * SIM_CARDS > SIM_OWNS)
    {
        return false;
    }
    m->nprices++;
    for (i = 0; i < SIM_CARDS; i++) {
        m->prices[i][m->nprices] = m->prices[i][m->nprices - 1];
    }

    return true;
}


bool
sim_prices_begin(struct sim_model *m)
{
    m->prices[0][1] = (struct sim_price) {1250, 10000};
    m->prices[1][1] = (struct sim_price) {2500, 9000};
    m->prices[2][1] = (struct sim_price) {300, 1200};
    m->nprices = 1;

    return sim_catalog_publish(m);
}


bool
sim_price_change(struct sim_model *m)
{
    unsigned card = (unsigned) sim_draw(m->world, SIM_CARDS);
    struct sim_price *p;

    if (!version_add(m)) {
        return true;
    }
    p = &m->prices[card][m->nprices];
    p->in_pusd = (int64_t) sim_draw(m->world, IN_MOST);
    p->out_pusd = (int64_t) sim_draw(m->world, OUT_MOST);
    sim_say(m->world, " version %u of c%u: %lld, %lld", m->nprices, card,
            (long long) p->in_pusd, (long long) p->out_pusd);
    m->counts[SIM_N_PRICES]++;

    return sim_catalog_publish(m);
}


/* Something of both, of one, or nothing. */
static void
own_draw(struct sim_model *m, const char *project, unsigned card)
{
    struct sim_own *o = &m->owns[m->nowns++];
    uint64_t n = sim_draw(m->world, 100);

    *o = (struct sim_own) {.card = card, .version = m->nprices,
                           .in_pusd = UNSAID, .out_pusd = UNSAID};
    snprintf(o->project, sizeof(o->project), "%s", project);
    if (n < 60) {
        o->in_pusd = 1 + (int64_t) sim_draw(m->world, IN_MOST);
    }
    if (n >= 20 && n < 80) {
        o->out_pusd = 1 + (int64_t) sim_draw(m->world, OUT_MOST);
    }
}


/* As the API takes it: USD per 1,000 tokens. */
static size_t
own_write(const struct sim_own *o, bool first, char *out, size_t size)
{
    const char *comma = "";
    size_t n;

    if (o->in_pusd == UNSAID && o->out_pusd == UNSAID) {
        return 0;
    }
    n = (size_t) snprintf(out, size, "%s\"c%u\":{", first ? "" : ",", o->card);
    if (o->in_pusd != UNSAID) {
        n += (size_t) snprintf(out + n, size - n, "\"cost_in\":0.%09lld",
                               (long long) o->in_pusd);
        comma = ",";
    }
    if (o->out_pusd != UNSAID) {
        n += (size_t) snprintf(out + n, size - n, "%s\"cost_out\":0.%09lld",
                               comma, (long long) o->out_pusd);
    }

    return n + (size_t) snprintf(out + n, size - n, "}");
}


static bool
own_send(struct sim_model *m, const char *project, const char *text)
{
    struct ctl_error e = {0};
    struct ctl_change c;
    const char *prices;
    bool ok = sim_change_begin(m, &c, &e);

    prices = ok ? ctl_project_prices_read(&m->world->arena, asg_str_z(text),
                                          &e) : NULL;
    ok = prices != NULL && ctl_project_prices_set(&c, project, prices, &e);

    return sim_change_end(m, &c, ok, &e);
}


bool
sim_own_prices_set(struct sim_model *m)
{
    const char *project = sim_budget_pick(m)->project;
    char text[SIM_TEXT] = "{";
    size_t n = 1;
    unsigned card;

    if (!version_add(m)) {
        return true;
    }
    for (card = 0; card < SIM_CARDS; card++) {
        own_draw(m, project, card);
        n += own_write(&m->owns[m->nowns - 1], n == 1, text + n,
                       sizeof(text) - n);
    }
    snprintf(text + n, sizeof(text) - n, "}");
    sim_say(m->world, " version %u, %s: %s", m->nprices, project, text);
    m->counts[SIM_N_OWN_PRICES]++;

    return own_send(m, project, text) && sim_catalog_publish(m);
}


/* --- an older database --- */

bool
sim_prices_restored(struct sim_model *m)
{
    const struct sim_own *said;
    unsigned i, card, version;

    for (version = m->nprices_saved + 1; version <= m->nprices; version++) {
        if (!sim_catalog_again(m, version)) {
            return false;
        }
    }
    if (!version_add(m)) {
        return sim_fail(m->world, "sim: too many prices");
    }
    for (i = 0; i < m->nbudgets; i++) {
        for (card = 0; card < SIM_CARDS && m->budgets[i].id[0] == 'p'; card++) {
            m->owns[m->nowns] = (struct sim_own) {.card = card,
                .version = m->nprices, .in_pusd = UNSAID, .out_pusd = UNSAID};
            said = own_find(m, m->budgets[i].project, card, m->nprices_saved);
            if (said != NULL) {
                m->owns[m->nowns].in_pusd = said->in_pusd;
                m->owns[m->nowns].out_pusd = said->out_pusd;
            }
            snprintf(m->owns[m->nowns++].project, sizeof(said->project), "%s",
                     m->budgets[i].project);
        }
    }

    return sim_catalog_publish(m);
}
