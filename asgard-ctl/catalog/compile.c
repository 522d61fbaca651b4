/*
 * Writing the snapshot.
 */
#include "catalog/compile.h"

#include <string.h>

#include "core/record.h"

#define PATH_BYTES     2048
#define AAD_BYTES      1024
#define HEAD_BYTES     256
#define IDLE_MS        300000
#define FIRST_BYTE_MS  600000

struct writer {
    const struct ctl_catalog *catalog;
    const struct ctl_compile *with;
    asg_buf_t b;
    struct ctl_error *e;
};


static void
member(struct writer *w, const char *name, const char *text)
{
    asg_buf_z(&w->b, ",");
    asg_buf_json(&w->b, asg_str_z(name));
    asg_buf_z(&w->b, ":");
    if (text == NULL) {
        asg_buf_z(&w->b, "null");
    } else {
        asg_buf_json(&w->b, asg_str_z(text));
    }
}


static void
member_str(struct writer *w, const char *name, asg_str_t text)
{
    asg_buf_z(&w->b, ",");
    asg_buf_json(&w->b, asg_str_z(name));
    asg_buf_z(&w->b, ":");
    asg_buf_json(&w->b, text);
}


static void
member_int(struct writer *w, const char *name, int64_t n)
{
    asg_buf_z(&w->b, ",");
    asg_buf_json(&w->b, asg_str_z(name));
    asg_buf_z(&w->b, ":");
    asg_buf_i64(&w->b, n);
}


/* --- endpoints --- */

static bool
key_write(struct writer *w, const struct ctl_module *m)
{
    uint8_t nonce[ASG_SEAL_NONCE_BYTES];
    uint8_t sealed[ASG_SEAL_PLAIN_MAX + ASG_SEAL_TAG_BYTES];
    uint64_t version = (uint64_t) w->with->version;
    char storage[AAD_BYTES];
    asg_buf_t aad;

    if (m->key.data == NULL) {
        asg_buf_z(&w->b, ",\"key\":null");
        return true;
    }
    asg_buf_init(&aad, storage, sizeof(storage));
    asg_catalog_key_aad(&aad, m->url.tls ? "https" : "http", m->url.host,
                        m->url.port, version);
    if (!asg_buf_ok(&aad)
        || asg_seal_encrypt(w->with->seal, asg_buf_view(&aad), m->key, nonce,
                            sealed) != ASG_OK)
    {
        return ctl_error_internal(w->e, "the key of module %s could not be "
                                  "sealed", m->id);
    }
    asg_buf_z(&w->b, ",\"key\":{\"seal\":");
    asg_buf_json(&w->b, asg_str_z(w->with->seal->id));
    member_int(w, "version", w->with->version);
    asg_buf_z(&w->b, ",\"nonce\":\"");
    asg_buf_hex(&w->b, nonce, sizeof(nonce));
    asg_buf_z(&w->b, "\",\"data\":\"");
    asg_buf_hex(&w->b, sealed, m->key.len + ASG_SEAL_TAG_BYTES);
    asg_buf_z(&w->b, "\"}");

    return true;
}


/* As a client writes it: brackets around IPv6, the port unless the scheme's. */
static void
host_header_write(struct writer *w, const asg_url_t *url)
{
    asg_buf_z(&w->b, ",\"host_header\":\"");
    asg_buf_z(&w->b, url->ipv6 ? "[" : "");
    asg_buf_str(&w->b, url->host);
    asg_buf_z(&w->b, url->ipv6 ? "]" : "");
    if (url->port != (url->tls ? 443 : 80)) {
        asg_buf_z(&w->b, ":");
        asg_buf_u64(&w->b, url->port);
    }
    asg_buf_z(&w->b, "\"");
}


static void
address_write(struct writer *w, const struct ctl_module *m)
{
    const struct ctl_manifest *mf = m->manifest;

    if (mf->kind == CTL_KIND_ECHO) {
        asg_buf_z(&w->b, ",\"scheme\":\"http\",\"host\":\"\",\"port\":0,"
                  "\"host_header\":null,\"tls_name\":null,\"ca_file\":null,"
                  "\"auth_header\":null,\"auth_scheme\":null");
        return;
    }
    member(w, "scheme", m->url.tls ? "https" : "http");
    member_str(w, "host", m->url.host);
    member_int(w, "port", m->url.port);
    host_header_write(w, &m->url);
    if (m->url.tls) {
        member_str(w, "tls_name", m->url.host);
    } else {
        member(w, "tls_name", NULL);
    }
    member(w, "ca_file", mf->ca_file);
    member(w, "auth_header", mf->auth_header);
    member(w, "auth_scheme", mf->auth_scheme);
}


static int64_t
first_of(int64_t a, int64_t b, int64_t c)
{
    return a > 0 ? a : b > 0 ? b : c;
}


static void
headers_write(struct writer *w, const struct ctl_manifest *mf)
{
    unsigned i;

    asg_buf_z(&w->b, ",\"headers\":[");
    for (i = 0; i < mf->nheaders; i++) {
        asg_buf_z(&w->b, i > 0 ? ",{\"name\":" : "{\"name\":");
        asg_buf_json(&w->b, mf->headers[i].name);
        member_str(w, "value", mf->headers[i].value);
        asg_buf_z(&w->b, "}");
    }
    asg_buf_z(&w->b, "]");
}


static void
betas_write(struct writer *w, const struct ctl_manifest *mf)
{
    unsigned i;

    if (mf->nbetas == 0) {
        return;
    }
    asg_buf_z(&w->b, ",\"anthropic_beta\":[");
    for (i = 0; i < mf->nbetas; i++) {
        asg_buf_z(&w->b, i > 0 ? "," : "");
        asg_buf_json(&w->b, asg_str_z(mf->betas[i]));
    }
    asg_buf_z(&w->b, "]");
}


static bool
endpoint_write(struct writer *w, const struct ctl_module *m)
{
    static const char *const kinds[] = {
        [CTL_KIND_OPENAI] = "openai",
        [CTL_KIND_COMPATIBLE] = "openai-compatible",
        [CTL_KIND_ECHO] = "echo", [CTL_KIND_ANTHROPIC] = "anthropic"
    };
    const struct ctl_routing *routing = w->catalog->routing;
    const struct ctl_manifest *mf = m->manifest;

    asg_buf_z(&w->b, m->endpoint > 0 ? ",\n{\"id\":" : "\n{\"id\":");
    asg_buf_json(&w->b, asg_str_z(m->id));
    member(w, "provider", m->id);
    member(w, "kind", kinds[mf->kind]);
    address_write(w, m);
    if (!key_write(w, m)) {
        return false;
    }
    member_int(w, "connect_timeout_ms", mf->connect_timeout_ms);
    member_int(w, "first_byte_timeout_ms", first_of(mf->first_byte_timeout_ms,
               routing->how.timeout_ms, FIRST_BYTE_MS));
    member_int(w, "idle_timeout_ms", first_of(mf->idle_timeout_ms,
               routing->how.stream_timeout_ms, IDLE_MS));
    member_int(w, "retry_after_send", mf->retry_after_send);
    member_int(w, "public_only", mf->public_only);
    if (mf->kind == CTL_KIND_ANTHROPIC) {
        member(w, "anthropic_version", mf->anthropic_version);
        member_int(w, "refuse_unsupported", mf->refuse_unsupported);
        betas_write(w, mf);
    }
    headers_write(w, mf);
    asg_buf_z(&w->b, "}");

    return true;
}


/* --- models --- */

bool
ctl_compile_path(const struct ctl_module *module, const struct ctl_model *model,
    asg_api_t api, asg_buf_t *path)
{
    const struct ctl_manifest *mf = module->manifest;
    static const asg_url_t echo;

    if (asg_url_join(module->base_url != NULL ? &module->url : &echo,
                     asg_str_z(mf->path[api]), asg_str_z(model->served), path)
        != ASG_OK)
    {
        return false;
    }
    if (mf->query != NULL) {
        asg_buf_z(path, "?");
        asg_buf_z(path, mf->query);
    }

    return asg_buf_ok(path) && path->len <= ASG_URL_MAX;
}


static bool
path_write(struct writer *w, const struct ctl_catalog_model *m, asg_api_t api,
    const char *name, bool *first)
{
    const struct ctl_manifest *mf = m->module->manifest;
    char storage[PATH_BYTES];
    asg_buf_t path;

    if (!m->model->apis[api]) {
        return true;
    }
    asg_buf_init(&path, storage, sizeof(storage));
    if (!ctl_compile_path(m->module, m->model, api, &path)) {
        return ctl_error_internal(w->e, "%s: the path of %s is too long",
                                  mf->file, name);
    }
    asg_buf_z(&w->b, *first ? "" : ",");
    asg_buf_json(&w->b, asg_str_z(name));
    asg_buf_z(&w->b, ":");
    asg_buf_json(&w->b, asg_buf_view(&path));
    *first = false;

    return true;
}


static bool
paths_write(struct writer *w, const struct ctl_catalog_model *m)
{
    bool first = true, ok;

    asg_buf_z(&w->b, ",\"paths\":{");
    ok = path_write(w, m, ASG_API_CHAT, "chat", &first)
         && path_write(w, m, ASG_API_COMPLETIONS, "completions", &first)
         && path_write(w, m, ASG_API_EMBEDDINGS, "embeddings", &first)
         && path_write(w, m, ASG_API_MESSAGES, "messages", &first)
         && path_write(w, m, ASG_API_COUNT_TOKENS, "count_tokens", &first);
    asg_buf_z(&w->b, "}");

    return ok;
}


static void
classes_write(struct writer *w, unsigned classes)
{
    bool first = true;
    unsigned c;

    asg_buf_z(&w->b, ",\"data_classes\":[");
    for (c = 0; c < ASG_DATA_COUNT; c++) {
        if ((classes & 1u << c) != 0) {
            asg_buf_z(&w->b, first ? "" : ",");
            asg_buf_json(&w->b,
                asg_str_z(asg_data_class_name((asg_data_class_t) c)));
            first = false;
        }
    }
    asg_buf_z(&w->b, "]");
}


static void
limits_write(struct writer *w, const struct ctl_model *m)
{
    unsigned i;

    member_int(w, "context", m->context);
    member_int(w, "max_output_tokens", m->max_output_tokens);
    member_int(w, "default_max_tokens", m->default_max_tokens);
    member(w, "max_tokens_field", m->max_tokens_field);
    member_int(w, "send_user", m->send_user);
    member_int(w, "send_stream_options", m->send_stream_options);
    member_int(w, "any_tier", m->any_tier);
    if (m->structured_output) {
        member_int(w, "structured_output", 1);
    }
    asg_buf_z(&w->b, ",\"allow_fields\":[");
    for (i = 0; i < m->nallow; i++) {
        asg_buf_z(&w->b, i > 0 ? "," : "");
        asg_buf_json(&w->b, asg_str_z(m->allow[i]));
    }
    asg_buf_z(&w->b, "]");
}


/* The remembered card, with its name put in front of its prices. */
static void
card_write(struct writer *w, const char *id, int64_t version, const char *card)
{
    asg_buf_z(&w->b, ",\"card\":{\"id\":");
    asg_buf_json(&w->b, asg_str_z(id));
    member_int(w, "version", version);
    asg_buf_z(&w->b, ",");
    asg_buf_z(&w->b, card + 1);
}


/* What projects pay instead and what tiers cost, ascending by model and
 * project. */
static void
project_cards_write(struct writer *w)
{
    const struct ctl_catalog *c = w->catalog;
    const struct ctl_catalog_card *card;
    const char *before = "\n{\"project\":";
    unsigned i, j;

    asg_buf_z(&w->b, ",\"project_cards\":[");
    for (i = 0; i < c->nmodels; i++) {
        for (j = 0; j < c->models[i].ncards; j++) {
            card = &c->models[i].cards[j];
            asg_buf_z(&w->b, before);
            asg_buf_json(&w->b, asg_str_z(card->project));
            member_int(w, "model", i);
            card_write(w, card->id, card->version, card->card);
            asg_buf_z(&w->b, "}");
            before = ",\n{\"project\":";
        }
    }
    asg_buf_z(&w->b, "]");
}


/* Cards of projects, and those of them that are of a tier. */
static void
cards_count(const struct ctl_catalog *c, unsigned *projects, unsigned *tiers)
{
    const char *project;
    unsigned i, j;

    *projects = *tiers = 0;
    for (i = 0; i < c->nmodels; i++) {
        for (j = 0; j < c->models[i].ncards; j++) {
            project = c->models[i].cards[j].project;
            *projects += project[0] != '#';
            *tiers += project[0] == '#' && strchr(project, '@') != NULL;
        }
    }
}


/* A reader of an older format would connect such an endpoint to whatever its
 * name says, or charge such a project by the model, there or at such a tier.
 * Without the cards of tiers for all, a call is charged more. */
static uint64_t
format_of(const struct ctl_catalog *c)
{
    unsigned i, projects, tiers;

    cards_count(c, &projects, &tiers);
    if (tiers > 0) {
        return ASG_CATALOG_FORMAT;
    }
    for (i = 0; i < c->nmodules; i++) {
        if (c->modules[i].state == CTL_MODULE_ACTIVE
            && c->modules[i].manifest->public_only)
        {
            return ASG_CATALOG_FORMAT_PUBLIC;
        }
    }

    return projects > 0 ? ASG_CATALOG_FORMAT_CARDS : ASG_CATALOG_FORMAT_PLAIN;
}


static bool
model_write(struct writer *w, const struct ctl_catalog_model *m, bool first)
{
    int64_t created = m->module->manifest->changed_at;

    asg_buf_z(&w->b, first ? "\n{\"ref\":" : ",\n{\"ref\":");
    asg_buf_json(&w->b, asg_str_z(m->model->ref));
    member(w, "route", m->model->route);
    member(w, "provider", m->module->id);
    member(w, "served", m->model->served);
    member(w, "endpoint", m->module->id);
    member_int(w, "created", created > 0 ? created : w->with->created);
    classes_write(w, m->model->data_classes);
    limits_write(w, m->model);
    if (!paths_write(w, m)) {
        return false;
    }
    card_write(w, m->model->ref, m->card_version, m->card);
    asg_buf_z(&w->b, "}");

    return true;
}


/* --- names --- */

static void
numbers_write(struct writer *w, const char *name, const unsigned *list,
    unsigned n)
{
    unsigned i;

    asg_buf_z(&w->b, ",");
    asg_buf_json(&w->b, asg_str_z(name));
    asg_buf_z(&w->b, ":[");
    for (i = 0; i < n; i++) {
        asg_buf_z(&w->b, i > 0 ? "," : "");
        asg_buf_u64(&w->b, list[i]);
    }
    asg_buf_z(&w->b, "]");
}


static void
group_write(struct writer *w, const struct ctl_catalog_group *g,
    const unsigned *weights, bool first)
{
    asg_buf_z(&w->b, first ? "{\"n\":" : ",{\"n\":");
    asg_buf_u64(&w->b, g->n);
    member(w, "strategy",
           asg_strategy_name((asg_strategy_t) g->how.strategy));
    numbers_write(w, "weights", weights, g->n);
    member_int(w, "retries", g->how.retries);
    member_int(w, "allowed_fails", g->how.allowed_fails);
    member_int(w, "cooldown_ms", g->how.cooldown_ms);
    member_int(w, "first_byte_timeout_ms", g->how.timeout_ms);
    member_int(w, "idle_timeout_ms", g->how.stream_timeout_ms);
    member_int(w, "on_context", g->on_context);
    asg_buf_z(&w->b, "}");
}


static void
name_write(struct writer *w, const struct ctl_catalog_name *n, bool first)
{
    unsigned i, before = 0;

    asg_buf_z(&w->b, first ? "\n{\"name\":" : ",\n{\"name\":");
    asg_buf_json(&w->b, asg_str_z(n->name));
    if (n->alias) {
        asg_buf_z(&w->b, ",\"alias\":1");
    }
    if (n->hidden) {
        asg_buf_z(&w->b, ",\"hidden\":1");
    }
    numbers_write(w, "candidates", n->candidates, n->ncandidates);
    asg_buf_z(&w->b, ",\"groups\":[");
    for (i = 0; i < n->ngroups; i++) {
        group_write(w, &n->groups[i], n->weights + before, i == 0);
        before += n->groups[i].n;
    }
    asg_buf_z(&w->b, "]}");
}


static bool
body_write(struct writer *w)
{
    const struct ctl_catalog *c = w->catalog;
    unsigned i;

    asg_buf_z(&w->b, "{\"format\":");
    asg_buf_u64(&w->b, format_of(c));
    member_int(w, "version", w->with->version);
    member_int(w, "created", w->with->created);
    member_int(w, "max_age_s", w->with->max_age_s);
    asg_buf_z(&w->b, ",\"endpoints\":[");
    for (i = 0; i < c->nmodules; i++) {
        if (c->modules[i].state == CTL_MODULE_ACTIVE
            && !endpoint_write(w, &c->modules[i]))
        {
            return false;
        }
    }
    asg_buf_z(&w->b, "],\"models\":[");
    for (i = 0; i < c->nmodels; i++) {
        if (!model_write(w, &c->models[i], i == 0)) {
            return false;
        }
    }
    asg_buf_z(&w->b, "]");
    project_cards_write(w);
    asg_buf_z(&w->b, ",\"names\":[");
    for (i = 0; i < c->nnames; i++) {
        name_write(w, &c->names[i], i == 0);
    }
    asg_buf_z(&w->b, "]}");

    return true;
}


static void
head_write(const struct ctl_compile *with, asg_buf_t *head)
{
    asg_buf_z(head, "ASGC1 ");
    asg_buf_z(head, with->seal->id);
    asg_buf_z(head, " ");
    asg_buf_i64(head, with->version);
    asg_buf_z(head, " ");
    asg_buf_i64(head, with->created);
}


/* The MAC covers the head without the MAC itself, its line's end, and the
 * body. */
bool
ctl_compile_snapshot(const struct ctl_catalog *c,
    const struct ctl_compile *with, asg_str_t *text, struct ctl_error *e)
{
    char *storage = ctl_arena_alloc(with->arena, ASG_CATALOG_BYTES_MAX);
    struct writer w = {.catalog = c, .with = with, .e = e};
    uint8_t mac[ASG_SEAL_MAC_BYTES];
    char bytes[HEAD_BYTES];
    asg_buf_t head;

    if (storage == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    asg_buf_init(&w.b, storage + HEAD_BYTES,
                 ASG_CATALOG_BYTES_MAX - HEAD_BYTES - 1);
    if (!body_write(&w)) {
        return false;
    }
    asg_buf_init(&head, bytes, sizeof(bytes));
    head_write(with, &head);
    asg_buf_z(&head, "\n");
    asg_seal_mac(with->seal, asg_buf_view(&head), asg_buf_view(&w.b), mac);

    asg_buf_init(&head, bytes, sizeof(bytes));
    head_write(with, &head);
    asg_buf_z(&head, " ");
    asg_buf_hex(&head, mac, sizeof(mac));
    asg_buf_z(&head, "\n");
    if (!asg_buf_ok(&head) || !asg_buf_ok(&w.b)) {
        return ctl_error_internal(e, "the snapshot is larger than 16 MiB");
    }
    memcpy(storage + HEAD_BYTES - head.len, bytes, head.len);
    *text = (asg_str_t) {storage + HEAD_BYTES - head.len,
                         head.len + w.b.len};

    return true;
}
