/*
 * What a model costs: the manifest's prices over the table's.
 */
#include "catalog/manifest_price.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/project_price.h"
#include "core/rkey.h"
#include "core/tier.h"

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


static bool
needs_out(const struct ctl_model *model)
{
    return model->apis[ASG_API_CHAT] || model->apis[ASG_API_COMPLETIONS]
        || model->apis[ASG_API_MESSAGES];
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
    if (!ctl_prices_say(said, CTL_PRICE_IN)
        || (needs_out(t->out) && !ctl_prices_say(said, CTL_PRICE_OUT)))
    {
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

    if (!ctl_prices_say(p, CTL_PRICE_IN)
        || (needs_out(t->out) && !ctl_prices_say(p, CTL_PRICE_OUT))
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


/* --- projects that pay something else --- */

static bool
project_take(const struct taking *t, const struct ctl_price *p,
    const struct ctl_yaml *map, struct ctl_project_price *out)
{
    struct ctl_prices said = {0}, base;
    const struct ctl_yaml *at;
    unsigned kind;

    for (kind = 0; kind < CTL_PRICE_KINDS; kind++) {
        at = ctl_yaml_at(map, ctl_price_spelling(kind)->per_million);
        if (at != NULL && !field_take(t, at, 1000000, kind, &said)) {
            return false;
        }
    }
    if (!asg_id_is_valid(asg_str_z(map->key)) || said.said == 0) {
        return ctl_finding_error(t->findings, t->m->file, map->line,
            "\"project_prices\" expects the id of a project, and a price");
    }
    out->project = map->key;
    out->card = t->out->card;
    base = ctl_price_rates_with(p, &said, &out->card.rates);

    return prices_are_said(t, &base, &out->card)
           && (asg_price_rates_are_sane(&out->card.rates)
               || wrong(t, "project_prices", "has a price of long prompts "
                        "below the one of shorter prompts"));
}


/* --- service tiers --- */

static const struct {
    const char *name;
    enum ctl_price_tier from;           /* of the table */
    asg_tier_t tier;
} service_tiers[] = {
    {"flex", CTL_TIER_FLEX, ASG_TIER_FLEX},
    {"priority", CTL_TIER_PRIORITY, ASG_TIER_PRIORITY}
};

#define SERVICE_TIERS  (sizeof(service_tiers) / sizeof(service_tiers[0]))


/* Audio that a tier does not price costs as at the standard one. */
static void
audio_take(const struct ctl_prices *base, struct ctl_prices *tier)
{
    unsigned kind;

    for (kind = CTL_PRICE_AUDIO_IN; kind <= CTL_PRICE_AUDIO_OUT; kind++) {
        if (ctl_prices_say(base, kind) && !ctl_prices_say(tier, kind)) {
            ctl_prices_set(tier, kind, base->pusd[kind]);
        }
    }
}


/* A tier has a card when a prompt and an answer have a price there. */
static bool
tier_take(const struct taking *t, const struct ctl_price *p, size_t i)
{
    const struct ctl_yaml *map = ctl_yaml_at(ctl_yaml_at(t->map,
                                             "tier_prices"),
                                             service_tiers[i].name), *at;
    struct ctl_prices base = p->base[service_tiers[i].from];
    struct ctl_prices above = p->above[service_tiers[i].from];
    struct ctl_project_price *out = &t->out->projects[t->out->nprojects];
    struct ctl_prices said = {0};
    unsigned kind;

    for (kind = 0; map != NULL && kind < CTL_PRICE_KINDS; kind++) {
        at = ctl_yaml_at(map, ctl_price_spelling(kind)->per_million);
        if (at != NULL && !field_take(t, at, 1000000, kind, &said)) {
            return false;
        }
    }
    ctl_prices_overlay(&base, &said);
    if (!ctl_prices_say(&base, CTL_PRICE_IN)
        || (needs_out(t->out) && !ctl_prices_say(&base, CTL_PRICE_OUT)))
    {
        return map == NULL
               || wrong(t, "tier_prices", "expects a price of a prompt and "
                        "of an answer (\"in\" and \"out\")");
    }
    audio_take(&p->base[CTL_TIER_STANDARD], &base);
    ctl_prices_settle(&base, &above);
    out->project = asg_tier_mark(service_tiers[i].tier);
    out->card = t->out->card;
    ctl_prices_rates(&base, &above, p->above_tokens, &out->card.rates);
    t->out->nprojects++;

    return prices_are_said(t, &base, &out->card)
           && (asg_price_rates_are_sane(&out->card.rates)
               || wrong(t, "tier_prices", "has a price that cannot be"));
}


static bool
tiers_take(const struct taking *t, const struct ctl_price *p)
{
    const struct ctl_yaml *map = ctl_yaml_at(t->map, "tier_prices"), *item;
    size_t i;

    for (item = map != NULL ? map->first : NULL; item != NULL;
         item = item->next)
    {
        for (i = 0; i < SERVICE_TIERS
             && strcmp(item->key, service_tiers[i].name) != 0; i++)
        {
        }
        if (i == SERVICE_TIERS) {
            return wrong(t, "tier_prices", "expects flex or priority");
        }
    }
    for (i = 0; i < SERVICE_TIERS; i++) {
        if (!tier_take(t, p, i)) {
            return false;
        }
    }

    return true;
}


static int
by_project(const void *a, const void *b)
{
    const struct ctl_project_price *x = a, *y = b;

    return strcmp(x->project, y->project);
}


/* Over what the model costs; a longer prompt is never cheaper. */
static bool
projects_take(const struct taking *t, const struct ctl_price *p)
{
    const struct ctl_yaml *map = ctl_yaml_at(t->map, "project_prices"), *item;
    struct ctl_model *m = t->out;

    if (map != NULL && map->n > CTL_MANIFEST_PROJECTS_MAX) {
        return wrong(t, "project_prices", "has more than 64 projects");
    }
    m->projects = ctl_arena_alloc(t->findings->arena,
                                  ((map != NULL ? map->n : 0) + SERVICE_TIERS)
                                  * sizeof(*m->projects));
    if (m->projects == NULL) {
        return ctl_finding_memory(t->findings, t->m->file);
    }
    if (!tiers_take(t, p)) {
        return false;
    }
    for (item = map != NULL ? map->first : NULL; item != NULL;
         item = item->next)
    {
        if (!project_take(t, p, item, &m->projects[m->nprojects++])) {
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
           && projects_take(t, &p);
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
