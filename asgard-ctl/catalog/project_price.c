/*
 * Prices of projects, laid over those of models.
 */
#include "catalog/project_price.h"

#include <stdlib.h>
#include <string.h>

struct overriding {
    struct ctl_catalog_model *model;
    struct ctl_arena *arena;
    struct ctl_override *first;         /* those of this model */
    unsigned n;
};


struct ctl_prices
ctl_price_rates_with(const struct ctl_price *model,
    const struct ctl_prices *said, asg_rates_t *out)
{
    struct ctl_prices base = model->base[CTL_TIER_STANDARD];
    struct ctl_prices above = model->above[CTL_TIER_STANDARD];

    ctl_prices_overlay(&base, said);
    ctl_prices_settle(&base, &above);
    ctl_prices_rates(&base, &above, model->above_tokens, out);

    return base;
}


/* Something costs, and audio that can be held has a price. */
static bool
card_is_whole(const asg_card_t *card)
{
    const asg_prices_t *base = &card->rates.base;

    return (base->in_pusd > 0 || base->out_pusd > 0)
           && (card->audio_tokens == 0 || base->audio_in_pusd > 0)
           && asg_price_rates_are_sane(&card->rates);
}


static bool
card_make(const struct overriding *o, struct ctl_override *from,
    struct ctl_catalog_card *out)
{
    asg_card_t card = o->model->model->card;

    ctl_price_rates_with(&o->model->model->price, &from->said, &card.rates);
    out->project = from->project;
    out->id = ctl_arena_printf(o->arena, "%s@%s", from->ref, from->project);
    out->card = ctl_catalog_card_text(o->arena, &card, false);
    out->version = 0;
    from->left_out = o->model->model->free || !card_is_whole(&card);

    return out->id != NULL && out->card != NULL;
}


static const struct ctl_override *
override_find(const struct overriding *o, const char *project)
{
    unsigned i;

    for (i = 0; i < o->n; i++) {
        if (!o->first[i].left_out && strcmp(o->first[i].project, project) == 0)
        {
            return &o->first[i];
        }
    }

    return NULL;
}


static int
by_project(const void *a, const void *b)
{
    const struct ctl_catalog_card *x = a, *y = b;

    return strcmp(x->project, y->project);
}


static bool
model_override(const struct overriding *o)
{
    struct ctl_catalog_model *m = o->model;
    struct ctl_catalog_card *cards;
    unsigned i, n = 0;

    cards = ctl_arena_alloc(o->arena, (m->nfile_cards + o->n + 1)
                                      * sizeof(*cards));
    if (cards == NULL) {
        return false;
    }
    for (i = 0; i < o->n; i++) {
        if (!card_make(o, &o->first[i], &cards[n])) {
            return false;
        }
        n += !o->first[i].left_out;
    }
    for (i = 0; i < m->nfile_cards; i++) {
        if (override_find(o, m->file_cards[i].project) == NULL) {
            cards[n++] = m->file_cards[i];
        }
    }
    qsort(cards, n, sizeof(*cards), by_project);
    m->cards = cards;
    m->ncards = n;

    return true;
}


static void
files_alone(struct ctl_catalog *c)
{
    unsigned i;

    for (i = 0; i < c->nmodels; i++) {
        c->models[i].cards = c->models[i].file_cards;
        c->models[i].ncards = c->models[i].nfile_cards;
    }
}


/* The model that is called so, active; NULL: none. */
static struct ctl_catalog_model *
model_find(struct ctl_catalog *c, const char *ref)
{
    unsigned i;

    for (i = 0; i < c->nmodels; i++) {
        if (strcmp(c->models[i].model->ref, ref) == 0) {
            return &c->models[i];
        }
    }

    return NULL;
}


bool
ctl_catalog_override(struct ctl_catalog *c, struct ctl_arena *arena,
    const struct ctl_overrides *with)
{
    struct overriding o = {.arena = arena};
    unsigned i;

    files_alone(c);
    for (i = 0; i < with->n; i += o.n) {
        o.first = &with->items[i];
        o.n = 1;
        while (i + o.n < with->n
               && strcmp(o.first->ref, o.first[o.n].ref) == 0)
        {
            o.n++;
        }
        o.model = model_find(c, o.first->ref);
        if (o.model != NULL && !model_override(&o)) {
            files_alone(c);
            return false;
        }
    }

    return true;
}
