/* Any bytes as a manifest and as a routing file: refused with the name of the
 * file, or accepted with everything that the snapshot needs in its bounds. */
#include <assert.h>
#include <string.h>

#include "catalog/manifest.h"
#include "catalog/routing.h"
#include "core/catalog_headers.h"

static void check_text(const char *text)
{
    assert(text != NULL);
    for (; *text != '\0'; text++) {
        assert(*text >= ' ' && *text <= '~' && *text != '"' && *text != '\\');
    }
}

static void check_model(const struct ctl_model *m)
{
    assert(strncmp(m->ref, "model:", 6) == 0);
    assert(ctl_manifest_is_name(m->ref) && ctl_manifest_is_name(m->route));
    assert(ctl_manifest_is_name(m->served));
    assert(m->naliases <= CTL_MANIFEST_ALIASES_MAX);
    assert(m->nallow <= ASG_ALLOW_MAX);
    assert(m->context >= 0 && m->context <= ASG_TOKENS_MAX);
    assert(asg_price_card_is_sane(&m->card));
    assert(m->card.byte_tokens > 0);
    assert(m->free || m->card.rates.base.in_pusd > 0
           || m->card.rates.base.out_pusd > 0);
}

static void check_manifest(const struct ctl_manifest *m)
{
    check_text(m->id);
    if (!m->has_inference) {
        return;
    }
    check_text(m->auth_header);
    check_text(m->auth_scheme);
    for (unsigned i = 0; i < ASG_API_COUNT; i++) {
        if (m->path[i] != NULL) {
            check_text(m->path[i]);
            assert(m->path[i][0] == '/');
        }
    }
    for (unsigned i = 0; i < m->nheaders; i++) {
        assert(asg_catalog_header_name_is_free(m->headers[i].name));
        assert(asg_catalog_header_value_is_clean(m->headers[i].value));
    }
    check_text(m->query != NULL ? m->query : "");
    assert(m->nmodels >= 1);
    for (unsigned i = 0; i < m->nmodels; i++) {
        check_model(&m->models[i]);
    }
}

static void check_findings(const struct ctl_findings *f, const char *file)
{
    assert(f->nerrors > 0 && f->n > 0);
    for (unsigned i = 0; i < f->n; i++) {
        assert(strncmp(f->items[i].text, file, strlen(file)) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ctl_findings f;
    asg_str_t text = {(const char *) data, size};
    const struct ctl_manifest *m;
    struct ctl_arena arena;

    ctl_arena_init(&arena, 256u * 1024 * 1024);
    ctl_findings_init(&f, &arena);
    m = ctl_manifest_parse("m.yaml", text, NULL, NULL, &f);
    if (m != NULL) {
        check_manifest(m);
        assert(f.nerrors == 0);
    } else {
        check_findings(&f, "m.yaml");
    }
    ctl_findings_init(&f, &arena);
    if (ctl_routing_parse("r.yaml", text, &f) == NULL) {
        check_findings(&f, "r.yaml");
    } else {
        assert(f.nerrors == 0);
    }
    ctl_arena_reset(&arena);
    return 0;
}
