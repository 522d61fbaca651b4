/*
 * What a model costs: the manifest's prices over the table's.
 */
#include "catalog/manifest_price.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/project_price.h"
#include "core/rkey.h"

#define NAME_BYTES (CTL_MANIFEST_ID_MAX + CTL_MANIFEST_NAME_MAX + 2)

struct taking {
    const struct ctl_manifest *m;
    const struct ctl_yaml *map;
    struct ctl_model *out;
    struct ctl_findings *findings;
};

static bool
wrong(const struct taking *t, const char *field, const char *what)
{
    const struct ctl_yaml *at = ctl_yaml_at(t->map, field);

    return ctl_finding_error(t->findings, t->m->file,
                             at != NULL ? at->line : t->map->line,
                             "\"%s\" %s", field, what);
}


/* The price that stands in one field. */
static bool
field_take(const struct taking *t, const struct ctl_yaml *at, int64_t per,
    enum ctl_price_kind kind, struct ctl_prices *out)
{
    int64_t pusd;

    if (asg_price_parse(asg_str_z(at->text), per, &pusd) != ASG_OK) {
        return ctl_finding_error(t->findings, t->m->file, at->line,
            "\"%s\" is not a price in the range that we can hold", at->key);
    }
    ctl_prices_set(out, kind, pusd);

    return true;
}


/* Of the ways to say one price at most one may be used. */
static bool
price_take(const struct taking *t, enum ctl_price_kind kind,
    struct ctl_prices *out)
{
    const struct ctl_price_spelling *s = ctl_price_spelling(kind);
    const struct {
        const struct ctl_yaml *at;
        int64_t per;
    } ways[] = {
        {ctl_yaml_at(t->map, s->per_1000), 1000},
        {ctl_yaml_at(t->map, s->per_token), 1},
        {ctl_yaml_at(ctl_yaml_at(t->map, "price"), s->per_million), 1000000}
    };
    const struct ctl_yaml *first = NULL;
    size_t i;

    for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (ways[i].at == NULL) {
            continue;
        }
        if (first != NULL) {
            return ctl_finding_error(t->findings, t->m->file,
                ways[i].at->line, "\"%s\" and \"%s\" say the same; keep one",
                first->key, ways[i].at->key);
        }
        first = ways[i].at;
        if (!field_take(t, first, ways[i].per, kind, out)) {
            return false;
        }
    }

    return true;
}


static bool
prices_take(const struct taking *t, struct ctl_prices *out)
{
    unsigned kind;

    for (kind = 0; kind < CTL_PRICE_KINDS; kind++) {
        if (!price_take(t, kind, out)) {
            return false;
        }
    }

    return true;
}


static bool
long_context_take(const struct taking *model, struct ctl_price *said)
{
    const struct ctl_yaml *map = ctl_yaml_at(model->map, "long_context");
    struct ctl_prices *above = &said->above[CTL_TIER_STANDARD];
    struct taking t = {model->m, map, model->out, model->findings};

    if (map == NULL) {
        return true;
    }
    ctl_yaml_int(ctl_yaml_at(map, "above_tokens"), &said->above_tokens);
    if (!prices_take(&t, above)) {
        return false;
    }

    return (ctl_prices_say(above, CTL_PRICE_IN) && said->above_tokens > 0)
           || wrong(&t, "above_tokens", "must be above 0, and \"cost_in\" "
                    "beside it");
}


const struct ctl_price *
ctl_manifest_price_find(const struct ctl_manifest *m,
    const struct ctl_model *model, const struct ctl_price_table *table)
{
    const struct ctl_price *found;
    char name[NAME_BYTES];

    snprintf(name, sizeof(name), "%s/%s", m->id, model->served);
    found = ctl_price_table_find(table, name);

    return found != NULL ? found : ctl_price_table_find(table, model->served);
}


/* *entry stays NULL where the manifest says enough. */
static bool
entry_take(const struct taking *t, const struct ctl_price_table *table,
    const struct ctl_prices *said, const struct ctl_price **entry)
{
    const struct ctl_yaml *price = ctl_yaml_at(t->map, "price");
    const char *name = ctl_yaml_text(price, "table", NULL);

    if (name != NULL) {
        *entry = ctl_price_table_find(table, name);
        return *entry != NULL
               || ctl_finding_error(t->findings, t->m->file,
                      ctl_yaml_at(price, "table")->line,
                      "\"table\" names what the table of prices does not "
                      "have; \"asgard-ctl prices import\" brings a newer one");
    }
    if (!ctl_prices_are_enough(t->out, said)) {
        *entry = ctl_manifest_price_find(t->m, t->out, table);
    }

    return true;
}


/* "free" is said instead of a price, and nothing is free without it. */
static bool
free_take(const struct taking *t, const struct ctl_price *said)
{
    return (said->base[CTL_TIER_STANDARD].said == 0 && said->above_tokens == 0
            && ctl_yaml_at(t->map, "price") == NULL
            && ctl_yaml_at(t->map, "project_prices") == NULL
            && ctl_yaml_at(t->map, "tier_prices") == NULL)
           || wrong(t, "free", "is true and yet there is a price");
}


static bool
prices_are_said(const struct taking *t, const struct ctl_prices *p,
    const asg_card_t *card)
{
    const asg_prices_t *base = &card->rates.base;

    if (!ctl_prices_are_enough(t->out, p)
        || (base->in_pusd == 0 && base->out_pusd == 0))
    {
        return wrong(t, "ref", "has no price: neither \"cost_in\" and "
                     "\"cost_out\" (USD per 1,000 tokens), nor an entry of "
                     "the table of prices (\"price: {table: NAME}\"), nor "
                     "\"free: true\"");
    }

    return card->audio_tokens == 0 || base->audio_in_pusd > 0
           || wrong(t, "token_bounds", "has a bound for audio, which has no "
                    "price: \"cost_audio_in\"");
}


/* The prices that stand in a map of one service tier or project. */
static bool
million_take(const struct taking *t, const struct ctl_yaml *map,
    struct ctl_prices *out)
{
    const struct ctl_yaml *at;
    unsigned kind;

    for (kind = 0; map != NULL && kind < CTL_PRICE_KINDS; kind++) {
        at = ctl_yaml_at(map, ctl_price_spelling(kind)->per_million);
        if (at != NULL && !field_take(t, at, 1000000, kind, out)) {
            return false;
        }
    }

    return true;
}


/* --- service tiers --- */

/* A tier has a card when a prompt and an answer have a price there. */
static bool
tier_take(const struct taking *t, const struct ctl_service_tier *tier)
{
    const struct ctl_yaml *map = ctl_yaml_at(ctl_yaml_at(t->map,
                                             "tier_prices"), tier->name);
    struct ctl_price *p = &t->out->price;
    struct ctl_prices base, above = p->above[tier->from], said = {0};
    struct ctl_project_price *out = &t->out->projects[t->out->nprojects];

    if (!million_take(t, map, &said)) {
        return false;
    }
    ctl_prices_overlay(&p->base[tier->from], &said);
    base = p->base[tier->from];
    if (!ctl_prices_are_enough(t->out, &base)) {
        return map == NULL
               || wrong(t, "tier_prices", "expects a price of a prompt and "
                        "of an answer (\"in\" and \"out\")");
    }
    ctl_price_tier_audio(&p->base[CTL_TIER_STANDARD], &base);
    ctl_prices_settle(&base, &above);
    out->project = asg_tier_mark(tier->tier);
    out->card = t->out->card;
    ctl_prices_rates(&base, &above, p->above_tokens, &out->card.rates);
    t->out->nprojects++;

    return prices_are_said(t, &base, &out->card)
           && (asg_price_rates_are_sane(&out->card.rates)
               || wrong(t, "tier_prices", "has a price that cannot be"));
}


static bool
is_service_tier(const char *name)
{
    size_t i;

    for (i = 0; i < CTL_SERVICE_TIERS; i++) {
        if (strcmp(name, ctl_service_tiers[i].name) == 0) {
            return true;
        }
    }

    return false;
}


static bool
tiers_take(const struct taking *t)
{
    const struct ctl_yaml *map = ctl_yaml_at(t->map, "tier_prices"), *item;
    size_t i;

    for (item = map != NULL ? map->first : NULL; item != NULL;
         item = item->next)
    {
        if (!is_service_tier(item->key)) {
            return wrong(t, "tier_prices", "expects flex or priority");
        }
    }
    for (i = 0; i < CTL_SERVICE_TIERS; i++) {
        if (!tier_take(t, &ctl_service_tiers[i])) {
            return false;
        }
    }

    return true;
}


/* --- projects that pay something else --- */

/* What stands there of one project, at whatever tier and length. */
static bool
said_take(const struct taking *t, const struct ctl_yaml *map,
    struct ctl_price *said)
{
    const struct ctl_yaml *length = ctl_yaml_at(map, "long_context");
    const struct ctl_yaml *tokens = ctl_yaml_at(length, "above_tokens");
    const struct ctl_service_tier *tier;
    unsigned i;

    if (!million_take(t, map, &said->base[CTL_TIER_STANDARD])
        || !million_take(t, length, &said->above[CTL_TIER_STANDARD]))
    {
        return false;
    }
    if (tokens != NULL) {
        ctl_yaml_int(tokens, &said->above_tokens);
    }
    for (i = 0; i < CTL_SERVICE_TIERS; i++) {
        tier = &ctl_service_tiers[i];
        if (!million_take(t, ctl_yaml_at(map, tier->name),
                          &said->base[tier->from]))
        {
            return false;
        }
    }

    return true;
}


static bool
project_take(const struct taking *t, const struct ctl_yaml *map)
{
    struct ctl_model *m = t->out;
    struct ctl_project_price *made = &m->projects[m->nprojects];
    struct ctl_price said = {0};
    unsigned i, n;

    if (!said_take(t, map, &said)) {
        return false;
    }
    if (!asg_id_is_valid(asg_str_z(map->key)) || ctl_price_said(&said) == 0) {
        return ctl_finding_error(t->findings, t->m->file, map->line,
            "\"project_prices\" expects the id of a project, and a price");
    }
    if (ctl_price_length_is_wrong(&m->price, &said)) {
        return ctl_finding_error(t->findings, t->m->file, map->line,
            "\"long_context\" has a price below the one of shorter prompts, "
            "or nothing says how long those are");
    }
    if (!ctl_price_is_enough(m, &said)) {
        return ctl_finding_error(t->findings, t->m->file, map->line,
            "\"project_prices\" expects a price of a prompt and of an answer "
            "for a tier that the model has no price of");
    }
    n = ctl_project_cards_make(m, map->key, &said, t->findings->arena, made);
    for (i = 0; i < n && ctl_project_card_is_whole(m, &made[i].card); i++) {
        m->nprojects++;
    }

    return n == 0 ? ctl_finding_memory(t->findings, t->m->file)
           : i == n || wrong(t, "project_prices", "has no price left, or one "
                             "that cannot be");
}


static int
by_project(const void *a, const void *b)
{
    const struct ctl_project_price *x = a, *y = b;

    return strcmp(x->project, y->project);
}


/* Over what the model costs; a longer prompt is never cheaper. */
static bool
projects_take(const struct taking *t)
{
    const struct ctl_yaml *map = ctl_yaml_at(t->map, "project_prices"), *item;
    struct ctl_model *m = t->out;

    if (map != NULL && map->n > CTL_MANIFEST_PROJECTS_MAX) {
        return wrong(t, "project_prices", "has more than 64 projects");
    }
    m->projects = ctl_arena_alloc(t->findings->arena, sizeof(*m->projects)
        * ((map != NULL ? map->n : 0) * CTL_PROJECT_CARDS_MAX
           + CTL_SERVICE_TIERS));
    if (m->projects == NULL) {
        return ctl_finding_memory(t->findings, t->m->file);
    }
    if (!tiers_take(t)) {
        return false;
    }
    for (item = map != NULL ? map->first : NULL; item != NULL;
         item = item->next)
    {
        if (!project_take(t, item)) {
            return false;
        }
    }
    qsort(m->projects, m->nprojects, sizeof(*m->projects), by_project);

    return true;
}


/* The manifest's over the table's; a length of the manifest's own replaces the
 * table's with all that it says. */
static bool
card_take(const struct taking *t, const struct ctl_price *entry,
    const struct ctl_price *said)
{
    struct ctl_price p = {0};
    struct ctl_prices *base = &p.base[CTL_TIER_STANDARD];
    struct ctl_priced *how = &t->out->priced;

    if (entry != NULL) {
        p = *entry;
        how->table = entry->name;
        how->own = entry->own;
    }
    how->said = said->base[CTL_TIER_STANDARD].said;
    how->replaced = ctl_prices_overlay(base, &said->base[CTL_TIER_STANDARD]);
    if (said->above_tokens > 0) {
        p.above_tokens = said->above_tokens;
        p.above[CTL_TIER_STANDARD] = said->above[CTL_TIER_STANDARD];
    }
    ctl_prices_rates(base, &p.above[CTL_TIER_STANDARD], p.above_tokens,
                     &t->out->card.rates);
    t->out->price = p;

    return prices_are_said(t, base, &t->out->card)
           && (asg_price_rates_are_sane(&t->out->card.rates)
               || wrong(t, said->above_tokens > 0 ? "long_context" : "ref",
                        "has a price below the one of shorter prompts, or "
                        "one that those do not have"))
           && projects_take(t);
}


bool
ctl_manifest_price_take(const struct ctl_manifest *m,
    const struct ctl_yaml *map, const struct ctl_price_table *table,
    struct ctl_model *model, struct ctl_findings *f)
{
    struct taking t = {m, map, model, f};
    const struct ctl_yaml *free = ctl_yaml_at(map, "free");
    const struct ctl_price *entry = NULL;
    struct ctl_price said = {0};

    if (free != NULL) {
        ctl_yaml_bool(free, &model->free);
    }
    if (!prices_take(&t, &said.base[CTL_TIER_STANDARD])
        || !long_context_take(&t, &said))
    {
        return false;
    }
    if (model->free) {
        return free_take(&t, &said);
    }

    return entry_take(&t, table, &said.base[CTL_TIER_STANDARD], &entry)
           && card_take(&t, entry, &said);
}
