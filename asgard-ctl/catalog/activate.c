/*
 * Which modules are active: those whose variables are set.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "core/weak.h"

#define BASE_URL_SUFFIX "_BASE_URL"

struct activation {
    struct ctl_catalog *catalog;
    const struct ctl_backends *backends;
    struct ctl_module *module;
};


/* Always false: the module stays as it is. */
static bool
because(const struct activation *a, const char *what, const char *name)
{
    a->module->reason = ctl_arena_printf(a->catalog->arena, "%s%s", name,
                                         what);
    if (a->module->reason == NULL) {
        a->module->reason = "out of memory";
    }

    return false;
}


/* `openai` → OPENAI_BASE_URL, as the SDKs name it. */
static void
provider_variable(const char *id, char *out, size_t cap)
{
    size_t i;

    snprintf(out, cap, "%s" BASE_URL_SUFFIX, id);
    for (i = 0; out[i] != '\0'; i++) {
        out[i] = out[i] == '-' ? '_'
                 : (char) toupper((unsigned char) out[i]);
    }
}


/* An address without a scheme is https: DATABRICKS_HOST is often written so. */
static bool
url_set(const struct activation *a, asg_str_t text, const char *name)
{
    struct ctl_module *m = a->module;
    const char *base = ctl_arena_text(a->catalog->arena, text.data, text.len);

    if (base != NULL && strstr(base, "://") == NULL) {
        base = ctl_arena_printf(a->catalog->arena, "https://%s", base);
    }
    if (base == NULL) {
        return because(a, "", "out of memory");
    }
    if (asg_url_parse(asg_str_z(base), &m->url) != ASG_OK) {
        return because(a, " is not an http or https URL", name);
    }
    m->base_url = base;

    return true;
}


static bool
url_take(const struct activation *a)
{
    const struct ctl_manifest *m = a->module->manifest;
    char provider[CTL_MANIFEST_ID_MAX + sizeof(BASE_URL_SUFFIX)];
    const char *names[2] = {provider, m->base_url_env};
    asg_str_t value;
    unsigned i;

    provider_variable(m->id, provider, sizeof(provider));
    for (i = 0; i < 2; i++) {
        value = names[i] != NULL ? ctl_backends_get(a->backends, names[i])
                                 : ASG_STR_NULL;
        if (value.data != NULL) {
            return url_set(a, value, names[i]);
        }
    }
    if (m->base_url != NULL) {
        return url_set(a, asg_str_z(m->base_url), "base_url");
    }

    return because(a, " is not set", m->base_url_env);
}


/* What a header can carry; the value itself is never shown. */
static bool
key_is_clean(asg_str_t key)
{
    size_t i;

    for (i = 0; i < key.len; i++) {
        if ((unsigned char) key.data[i] <= ' '
            || (unsigned char) key.data[i] > '~')
        {
            return false;
        }
    }

    return true;
}


static bool
key_take(const struct activation *a)
{
    const struct ctl_manifest *m = a->module->manifest;
    asg_str_t key = ASG_STR_NULL;
    const char *name;

    if (m->api_key_env == NULL) {
        return true;
    }
    if (m->inference_key_env != NULL) {
        name = m->inference_key_env;
        key = ctl_backends_get(a->backends, name);
    }
    if (key.data == NULL) {
        name = m->api_key_env;
        key = ctl_backends_get(a->backends, name);
    }
    if (key.data == NULL) {
        return m->api_key_optional || because(a, " is not set",
                                              m->api_key_env);
    }
    if (!key_is_clean(key)) {
        return because(a, " holds a byte that a header cannot carry", name);
    }
    a->module->key = key;
    a->module->key_env = name;

    return true;
}


/* A backend that takes a key that stands in its manual is open to everybody who
 * reaches it; on this machine it is a trial. */
static bool
key_is_no_sample(const struct activation *a)
{
    struct ctl_module *m = a->module;

    if (!asg_weak_is_sample(m->key) || m->key.len == 0
        || asg_url_host_is_loopback(m->url.host))
    {
        return true;
    }
    m->key = ASG_STR_NULL;
    because(a, " is a sample that everybody knows; give the backend a key of "
            "its own", m->key_env);

    return ctl_finding_error(&a->catalog->findings, m->file, 0, "%s",
                             m->reason);
}


static bool
module_activate(const struct activation *a)
{
    const struct ctl_manifest *m = a->module->manifest;

    if (!m->has_inference) {
        return because(a, "", "it has no inference part");
    }
    if (strcmp(m->status, "retired") == 0) {
        return because(a, "", "its status is retired");
    }

    return m->kind == CTL_KIND_ECHO
           || (key_take(a) && url_take(a) && key_is_no_sample(a));
}


void
ctl_catalog_activate(struct ctl_catalog *c,
    const struct ctl_backends *backends)
{
    struct activation a = {c, backends, NULL};
    unsigned i, endpoint = 0;

    for (i = 0; i < c->nmodules; i++) {
        a.module = &c->modules[i];
        if (a.module->manifest != NULL && module_activate(&a)) {
            a.module->state = CTL_MODULE_ACTIVE;
            a.module->endpoint = endpoint++;
        }
    }
}
