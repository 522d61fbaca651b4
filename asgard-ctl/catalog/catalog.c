/*
 * Loading the catalog, and saying what was found.
 */
#include "catalog/catalog.h"

#include <string.h>

#include "catalog/project_price.h"

#define REPORT_BYTES (512u * 1024)
#define CARD_BYTES   4096


static void
number_write(asg_buf_t *b, const char *name, int64_t n)
{
    asg_buf_z(b, b->len > 0 && b->data[b->len - 1] == '{' ? "" : ",");
    asg_buf_json(b, asg_str_z(name));
    asg_buf_z(b, ":");
    asg_buf_i64(b, n);
}


static void
prices_write(asg_buf_t *b, const asg_prices_t *p)
{
    number_write(b, "in_pusd", p->in_pusd);
    number_write(b, "out_pusd", p->out_pusd);
    number_write(b, "cached_pusd", p->cached_pusd);
    number_write(b, "cache_write_pusd", p->cache_write_pusd);
    number_write(b, "reasoning_pusd", p->reasoning_pusd);
    number_write(b, "cache_write_1h_pusd", p->cache_write_1h_pusd);
    number_write(b, "audio_in_pusd", p->audio_in_pusd);
    number_write(b, "audio_out_pusd", p->audio_out_pusd);
}


static void
above_write(asg_buf_t *b, const asg_rates_t *r)
{
    if (r->above_tokens == 0) {
        asg_buf_z(b, ",\"above\":null");
        return;
    }
    asg_buf_z(b, ",\"above\":{");
    number_write(b, "tokens", r->above_tokens);
    prices_write(b, &r->above);
    asg_buf_z(b, "}");
}


const char *
ctl_catalog_card_text(struct ctl_arena *arena, const asg_card_t *c,
    bool is_free)
{
    char *text = ctl_arena_alloc(arena, CARD_BYTES);
    asg_buf_t b;

    if (text == NULL) {
        return NULL;
    }
    asg_buf_init(&b, text, CARD_BYTES - 1);
    asg_buf_z(&b, "{");
    number_write(&b, "free", is_free);
    prices_write(&b, &c->rates.base);
    number_write(&b, "request_tokens", c->request_tokens);
    number_write(&b, "message_tokens", c->message_tokens);
    number_write(&b, "tool_tokens", c->tool_tokens);
    number_write(&b, "image_tokens", c->image_tokens);
    number_write(&b, "file_tokens", c->file_tokens);
    number_write(&b, "audio_tokens", c->audio_tokens);
    number_write(&b, "toolset_tokens", c->toolset_tokens);
    number_write(&b, "value_tokens", c->value_tokens);
    number_write(&b, "byte_tokens", c->byte_tokens);
    number_write(&b, "reasoning_tokens", c->reasoning_tokens);
    number_write(&b, "typed_tool_tokens", c->typed_tool_tokens);
    above_write(&b, &c->rates);
    asg_buf_z(&b, "}");
    text[b.len] = '\0';

    return asg_buf_ok(&b) ? text : NULL;
}


static bool
project_cards_write(struct ctl_catalog *c, struct ctl_catalog_model *m)
{
    const struct ctl_project_price *p;
    struct ctl_catalog_card *card;
    unsigned i;

    m->nfile_cards = m->model->nprojects;
    m->file_cards = ctl_arena_alloc(c->arena, (m->nfile_cards + 1)
                                              * sizeof(*m->file_cards));
    for (i = 0; m->file_cards != NULL && i < m->nfile_cards; i++) {
        p = &m->model->projects[i];
        card = &m->file_cards[i];
        card->project = p->project;
        card->id = ctl_project_card_id(c->arena, m->model->ref, p->project);
        card->card = ctl_catalog_card_text(c->arena, &p->card, false);
        card->rates = p->card.rates;
        if (card->id == NULL || card->card == NULL) {
            return false;
        }
    }

    m->cards = m->file_cards;
    m->ncards = m->nfile_cards;

    return m->file_cards != NULL;
}


static bool
cards_write(struct ctl_catalog *c)
{
    struct ctl_catalog_model *m;
    unsigned i, n = 0;

    for (i = 0; i < c->nmodels; i++) {
        m = &c->models[i];
        m->card = ctl_catalog_card_text(c->arena, &m->model->card,
                                        m->model->free);
        n += m->model->nprojects;
        if (m->card == NULL || !project_cards_write(c, m)) {
            return ctl_finding_error(&c->findings, "services", 0,
                                     "out of memory");
        }
    }

    return n <= CTL_CATALOG_FILE_CARDS_MAX
           || ctl_finding_error(&c->findings, "services", 0,
                                "more than %d prices of projects and tiers",
                                CTL_CATALOG_FILE_CARDS_MAX);
}


bool
ctl_catalog_load(struct ctl_catalog *c, struct ctl_arena *arena,
    const struct ctl_catalog_sources *from)
{
    memset(c, 0, sizeof(*c));
    c->arena = arena;
    ctl_findings_init(&c->findings, arena);
    if (!ctl_price_table_load(&c->prices, from->prices, &c->findings)
        || !ctl_catalog_find_modules(c, from))
    {
        return false;
    }
    ctl_catalog_activate(c, from->backends);
    c->routing = ctl_routing_load(from->routing, &c->findings);

    return c->routing != NULL && ctl_catalog_register(c) && cards_write(c)
           && (!arena->failed
               || ctl_finding_error(&c->findings, "services", 0,
                                    "out of memory"));
}


const char *
ctl_module_state_name(enum ctl_module_state state)
{
    static const char *const names[] = {
        [CTL_MODULE_ACTIVE] = "active", [CTL_MODULE_INACTIVE] = "inactive",
        [CTL_MODULE_REFUSED] = "refused"
    };

    return names[state];
}


const char *
ctl_catalog_report(const struct ctl_catalog *c)
{
    char *text = ctl_arena_alloc(c->arena, REPORT_BYTES);
    const struct ctl_module *m;
    asg_buf_t b;
    unsigned i;

    if (text == NULL) {
        return NULL;
    }
    asg_buf_init(&b, text, REPORT_BYTES - 1);
    asg_buf_z(&b, "[");
    for (i = 0; i < c->nmodules; i++) {
        m = &c->modules[i];
        asg_buf_z(&b, i > 0 ? ",{\"id\":" : "{\"id\":");
        asg_buf_json(&b, asg_str_z(m->id));
        asg_buf_z(&b, ",\"state\":");
        asg_buf_json(&b, asg_str_z(ctl_module_state_name(m->state)));
        asg_buf_z(&b, ",\"reason\":");
        asg_buf_json(&b, asg_str_z(m->reason != NULL ? m->reason : ""));
        asg_buf_z(&b, ",\"file\":");
        asg_buf_json(&b, asg_str_z(m->file));
        asg_buf_z(&b, "}");
    }
    asg_buf_z(&b, "]");

    return asg_buf_ok(&b) ? text : NULL;
}


const struct ctl_catalog_name *
ctl_catalog_name_find(const struct ctl_catalog *c, const char *name)
{
    unsigned i;

    for (i = 0; i < c->nnames; i++) {
        if (strcmp(c->names[i].name, name) == 0) {
            return &c->names[i];
        }
    }

    return NULL;
}
