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


const struct ctl_service_tier ctl_service_tiers[CTL_SERVICE_TIERS] = {
    {"flex", CTL_TIER_FLEX, ASG_TIER_FLEX},
    {"priority", CTL_TIER_PRIORITY, ASG_TIER_PRIORITY}
};


void
ctl_price_tier_audio(const struct ctl_prices *standard, struct ctl_prices *tier)
{
    unsigned kind;

    for (kind = CTL_PRICE_AUDIO_IN; kind <= CTL_PRICE_AUDIO_OUT; kind++) {
        if (ctl_prices_say(standard, kind) && !ctl_prices_say(tier, kind)) {
            ctl_prices_set(tier, kind, standard->pusd[kind]);
        }
    }
}


bool
ctl_prices_are_enough(const struct ctl_model *model, const struct ctl_prices *p)
{
    bool answers = model->apis[ASG_API_CHAT] || model->apis[ASG_API_COMPLETIONS]
                   || model->apis[ASG_API_MESSAGES];

    return ctl_prices_say(p, CTL_PRICE_IN)
           && (!answers || ctl_prices_say(p, CTL_PRICE_OUT));
}


unsigned
ctl_price_said(const struct ctl_price *said)
{
    unsigned tier, tiers = 0;

    for (tier = 0; tier < CTL_TIERS; tier++) {
        tiers |= (unsigned) (said->base[tier].said != 0) << tier;
    }
    if (said->above_tokens > 0 || said->above[CTL_TIER_STANDARD].said != 0) {
        tiers |= 1u << CTL_TIER_STANDARD;
    }

    return tiers;
}


bool
ctl_price_length_is_wrong(const struct ctl_price *model,
    const struct ctl_price *said)
{
    struct ctl_prices base = model->base[CTL_TIER_STANDARD];
    const struct ctl_prices *above = &said->above[CTL_TIER_STANDARD];
    unsigned kind;

    if (model->above_tokens == 0
        && (said->above_tokens > 0) != ctl_prices_say(above, CTL_PRICE_IN))
    {
        return true;
    }
    if (model->above_tokens == 0 && said->above_tokens == 0) {
        return above->said != 0;
    }
    ctl_prices_overlay(&base, &said->base[CTL_TIER_STANDARD]);
    for (kind = 0; kind < CTL_PRICE_KINDS; kind++) {
        if (ctl_prices_say(above, kind) && ctl_prices_say(&base, kind)
            && above->pusd[kind] < base.pusd[kind])
        {
            return true;
        }
    }

    return false;
}


bool
ctl_price_is_enough(const struct ctl_model *model, const struct ctl_price *said)
{
    unsigned tiers = ctl_price_said(said), i;
    struct ctl_prices p;

    for (i = 0; i < CTL_SERVICE_TIERS; i++) {
        p = model->price.base[ctl_service_tiers[i].from];
        ctl_prices_overlay(&p, &said->base[ctl_service_tiers[i].from]);
        if ((tiers >> ctl_service_tiers[i].from & 1) != 0
            && !ctl_prices_are_enough(model, &p))
        {
            return false;
        }
    }

    return true;
}


/* The rates of one tier for who pays what is said; another length counts for
 * the standard one alone. */
static void
rates_with(const struct ctl_price *model, const struct ctl_price *said,
    enum ctl_price_tier tier, asg_rates_t *out)
{
    struct ctl_prices standard = model->base[CTL_TIER_STANDARD];
    struct ctl_prices base = model->base[tier], above = model->above[tier];
    int64_t above_tokens = model->above_tokens;

    ctl_prices_overlay(&base, &said->base[tier]);
    ctl_prices_overlay(&above, &said->above[tier]);
    if (tier != CTL_TIER_STANDARD) {
        ctl_prices_overlay(&standard, &said->base[CTL_TIER_STANDARD]);
        ctl_price_tier_audio(&standard, &base);
    } else if (said->above_tokens > 0) {
        above_tokens = said->above_tokens;
    }
    ctl_prices_settle(&base, &above);
    ctl_prices_rates(&base, &above, above_tokens, out);
}


unsigned
ctl_project_cards_make(const struct ctl_model *model, const char *project,
    const struct ctl_price *said, struct ctl_arena *arena,
    struct ctl_project_price out[CTL_PROJECT_CARDS_MAX])
{
    const struct ctl_service_tier *tier;
    unsigned tiers = ctl_price_said(said), i, n = 1;

    out[0].project = project;
    out[0].card = model->card;
    rates_with(&model->price, said, CTL_TIER_STANDARD, &out[0].card.rates);
    for (i = 0; i < CTL_SERVICE_TIERS; i++) {
        tier = &ctl_service_tiers[i];
        if ((tiers >> tier->from & 1) == 0) {
            continue;
        }
        out[n].project = ctl_arena_printf(arena, "%s@%s",
                                          asg_tier_mark(tier->tier), project);
        out[n].card = model->card;
        rates_with(&model->price, said, tier->from, &out[n].card.rates);
        if (out[n++].project == NULL) {
            return 0;
        }
    }

    return n;
}


bool
ctl_project_card_is_whole(const struct ctl_model *model, const asg_card_t *card)
{
    const asg_prices_t *base = &card->rates.base;

    return !model->free && (base->in_pusd > 0 || base->out_pusd > 0)
           && (card->audio_tokens == 0 || base->audio_in_pusd > 0)
           && asg_price_rates_are_sane(&card->rates);
}


const char *
ctl_project_card_id(struct ctl_arena *arena, const char *ref,
    const char *project)
{
    return ctl_arena_printf(arena, project[0] == '#' ? "%s%s" : "%s@%s", ref,
                            project);
}


/* All cards of one project or none. */
static bool
cards_make(const struct overriding *o, struct ctl_override *from,
    struct ctl_catalog_card *out, unsigned *n)
{
    const struct ctl_model *model = o->model->model;
    struct ctl_project_price made[CTL_PROJECT_CARDS_MAX];
    unsigned i, nmade;

    nmade = ctl_project_cards_make(model, from->project, &from->said, o->arena,
                                   made);
    from->left_out = !ctl_price_is_enough(model, &from->said)
                     || ctl_price_length_is_wrong(&model->price, &from->said);
    for (i = 0; i < nmade; i++) {
        from->left_out |= !ctl_project_card_is_whole(model, &made[i].card);
    }
    for (i = 0; i < nmade && !from->left_out; i++, out++) {
        out->project = made[i].project;
        out->id = ctl_project_card_id(o->arena, from->ref, made[i].project);
        out->card = ctl_catalog_card_text(o->arena, &made[i].card, false);
        out->rates = made[i].card.rates;
        out->by_api = true;
        out->version = 0;
        if (out->id == NULL || out->card == NULL) {
            return false;
        }
        (*n)++;
    }

    return nmade > 0;
}


/* What stands for the project in a card's, without the tier; "": none. */
static const char *
project_of(const struct ctl_catalog_card *card)
{
    const char *at = strchr(card->project, '@');

    return card->project[0] != '#' ? card->project : at != NULL ? at + 1 : "";
}


static bool
is_overridden(const struct overriding *o, const char *project)
{
    unsigned i;

    for (i = 0; i < o->n; i++) {
        if (!o->first[i].left_out && strcmp(o->first[i].project, project) == 0)
        {
            return true;
        }
    }

    return false;
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

    cards = ctl_arena_alloc(o->arena, (m->nfile_cards + 1
                                       + o->n * CTL_PROJECT_CARDS_MAX)
                                      * sizeof(*cards));
    if (cards == NULL) {
        return false;
    }
    for (i = 0; i < o->n; i++) {
        if (!cards_make(o, &o->first[i], &cards[n], &n)) {
            return false;
        }
    }
    for (i = 0; i < m->nfile_cards; i++) {
        if (!is_overridden(o, project_of(&m->file_cards[i]))) {
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
