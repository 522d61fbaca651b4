/*
 * Whatever parses as a catalog keeps its promises: every index exists, names
 * are sorted and found, and every string lies in the text.
 *
 * Input: the JSON body.  The head is tried on the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "core/catalog.h"

static asg_json_t json;
static asg_keyfile_t keys;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static void must_be_in(asg_str_t s, asg_str_t text)
{
    must(s.data == NULL
         || (s.data >= text.data && s.len <= text.len
             && s.data + s.len <= text.data + text.len));
}

static void check_models(const asg_catalog_t *c, asg_str_t text)
{
    for (unsigned i = 0; i < c->nmodels; i++) {
        const asg_model_t *m = &c->models[i];

        must(m->endpoint < c->nendpoints && m->nallow <= ASG_ALLOW_MAX);
        must(asg_price_card_is_sane(&m->card));
        must_be_in(m->ref, text);
        must_be_in(m->card_id, text);
        for (unsigned p = 0; p < ASG_API_COUNT; p++) {
            must_be_in(m->path[p], text);
        }
    }
}

static void check_names(const asg_catalog_t *c, asg_str_t text)
{
    for (unsigned i = 0; i < c->nnames; i++) {
        const asg_public_name_t *n = &c->names[i];

        must(asg_catalog_find(c, n->name) == n);
        must(n->ncandidates >= 1);
        must(n->ncandidates <= ASG_CATALOG_CANDIDATES_MAX);
        for (unsigned k = 0; k < n->ncandidates; k++) {
            must(n->candidates[k] < c->nmodels);
        }
        must_be_in(asg_catalog_base_name(n->name), text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t text = {(const char *) data, size};
    asg_str_t body;
    uint64_t version;
    int64_t created;
    asg_catalog_t c;
    size_t need;
    void *memory;

    must(asg_catalog_verify(&keys, text, &version, &created, &body) != ASG_OK);
    need = asg_catalog_size(&json, text);
    if (need == 0) {
        return 0;
    }
    memory = malloc(need);
    must(memory != NULL);
    if (asg_catalog_parse(&json, text, memory, need, &c) == ASG_OK) {
        check_models(&c, text);
        check_names(&c, text);
    }
    free(memory);
    return 0;
}
