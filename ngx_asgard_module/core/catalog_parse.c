/*
 * The snapshot's JSON as flat arrays.
 *
 * Memory: endpoints, models, cards, names one after the other.  Every index
 * points below its count before it is stored; names are sorted at the end.
 */
#include <string.h>

#include "core/catalog_card.h"
#include "core/catalog_headers.h"
#include "core/catalog_outline.h"
#include "core/members.h"
#include "core/record.h"
#include "core/seal.h"

#define NAME_BYTES_MAX   256
#define TEXT_BYTES_MAX   1024
#define TIMEOUT_MS_MAX   ((int64_t) 3600 * 1000)
#define NONCE_HEX        (2 * ASG_SEAL_NONCE_BYTES)
#define TAG_HEX          (2 * ASG_SEAL_TAG_BYTES)
#define DATA_HEX_MAX     (2 * (ASG_SEAL_PLAIN_MAX + ASG_SEAL_TAG_BYTES))

typedef struct {
    asg_str_t kind, scheme;
    int64_t port;
    asg_endpoint_t endpoint;
} endpoint_parts_t;

typedef struct {
    asg_str_t endpoint;
    asg_model_t model;
} model_parts_t;

static asg_err_t read_key(asg_json_t *json, asg_buf_t *scratch, void *out);
static asg_err_t read_headers(asg_json_t *json, asg_buf_t *scratch, void *out);
static asg_err_t read_betas(asg_json_t *json, asg_buf_t *scratch, void *out);
static asg_err_t read_classes(asg_json_t *json, asg_buf_t *scratch, void *out);
static asg_err_t read_allow(asg_json_t *json, asg_buf_t *scratch, void *out);
static asg_err_t read_paths(asg_json_t *json, asg_buf_t *scratch, void *out);
static asg_err_t read_card(asg_json_t *json, asg_buf_t *scratch, void *out);

#define E(kind, name, field)  ASG_MEMBER(kind, name, endpoint_parts_t, field)
#define M(kind, name, field)  ASG_MEMBER(kind, name, model_parts_t, field)
#define PATH(name, api) \
    ASG_MEMBER_MAYBE(STRING, name, model_parts_t, model.path[api])

static const asg_member_t endpoint_members[] = {
    E(STRING, "id", endpoint.id),
    E(STRING, "provider", endpoint.provider),
    E(STRING, "kind", kind),
    E(STRING, "scheme", scheme),
    E(STRING, "host", endpoint.host),
    E(COUNT, "port", port),
    E(STRING_OR_NULL, "host_header", endpoint.host_header),
    E(STRING_OR_NULL, "tls_name", endpoint.tls_name),
    E(STRING_OR_NULL, "ca_file", endpoint.ca_file),
    E(STRING_OR_NULL, "auth_header", endpoint.auth_header),
    E(STRING_OR_NULL, "auth_scheme", endpoint.auth_scheme),
    ASG_MEMBER_BY(read_key, "key"),
    E(COUNT, "connect_timeout_ms", endpoint.connect_timeout_ms),
    E(COUNT, "first_byte_timeout_ms", endpoint.first_byte_timeout_ms),
    E(COUNT, "idle_timeout_ms", endpoint.idle_timeout_ms),
    ASG_MEMBER_MAYBE(FLAG, "retry_after_send", endpoint_parts_t,
                     endpoint.retry_after_send),
    ASG_MEMBER_MAYBE(FLAG, "public_only", endpoint_parts_t,
                     endpoint.public_only),
    ASG_MEMBER_MAYBE(STRING, "anthropic_version", endpoint_parts_t,
                     endpoint.anthropic_version),
    ASG_MEMBER_MAYBE(FLAG, "refuse_unsupported", endpoint_parts_t,
                     endpoint.refuse_unsupported),
    ASG_MEMBER_MAYBE_BY(read_betas, "anthropic_beta"),
    ASG_MEMBER_MAYBE_BY(read_headers, "headers")
};

static const asg_member_t key_members[] = {
    E(STRING, "seal", endpoint.key_seal),
    E(VERSION, "version", endpoint.key_version),
    E(STRING, "nonce", endpoint.key_nonce_hex),
    E(STRING, "data", endpoint.key_data_hex)
};

static const asg_member_t model_members[] = {
    M(STRING, "ref", model.ref),
    M(STRING, "route", model.route),
    M(STRING, "provider", model.provider),
    M(STRING, "served", model.served),
    M(STRING, "endpoint", endpoint),
    M(COUNT, "created", model.created),
    ASG_MEMBER_BY(read_classes, "data_classes"),
    M(COUNT, "context", model.context),
    M(COUNT, "max_output_tokens", model.max_output_tokens),
    M(COUNT, "default_max_tokens", model.default_max_tokens),
    M(STRING, "max_tokens_field", model.max_tokens_field),
    M(FLAG, "send_user", model.send_user),
    M(FLAG, "send_stream_options", model.send_stream_options),
    ASG_MEMBER_MAYBE(FLAG, "any_tier", model_parts_t, model.any_tier),
    ASG_MEMBER_MAYBE(FLAG, "structured_output", model_parts_t,
                     model.structured_output),
    ASG_MEMBER_MAYBE_BY(read_allow, "allow_fields"),
    ASG_MEMBER_BY(read_paths, "paths"),
    ASG_MEMBER_BY(read_card, "card")
};

static const asg_member_t path_members[] = {
    PATH("chat", ASG_API_CHAT),
    PATH("completions", ASG_API_COMPLETIONS),
    PATH("embeddings", ASG_API_EMBEDDINGS),
    PATH("messages", ASG_API_MESSAGES),
    PATH("count_tokens", ASG_API_COUNT_TOKENS)
};

/* --- checks --- */

/* Printable ASCII without space: may stand in a header or a request line. */
static bool is_word(asg_str_t s, size_t max)
{
    for (size_t i = 0; i < s.len && i <= max; i++) {
        if (s.data[i] <= ' ' || s.data[i] > '~') {
            return false;
        }
    }
    return s.len >= 1 && s.len <= max;
}

/* The null string, or one that may stand in a header. */
static bool is_header_or_empty(asg_str_t s)
{
    for (size_t i = 0; i < s.len && i <= TEXT_BYTES_MAX; i++) {
        if (s.data[i] < ' ' || s.data[i] > '~') {
            return false;
        }
    }
    return s.len <= TEXT_BYTES_MAX;
}

static bool is_hex(asg_str_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '\0' || strchr("0123456789abcdef", s.data[i]) == NULL)
        {
            return false;
        }
    }
    return s.len % 2 == 0;
}

static bool is_timeout(int64_t ms)
{
    return ms > 0 && ms <= TIMEOUT_MS_MAX;
}

static bool is_tokens(int64_t n)
{
    return n <= ASG_TOKENS_MAX;
}

/* --- endpoints --- */

static asg_err_t read_key(asg_json_t *json, asg_buf_t *scratch, void *out)
{
    asg_endpoint_t *e = &((endpoint_parts_t *) out)->endpoint;
    bool there;
    asg_err_t rc = asg_members_read_maybe(json, scratch,
        ASG_MEMBERS(key_members), out, &there);

    if (rc != ASG_OK || !there) {
        return rc;
    }
    e->has_key = true;
    return is_word(e->key_seal, ASG_KEYFILE_ID_MAX)
        && e->key_nonce_hex.len == NONCE_HEX && is_hex(e->key_nonce_hex)
        && e->key_data_hex.len > TAG_HEX && e->key_data_hex.len <= DATA_HEX_MAX
        && is_hex(e->key_data_hex) ? ASG_OK : ASG_ERR_RANGE;
}

static asg_err_t read_headers(asg_json_t *json, asg_buf_t *scratch, void *out)
{
    asg_endpoint_t *e = &((endpoint_parts_t *) out)->endpoint;

    (void) scratch;
    return asg_catalog_headers_read(json, e->headers, &e->nheaders);
}

static asg_err_t read_betas(asg_json_t *json, asg_buf_t *scratch, void *out)
{
    asg_endpoint_t *e = &((endpoint_parts_t *) out)->endpoint;
    asg_json_event_t event = asg_json_next(json);

    (void) scratch;
    if (event != ASG_JSON_ARRAY) {
        return asg_members_fault(json);
    }
    while ((event = asg_json_next(json)) == ASG_JSON_STRING) {
        if (e->nbetas == ASG_ANTHROPIC_BETAS_MAX) {
            return ASG_ERR_LIMIT;
        }
        if (json->escaped || !asg_anthropic_beta_is_valid(json->token)) {
            return ASG_ERR_RANGE;
        }
        e->betas[e->nbetas++] = json->token;
    }
    return event == ASG_JSON_ARRAY_END ? ASG_OK : asg_members_fault(json);
}

static bool read_kind(asg_str_t name, asg_kind_t *out)
{
    static const char *const kinds[] = {
        [ASG_KIND_OPENAI] = "openai",
        [ASG_KIND_COMPATIBLE] = "openai-compatible",
        [ASG_KIND_ECHO] = "echo", [ASG_KIND_ANTHROPIC] = "anthropic"
    };

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (asg_str_eq_z(name, kinds[i])) {
            *out = (asg_kind_t) i;
            return true;
        }
    }
    return false;
}

static bool address_is_possible(const endpoint_parts_t *parts)
{
    const asg_endpoint_t *e = &parts->endpoint;

    if (e->kind == ASG_KIND_ECHO) {
        return e->host.len == 0 && parts->port == 0 && !e->has_key;
    }
    return is_word(e->host, NAME_BYTES_MAX) && parts->port >= 1
        && parts->port <= UINT16_MAX && is_word(e->host_header, TEXT_BYTES_MAX)
        && (!e->tls || is_word(e->tls_name, NAME_BYTES_MAX))
        && (!e->has_key || is_word(e->auth_header, NAME_BYTES_MAX))
        && (e->kind == ASG_KIND_ANTHROPIC)
           == is_word(e->anthropic_version, NAME_BYTES_MAX);
}

static bool endpoint_is_possible(const endpoint_parts_t *parts)
{
    const asg_endpoint_t *e = &parts->endpoint;

    return is_word(e->id, NAME_BYTES_MAX) && asg_catalog_is_name(e->provider)
        && is_header_or_empty(e->auth_scheme)
        && is_header_or_empty(e->auth_header)
        && is_header_or_empty(e->ca_file)
        && is_timeout(e->connect_timeout_ms)
        && is_timeout(e->first_byte_timeout_ms)
        && is_timeout(e->idle_timeout_ms) && address_is_possible(parts);
}

static asg_err_t read_endpoint(asg_json_t *json, asg_str_t text,
    asg_endpoint_t *out)
{
    endpoint_parts_t parts;
    asg_err_t rc;

    memset(&parts, 0, sizeof(parts));
    rc = asg_members_read_text(json, text, NULL, ASG_MEMBERS(endpoint_members),
                               &parts);
    if (rc != ASG_OK) {
        return rc;
    }
    parts.endpoint.tls = asg_str_eq_z(parts.scheme, "https");
    if ((!parts.endpoint.tls && !asg_str_eq_z(parts.scheme, "http"))
        || !read_kind(parts.kind, &parts.endpoint.kind))
    {
        return ASG_ERR_SYNTAX;
    }
    if (!endpoint_is_possible(&parts)) {
        return ASG_ERR_RANGE;
    }
    parts.endpoint.port = (uint16_t) parts.port;
    *out = parts.endpoint;
    return ASG_OK;
}

/* Its index, else `nendpoints`. */
static unsigned find_endpoint(const asg_catalog_t *c, asg_str_t id)
{
    unsigned i = 0;

    while (i < c->nendpoints && !asg_str_eq(c->endpoints[i].id, id)) {
        i++;
    }
    return i;
}

/* --- models --- */

static asg_err_t read_classes(asg_json_t *json, asg_buf_t *scratch, void *out)
{
    asg_model_t *model = &((model_parts_t *) out)->model;
    asg_json_event_t event = asg_json_next(json);
    asg_data_class_t c;

    (void) scratch;
    if (event != ASG_JSON_ARRAY) {
        return asg_members_fault(json);
    }
    while ((event = asg_json_next(json)) == ASG_JSON_STRING) {
        asg_err_t rc = asg_data_class_parse(json->token, &c);

        if (rc != ASG_OK) {
            return rc;
        }
        model->data_classes |= 1u << c;
    }
    return event == ASG_JSON_ARRAY_END ? ASG_OK : asg_members_fault(json);
}

static asg_err_t read_allow(asg_json_t *json, asg_buf_t *scratch, void *out)
{
    asg_model_t *model = &((model_parts_t *) out)->model;
    asg_json_event_t event = asg_json_next(json);

    (void) scratch;
    if (event != ASG_JSON_ARRAY) {
        return asg_members_fault(json);
    }
    while ((event = asg_json_next(json)) == ASG_JSON_STRING) {
        if (json->escaped) {
            return ASG_ERR_SYNTAX;
        }
        if (model->nallow == ASG_ALLOW_MAX) {
            return ASG_ERR_LIMIT;
        }
        if (!asg_catalog_is_name(json->token)) {
            return ASG_ERR_RANGE;
        }
        model->allow[model->nallow++] = json->token;
    }
    return event == ASG_JSON_ARRAY_END ? ASG_OK : asg_members_fault(json);
}

static asg_err_t read_paths(asg_json_t *json, asg_buf_t *scratch, void *out)
{
    asg_str_t *path = ((model_parts_t *) out)->model.path;
    asg_err_t rc;

    rc = asg_members_read_next(json, scratch, ASG_MEMBERS(path_members), out);
    if (rc != ASG_OK) {
        return rc;
    }
    path[ASG_API_GATEWAY] = path[ASG_API_CHAT];
    for (unsigned i = 0; i < ASG_API_COUNT; i++) {
        if (path[i].data != NULL
            && (!is_word(path[i], TEXT_BYTES_MAX) || path[i].data[0] != '/'))
        {
            return ASG_ERR_RANGE;
        }
    }
    return ASG_OK;
}

static asg_err_t read_card(asg_json_t *json, asg_buf_t *scratch, void *out)
{
    asg_model_t *model = &((model_parts_t *) out)->model;
    asg_catalog_card_t card;
    asg_err_t rc;

    memset(&card, 0, sizeof(card));
    rc = asg_catalog_card_read(json, scratch, &card);
    model->card = card.card;
    model->card_id = card.id;
    model->card_version = card.version;
    return rc;
}

static bool model_is_possible(const asg_model_t *m)
{
    return asg_catalog_is_name(m->ref) && asg_catalog_is_name(m->route)
        && asg_catalog_is_name(m->provider) && asg_catalog_is_name(m->served)
        && is_tokens(m->context)
        && is_tokens(m->max_output_tokens) && is_tokens(m->default_max_tokens)
        && (asg_str_eq_z(m->max_tokens_field, "max_tokens")
            || asg_str_eq_z(m->max_tokens_field, "max_completion_tokens"));
}

static asg_err_t read_model(asg_json_t *json, asg_str_t text,
    const asg_catalog_t *c, asg_model_t *out)
{
    model_parts_t parts;
    asg_err_t rc;

    memset(&parts, 0, sizeof(parts));
    rc = asg_members_read_text(json, text, NULL, ASG_MEMBERS(model_members),
                               &parts);
    if (rc != ASG_OK) {
        return rc;
    }
    parts.model.endpoint = find_endpoint(c, parts.endpoint);
    if (parts.model.endpoint == c->nendpoints
        || !model_is_possible(&parts.model))
    {
        return ASG_ERR_RANGE;
    }
    *out = parts.model;
    return ASG_OK;
}

/* --- the whole --- */

static size_t endpoints_bytes(const asg_outline_t *o)
{
    return o->nendpoints * sizeof(asg_endpoint_t);
}

static size_t models_bytes(const asg_outline_t *o)
{
    return o->nmodels * sizeof(asg_model_t);
}

/* All are multiples of a pointer's size, so one follows the other. */
_Static_assert(sizeof(asg_endpoint_t) % sizeof(void *) == 0
               && sizeof(asg_model_t) % sizeof(void *) == 0
               && sizeof(asg_project_card_t) % sizeof(void *) == 0
               && _Alignof(asg_model_t) <= sizeof(void *)
               && _Alignof(asg_project_card_t) <= sizeof(void *)
               && _Alignof(asg_public_name_t) <= sizeof(void *),
               "the arrays of a catalog lie side by side");

static size_t cards_bytes(const asg_outline_t *o)
{
    return o->ncards * sizeof(asg_project_card_t);
}

/* At least 1: zero says that the body is not readable. */
static size_t bytes_needed(const asg_outline_t *o)
{
    return endpoints_bytes(o) + models_bytes(o) + cards_bytes(o)
        + o->nnames * sizeof(asg_public_name_t) + 1;
}

size_t asg_catalog_size(asg_json_t *json, asg_str_t body)
{
    asg_outline_t outline;

    return asg_outline_read(json, body, &outline) == ASG_OK
        ? bytes_needed(&outline) : 0;
}

static asg_err_t read_endpoints(asg_json_t *json, asg_str_t list,
    asg_catalog_t *c)
{
    asg_str_t text;

    while (asg_outline_next(&list, &text)) {
        asg_endpoint_t *e = &c->endpoints[c->nendpoints];
        asg_err_t rc = read_endpoint(json, text, e);

        if (rc != ASG_OK) {
            return rc;
        }
        if (find_endpoint(c, e->id) != c->nendpoints) {
            return ASG_ERR_RANGE;       /* a second one of that id */
        }
        c->nendpoints++;
    }
    return ASG_OK;
}

static asg_err_t read_models(asg_json_t *json, asg_str_t list,
    asg_catalog_t *c)
{
    asg_str_t text;

    while (asg_outline_next(&list, &text)) {
        asg_err_t rc = read_model(json, text, c, &c->models[c->nmodels]);

        if (rc != ASG_OK) {
            return rc;
        }
        c->nmodels++;
    }
    return ASG_OK;
}

static asg_err_t read_cards(asg_json_t *json, asg_str_t list,
    asg_catalog_t *c)
{
    asg_str_t text;

    while (asg_outline_next(&list, &text)) {
        asg_err_t rc = asg_catalog_project_card_read(json, text,
                                                     &c->cards[c->ncards]);

        if (rc != ASG_OK) {
            return rc;
        }
        c->ncards++;
    }
    return asg_catalog_project_cards_are_sorted(c) ? ASG_OK : ASG_ERR_RANGE;
}

asg_err_t asg_catalog_parse(asg_json_t *json, asg_str_t body, void *memory,
    size_t size, asg_catalog_t *out)
{
    asg_outline_t outline;
    asg_catalog_t c = {0};
    char *at = memory;
    asg_err_t rc = asg_outline_read(json, body, &outline);

    if (rc != ASG_OK) {
        return rc;
    }
    if (size < bytes_needed(&outline)) {
        return ASG_ERR_SPACE;
    }
    c.version = (uint64_t) outline.version;
    c.created = outline.created;
    c.max_age_s = outline.max_age_s;
    c.endpoints = (asg_endpoint_t *) (void *) at;
    at += endpoints_bytes(&outline);
    c.models = (asg_model_t *) (void *) at;
    at += models_bytes(&outline);
    c.cards = (asg_project_card_t *) (void *) at;
    at += cards_bytes(&outline);
    c.names = (asg_public_name_t *) (void *) at;
    rc = read_endpoints(json, outline.endpoints, &c);
    if (rc == ASG_OK) {
        rc = read_models(json, outline.models, &c);
    }
    if (rc == ASG_OK) {
        rc = read_cards(json, outline.cards, &c);
    }
    if (rc == ASG_OK) {
        rc = asg_catalog_read_names(json, outline.names, &c);
    }
    if (rc == ASG_OK) {
        *out = c;
    }
    return rc;
}
