/*
 * Loading the catalog, and saying what was found.
 */
#include "catalog/catalog.h"

#include <string.h>

#define REPORT_BYTES (512u * 1024)


/* The prices as they are remembered for the ledger: see docs/formats.md. */
static const char *
card_text(struct ctl_arena *arena, const struct ctl_model *m)
{
    const asg_card_t *c = &m->card;

    return ctl_arena_printf(arena,
        "{\"free\":%d,\"in_pusd\":%lld,\"out_pusd\":%lld,"
        "\"cached_pusd\":%lld,\"cache_write_pusd\":%lld,"
        "\"reasoning_pusd\":%lld,\"request_tokens\":%lld,"
        "\"message_tokens\":%lld,\"tool_tokens\":%lld,\"image_tokens\":%lld,"
        "\"file_tokens\":%lld,\"audio_tokens\":%lld}", m->free,
        (long long) c->in_pusd, (long long) c->out_pusd,
        (long long) c->cached_pusd, (long long) c->cache_write_pusd,
        (long long) c->reasoning_pusd, (long long) c->request_tokens,
        (long long) c->message_tokens, (long long) c->tool_tokens,
        (long long) c->image_tokens, (long long) c->file_tokens,
        (long long) c->audio_tokens);
}


static bool
cards_write(struct ctl_catalog *c)
{
    unsigned i;

    for (i = 0; i < c->nmodels; i++) {
        c->models[i].card = card_text(c->arena, c->models[i].model);
        if (c->models[i].card == NULL) {
            return ctl_finding_error(&c->findings, "services", 0,
                                     "out of memory");
        }
    }

    return true;
}


bool
ctl_catalog_load(struct ctl_catalog *c, struct ctl_arena *arena,
    const struct ctl_catalog_sources *from)
{
    memset(c, 0, sizeof(*c));
    c->arena = arena;
    ctl_findings_init(&c->findings, arena);
    if (!ctl_catalog_find_modules(c, from)) {
        return false;
    }
    ctl_catalog_activate(c, from->backends);
    c->routing = ctl_routing_load(from->routing, &c->findings);

    return c->routing != NULL && ctl_catalog_register(c) && cards_write(c);
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
