/*
 * Publishing prices, finding a project's.
 */
#include "catalog.h"

#include <stdio.h>
#include <string.h>

#include "core/catalog.h"
#include "ops/project_price.h"
#include "prices.h"

static const char *const refs[SIM_CARDS] = {"c0", "c1", "c2"};

/* What is made of one version. */
struct publication {
    struct sim_model *model;
    struct ctl_model models[SIM_CARDS];
    struct ctl_catalog_model shown[SIM_CARDS];
    struct ctl_catalog catalog;
};


/* --- into the database --- */

static bool
card_add(struct sim_model *m, const char *id, unsigned version,
    const char *card)
{
    return sim_sql(m->world, NULL, "INSERT INTO cards (card_id, version, card)"
                   " VALUES ('%s', %u, '%s') ON CONFLICT DO NOTHING", id,
                   version, card);
}


/* What projects' prices are checked against when they are said. */
static bool
snapshot_add(struct publication *p)
{
    char text[8 * SIM_TEXT] = "";
    size_t n = 0;
    unsigned i;

    for (i = 0; i < SIM_CARDS; i++) {
        n += (size_t) snprintf(text + n, sizeof(text) - n,
                               "%s{\"ref\":\"%s\",\"card\":%s}",
                               i > 0 ? "," : "", refs[i], p->shown[i].card);
    }

    return sim_sql(p->model->world, NULL, "INSERT INTO catalog_snapshots"
                   " (version, body, modules) VALUES (%u, E'sim\\n"
                   "{\"models\":[%s],\"project_cards\":[]}', '[]')"
                   " ON CONFLICT DO NOTHING", p->model->nprices, text);
}


/* --- asgard-ctl --- */

static bool
models_fill(struct publication *p)
{
    struct sim_model *m = p->model;
    struct ctl_model *model;
    struct ctl_prices *said;
    unsigned i;
    bool ok = true;

    for (i = 0; i < SIM_CARDS; i++) {
        model = &p->models[i];
        model->ref = refs[i];
        said = &model->price.base[CTL_TIER_STANDARD];
        ctl_prices_set(said, CTL_PRICE_IN, m->prices[i][m->nprices].in_pusd);
        ctl_prices_set(said, CTL_PRICE_OUT, m->prices[i][m->nprices].out_pusd);
        ctl_prices_rates(said, said, 0, &model->card.rates);
        p->shown[i].model = model;
        p->shown[i].card = ctl_catalog_card_text(&m->world->arena,
                                                 &model->card, false);
        ok = ok && p->shown[i].card != NULL;
    }
    p->catalog.models = p->shown;
    p->catalog.nmodels = SIM_CARDS;

    return ok || sim_fail(m->world, "sim: no memory");
}


/* How many projects pay their own for it. */
static unsigned
owns_count(const struct sim_model *m, unsigned card)
{
    unsigned i, n = 0;
    bool own;

    for (i = 0; i < m->nbudgets; i++) {
        if (m->budgets[i].id[0] == 'p' && !m->budgets[i].gone) {
            (void) sim_price_of(m, m->budgets[i].project, card, m->nprices,
                                &own);
            n += own;
        }
    }

    return n;
}


static bool
card_check(struct sim_model *m, unsigned card,
    const struct ctl_catalog_card *made)
{
    const asg_prices_t *is = &made->rates.base;
    char id[SIM_CARD_ID];
    bool own;
    struct sim_price right = sim_price_of(m, made->project, card, m->nprices,
                                          &own);

    sim_card_id(m, made->project, card, m->nprices, id);

    return (own && strcmp(made->id, id) == 0 && is->in_pusd == right.in_pusd
            && is->out_pusd == right.out_pusd)
           || sim_fail(m->world, "the card %s says %lld and %lld, right are "
                       "%lld and %lld of %s", made->id,
                       (long long) is->in_pusd, (long long) is->out_pusd,
                       (long long) right.in_pusd, (long long) right.out_pusd,
                       id);
}


/* Checked, noted, and taken into service. */
static bool
model_take(struct publication *p, unsigned card)
{
    const struct ctl_catalog_model *shown = &p->shown[card];
    struct sim_model *m = p->model;
    struct sim_catalog *c = &m->catalog;
    unsigned i;

    if (shown->ncards != owns_count(m, card)) {
        return sim_fail(m->world, "%u projects have a card of their own of %s,"
                        " right is %u", shown->ncards, refs[card],
                        owns_count(m, card));
    }
    c->rates[card] = shown->model->card.rates;
    for (i = 0; i < shown->ncards; i++, c->nown++) {
        if (!card_check(m, card, &shown->cards[i])
            || !card_add(m, shown->cards[i].id, m->nprices,
                         shown->cards[i].card))
        {
            return false;
        }
        snprintf(c->own[c->nown].project, sizeof(c->own[0].project), "%s",
                 shown->cards[i].project);
        c->own[c->nown].card = card;
        c->own[c->nown].rates = shown->cards[i].rates;
    }

    return card_add(m, refs[card], m->nprices, shown->card);
}


bool
sim_catalog_publish(struct sim_model *m)
{
    struct publication p = {.model = m};
    struct ctl_overrides all = {NULL, 0};
    struct ctl_error e = {0};
    unsigned i;
    bool ok = models_fill(&p);

    if (ok && (!ctl_project_prices_all(m->world->admin, &m->world->arena, &all,
                                       &e)
               || !ctl_catalog_override(&p.catalog, &m->world->arena, &all)))
    {
        return sim_fail(m->world, "prices cannot be published: %s %s", e.text,
                        e.detail);
    }
    m->catalog.version = m->nprices;
    m->catalog.nown = 0;
    for (i = 0; i < SIM_CARDS && ok; i++) {
        ok = model_take(&p, i);
    }

    return ok && snapshot_add(&p);
}


/* --- what comes back --- */

static bool
card_again(struct sim_model *m, const char *project, unsigned card,
    unsigned version)
{
    bool own;
    struct sim_price p = sim_price_of(m, project, card, version, &own);
    char id[SIM_CARD_ID], text[SIM_TEXT];

    snprintf(text, sizeof(text), "{\"in_pusd\":%lld,\"out_pusd\":%lld,"
             "\"cached_pusd\":0,\"cache_write_pusd\":0,"
             "\"reasoning_pusd\":0}", (long long) p.in_pusd,
             (long long) p.out_pusd);

    return card_add(m, sim_card_id(m, project, card, version, id), version,
                    text);
}


bool
sim_catalog_again(struct sim_model *m, unsigned version)
{
    unsigned i, card;
    bool ok = true;

    for (card = 0; card < SIM_CARDS; card++) {
        ok = ok && card_again(m, "", card, version);
        for (i = 0; i < m->nbudgets && ok; i++) {
            ok = m->budgets[i].id[0] != 'p'
                 || card_again(m, m->budgets[i].project, card, version);
        }
    }

    return ok;
}


/* --- the gateway --- */

void
sim_catalog_rates(const struct sim_catalog *c, const char *project,
    asg_rates_t out[SIM_CARDS])
{
    static asg_model_t models[SIM_CARDS];
    asg_project_card_t cards[SIM_OWN_CARDS];
    const asg_catalog_t catalog = {.models = models, .nmodels = SIM_CARDS,
                                   .cards = cards, .ncards = c->nown};
    const asg_project_card_t *own;
    unsigned i;

    for (i = 0; i < c->nown; i++) {
        cards[i] = (asg_project_card_t) {
            .project = asg_str_z(c->own[i].project), .model = c->own[i].card,
            .card = {.rates = c->own[i].rates}};
    }
    for (i = 0; i < SIM_CARDS; i++) {
        own = asg_catalog_project_card(&catalog, &models[i],
                                       asg_str_z(project));
        out[i] = own != NULL ? own->card.rates : c->rates[i];
    }
}
