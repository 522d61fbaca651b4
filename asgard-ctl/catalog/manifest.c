/*
 * A manifest from its tree: identity and the inference part.
 */
#include "catalog/manifest.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "catalog/manifest_model.h"
#include "catalog/manifest_shape.h"
#include "catalog/manifest_text.h"
#include "catalog/service.h"
#include "core/catalog_headers.h"
#include "core/url.h"

#define CONNECT_TIMEOUT_MS 10000
#define TIMEOUT_MAX_MS     3600000

struct reader {
    struct ctl_manifest *m;
    const struct ctl_price_table *prices;
    struct ctl_findings *findings;
};


static bool
wrong(const struct reader *r, const struct ctl_yaml *map, const char *field,
    const char *what)
{
    const struct ctl_yaml *at = ctl_yaml_at(map, field);

    return ctl_finding_error(r->findings, r->m->file,
                             at != NULL ? at->line : map->line,
                             "\"%s\" %s", field, what);
}


static bool
is_id(const char *text)
{
    size_t i;

    for (i = 0; text[i] != '\0'; i++) {
        if (!islower((unsigned char) text[i])
            && !isdigit((unsigned char) text[i])
            && (text[i] != '-' || i == 0))
        {
            return false;
        }
    }

    return i >= 1 && i <= CTL_MANIFEST_ID_MAX;
}


/* --- where the backend is and how it is entered --- */

static bool
variable_take(const struct reader *r, const struct ctl_yaml *inf,
    const char *field, const char **out)
{
    *out = ctl_yaml_text(inf, field, NULL);

    return *out == NULL || ctl_text_is_variable(*out)
           || wrong(r, inf, field, "expects the name of a variable: capital "
                                   "letters, digits, underscores");
}


static bool
address_take(const struct reader *r, const struct ctl_yaml *inf)
{
    struct ctl_manifest *m = r->m;
    asg_url_t url;

    m->base_url = ctl_yaml_text(inf, "base_url", NULL);
    if (m->base_url != NULL
        && asg_url_parse(asg_str_z(m->base_url), &url) != ASG_OK)
    {
        return wrong(r, inf, "base_url", "expects an http or https URL "
                                         "without user, query or fragment");
    }
    if (m->base_url == NULL && m->kind == CTL_KIND_OPENAI) {
        m->base_url = "https://api.openai.com/v1";
    }
    if (m->base_url == NULL && m->kind == CTL_KIND_ANTHROPIC) {
        m->base_url = "https://api.anthropic.com";
    }
    if (!variable_take(r, inf, "base_url_env", &m->base_url_env)
        || !variable_take(r, inf, "api_key_env", &m->api_key_env)
        || !variable_take(r, inf, "inference_key_env", &m->inference_key_env))
    {
        return false;
    }
    if (m->inference_key_env != NULL && m->api_key_env == NULL) {
        return wrong(r, inf, "inference_key_env", "goes before \"api_key_env\""
                                                  ", which is missing");
    }
    if (m->kind == CTL_KIND_COMPATIBLE && m->base_url == NULL
        && m->base_url_env == NULL)
    {
        return wrong(r, inf, "base_url", "or \"base_url_env\" is missing");
    }

    return true;
}


static bool
auth_take(const struct reader *r, const struct ctl_yaml *inf)
{
    struct ctl_manifest *m = r->m;
    const struct ctl_yaml *at = ctl_yaml_at(inf, "api_key_optional");

    m->api_key_optional = m->kind == CTL_KIND_COMPATIBLE;
    if (at != NULL) {
        ctl_yaml_bool(at, &m->api_key_optional);
    }
    m->auth_header = ctl_yaml_text(inf, "auth_header",
        m->kind == CTL_KIND_ANTHROPIC ? "x-api-key" : "Authorization");
    m->auth_scheme = ctl_yaml_text(inf, "auth_scheme",
        strcasecmp(m->auth_header, "Authorization") == 0 ? "Bearer" : "");
    m->ca_file = ctl_yaml_text(inf, "ca_file", NULL);
    if (!ctl_text_is_header_name(m->auth_header)) {
        return wrong(r, inf, "auth_header", "expects the name of a header");
    }
    if (!ctl_text_is_printable(m->auth_scheme, true)) {
        return wrong(r, inf, "auth_scheme", "expects a word such as Bearer");
    }
    if (m->ca_file != NULL
        && (m->ca_file[0] != '/' || !ctl_text_is_printable(m->ca_file, true)))
    {
        return wrong(r, inf, "ca_file", "expects an absolute path");
    }

    return true;
}


/* `name: null` says that there is no such API; absent gives the default. */
static bool
path_take(const struct reader *r, const struct ctl_yaml *inf,
    const char *name, const char *otherwise, const char **out)
{
    const struct ctl_yaml *at;

    *out = otherwise;
    for (at = inf->first; at != NULL; at = at->next) {
        if (strcmp(at->key, name) == 0) {
            *out = ctl_yaml_is_null(at) ? NULL : at->text;
        }
    }

    return *out == NULL || ((*out)[0] == '/'
                            && ctl_text_is_printable(*out, false)
                            && strpbrk(*out, "?#") == NULL)
           || wrong(r, inf, name, "expects a path that begins with \"/\"");
}


/* Where "apis" stands, a path that it does not name is none. */
static bool
apis_take(const struct reader *r, const struct ctl_yaml *inf)
{
    static const char *const names[ASG_API_COUNT] = {
        [ASG_API_CHAT] = "chat/completions",
        [ASG_API_COMPLETIONS] = "completions",
        [ASG_API_EMBEDDINGS] = "embeddings"
    };
    const struct ctl_yaml *list = ctl_yaml_at(inf, "apis"), *item;
    const char **path = r->m->path;
    bool named;
    unsigned i;

    for (i = 0; list != NULL && i < ASG_API_COUNT; i++) {
        named = false;
        for (item = list->first; names[i] != NULL && item != NULL;
             item = item->next)
        {
            named = named || strcmp(item->text, names[i]) == 0;
        }
        if (named && path[i] == NULL) {
            return wrong(r, inf, "apis", "names one whose path is null");
        }
        path[i] = named ? path[i] : NULL;
    }

    return true;
}


/* Messages is spoken to a backend of that kind, and to no other. */
static bool
kind_of_apis_check(const struct reader *r, const struct ctl_yaml *inf)
{
    const struct ctl_yaml *list = ctl_yaml_at(inf, "apis"), *item;
    bool anthropic = r->m->kind == CTL_KIND_ANTHROPIC;

    for (item = list != NULL ? list->first : NULL; item != NULL;
         item = item->next)
    {
        if ((strcmp(item->text, "messages") == 0) != anthropic) {
            return wrong(r, inf, "apis", "has \"messages\" for the kind "
                         "anthropic, the others for any other kind");
        }
    }

    return anthropic || apis_take(r, inf);
}


static bool
headers_take(const struct reader *r, const struct ctl_yaml *inf)
{
    const struct ctl_yaml *map = ctl_yaml_at(inf, "headers"), *at;
    struct ctl_manifest *m = r->m;
    asg_header_t h;

    if (map != NULL && map->kind != CTL_YAML_MAP) {
        return wrong(r, inf, "headers", "expects a map of name: value");
    }
    for (at = map != NULL ? map->first : NULL; at != NULL; at = at->next) {
        h.name = asg_str_z(at->key);
        h.value = asg_str_z(at->kind == CTL_YAML_SCALAR ? at->text : "");
        if (m->nheaders == ASG_CATALOG_HEADERS_MAX) {
            return wrong(r, inf, "headers", "has more than 8");
        }
        if (!asg_catalog_header_name_is_free(h.name)
            || !asg_catalog_header_value_is_clean(h.value))
        {
            return ctl_finding_error(r->findings, m->file, at->line,
                "\"%.64s\" is no header that may be set here, or its value is "
                "no printable text", at->key);
        }
        m->headers[m->nheaders++] = h;
    }

    return true;
}


/* Tokens are counted behind the path of the messages, if nothing is said. */
static const char *
count_path_of(const struct reader *r)
{
    static const char end[] = "/messages";
    const char *path = r->m->path[ASG_API_MESSAGES];
    size_t n = path != NULL ? strlen(path) : 0;

    if (n < sizeof(end) - 1
        || strcmp(path + n - (sizeof(end) - 1), end) != 0)
    {
        return NULL;
    }

    return ctl_arena_printf(r->findings->arena, "%s/count_tokens", path);
}


static bool
paths_take(const struct reader *r, const struct ctl_yaml *inf)
{
    const char **path = r->m->path;
    bool is_messages = r->m->kind == CTL_KIND_ANTHROPIC, ok;

    r->m->query = ctl_yaml_text(inf, "query", NULL);
    if (r->m->query != NULL && !ctl_text_is_query(r->m->query)) {
        return wrong(r, inf, "query", "expects name=value, joined by \"&\"");
    }

    ok = path_take(r, inf, "chat_path",
                   is_messages ? "/v1/messages" : "/v1/chat/completions",
                   &path[ASG_API_CHAT])
         && path_take(r, inf, "completions_path",
                      is_messages ? NULL : "/v1/completions",
                      &path[ASG_API_COMPLETIONS])
         && path_take(r, inf, "embeddings_path",
                      is_messages ? NULL : "/v1/embeddings",
                      &path[ASG_API_EMBEDDINGS])
         && kind_of_apis_check(r, inf) && headers_take(r, inf);
    path[ASG_API_GATEWAY] = path[ASG_API_CHAT];
    if (ok && r->m->kind == CTL_KIND_ECHO && ctl_yaml_at(inf, "apis") == NULL) {
        path[ASG_API_MESSAGES] = "/v1/messages";
        path[ASG_API_COUNT_TOKENS] = "/v1/messages/count_tokens";
    } else if (ok && is_messages) {
        path[ASG_API_MESSAGES] = path[ASG_API_CHAT];
        ok = path_take(r, inf, "count_tokens_path", count_path_of(r),
                       &path[ASG_API_COUNT_TOKENS]);
    }

    return ok;
}


static bool
timeout_take(const struct reader *r, const struct ctl_yaml *inf,
    const char *name, int64_t *out)
{
    const struct ctl_yaml *at = ctl_yaml_at(inf, name);

    if (at != NULL) {
        ctl_yaml_ms(at, out);
    }

    return *out <= TIMEOUT_MAX_MS || wrong(r, inf, name, "is above an hour");
}


static bool
kind_take(const struct reader *r, const struct ctl_yaml *inf)
{
    static const char *const names[] = {
        [CTL_KIND_OPENAI] = "openai",
        [CTL_KIND_COMPATIBLE] = "openai-compatible",
        [CTL_KIND_ECHO] = "echo", [CTL_KIND_ANTHROPIC] = "anthropic"
    };
    const char *kind = ctl_yaml_text(inf, "kind", "");
    unsigned i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], kind) == 0) {
            r->m->kind = (enum ctl_kind) i;
            return true;
        }
    }

    return wrong(r, inf, "kind", "is not known");
}


static bool
betas_take(const struct reader *r, const struct ctl_yaml *inf)
{
    const struct ctl_yaml *list = ctl_yaml_at(inf, "anthropic_beta"), *item;
    struct ctl_manifest *m = r->m;

    for (item = list != NULL ? list->first : NULL; item != NULL;
         item = item->next)
    {
        if (m->nbetas == ASG_ANTHROPIC_BETAS_MAX
            || !asg_anthropic_beta_is_valid(asg_str_z(item->text)))
        {
            return wrong(r, inf, "anthropic_beta", "expects at most 16 words "
                         "of small letters, digits, hyphens");
        }
        m->betas[m->nbetas++] = item->text;
    }

    return true;
}


/* What only this kind has; of another it would do nothing. */
static bool
anthropic_of_another_kind(const struct reader *r, const struct ctl_yaml *inf)
{
    static const char *const fields[] = {
        "anthropic_version", "unsupported", "anthropic_beta",
        "count_tokens_path"
    };
    unsigned i;

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (ctl_yaml_at(inf, fields[i]) != NULL) {
            return wrong(r, inf, fields[i], "is for the kind anthropic");
        }
    }

    return true;
}


static bool
anthropic_take(const struct reader *r, const struct ctl_yaml *inf)
{
    struct ctl_manifest *m = r->m;
    const char *word = ctl_yaml_text(inf, "unsupported", NULL);

    if (m->kind != CTL_KIND_ANTHROPIC) {
        return anthropic_of_another_kind(r, inf);
    }
    m->anthropic_version = ctl_yaml_text(inf, "anthropic_version",
                                         "2023-06-01");
    m->refuse_unsupported = word != NULL && strcmp(word, "refuse") == 0;

    if (m->anthropic_version[0] == '\0'
        || !ctl_text_is_printable(m->anthropic_version, false)
        || strlen(m->anthropic_version) > 64)
    {
        return wrong(r, inf, "anthropic_version", "expects a date such as "
                                                  "2023-06-01");
    }

    return betas_take(r, inf);
}


static bool
models_take(const struct reader *r, const struct ctl_yaml *inf)
{
    const struct ctl_yaml *list = ctl_yaml_at(inf, "models"), *item;
    struct ctl_manifest *m = r->m;
    bool ok = true;

    if (list->n == 0 || list->n > CTL_MANIFEST_MODELS_MAX) {
        return wrong(r, inf, "models", "expects 1 to 1,024 models");
    }
    m->models = ctl_arena_alloc(r->findings->arena,
                                list->n * sizeof(*m->models));
    if (m->models == NULL) {
        return ctl_finding_error(r->findings, m->file, 0, "out of memory");
    }
    for (item = list->first; item != NULL; item = item->next) {
        ok = ctl_manifest_model_take(m, item, r->prices,
                                     &m->models[m->nmodels++], r->findings)
             && ok;
    }

    return ok;
}


/* What is not said is false. */
static void
flag_take(const struct ctl_yaml *inf, const char *name, bool *out)
{
    const struct ctl_yaml *at = ctl_yaml_at(inf, name);

    if (at != NULL) {
        ctl_yaml_bool(at, out);
    }
}


static bool
inference_take(const struct reader *r, const struct ctl_yaml *inf)
{
    r->m->has_inference = true;
    r->m->connect_timeout_ms = CONNECT_TIMEOUT_MS;
    flag_take(inf, "retry_after_send", &r->m->retry_after_send);
    flag_take(inf, "public_only", &r->m->public_only);

    return kind_take(r, inf) && address_take(r, inf) && auth_take(r, inf)
           && paths_take(r, inf) && anthropic_take(r, inf)
           && timeout_take(r, inf, "connect_timeout",
                           &r->m->connect_timeout_ms)
           && timeout_take(r, inf, "first_byte_timeout",
                           &r->m->first_byte_timeout_ms)
           && timeout_take(r, inf, "idle_timeout", &r->m->idle_timeout_ms)
           && models_take(r, inf);
}


static bool
identity_take(const struct reader *r, const struct ctl_yaml *root,
    const char *folder)
{
    struct ctl_manifest *m = r->m;

    m->id = ctl_yaml_text(root, "id", "");
    m->name = ctl_yaml_text(root, "name", m->id);
    m->status = ctl_yaml_text(root, "status", "live");
    if (!is_id(m->id)) {
        return wrong(r, root, "id", "expects lower-case letters, digits and "
                                    "hyphens, at most 63");
    }
    if (folder != NULL && strcmp(folder, m->id) != 0) {
        return wrong(r, root, "id", "is not the name of the folder");
    }

    return true;
}


static struct ctl_manifest *
manifest_take(const char *file, const struct ctl_yaml *root,
    const char *folder, const struct ctl_price_table *prices,
    struct ctl_findings *f)
{
    struct reader r = {NULL, prices, f};
    const struct ctl_yaml *inf;

    /* first, so that no later message can show a part of one */
    if (!ctl_shape_no_secrets(root, file, f)
        || !ctl_shape_check(root, ctl_manifest_shape, file, f))
    {
        return NULL;
    }
    r.m = ctl_arena_alloc(f->arena, sizeof(*r.m));
    if (r.m == NULL) {
        ctl_finding_error(f, file, 0, "out of memory");
        return NULL;
    }
    r.m->file = file;
    inf = ctl_yaml_at(root, "inference");
    if (!identity_take(&r, root, folder)
        || (inf != NULL && !inference_take(&r, inf))
        || (r.m->service = ctl_service_take(root, file, inf != NULL, f))
           == NULL)
    {
        return NULL;
    }

    return r.m;
}


struct ctl_manifest *
ctl_manifest_parse(const char *file, asg_str_t text, const char *folder,
    const struct ctl_price_table *prices, struct ctl_findings *f)
{
    const struct ctl_yaml *root = ctl_yaml_parse(file, text, f);

    return root != NULL ? manifest_take(file, root, folder, prices, f) : NULL;
}


struct ctl_manifest *
ctl_manifest_load(const char *file, const char *folder,
    const struct ctl_price_table *prices, bool *missing,
    struct ctl_findings *f)
{
    const struct ctl_yaml *root = ctl_yaml_load(file, missing, f);
    struct ctl_manifest *m;
    struct stat st;

    m = root != NULL ? manifest_take(file, root, folder, prices, f) : NULL;
    if (m != NULL && stat(file, &st) == 0 && st.st_mtime > 0) {
        m->changed_at = st.st_mtime;
    }

    return m;
}
