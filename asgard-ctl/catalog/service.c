/*
 * The provisioning half of a manifest: what must hold beyond its shape.
 */
#include "catalog/service.h"

#include <string.h>

#include "catalog/manifest_shape.h"
#include "catalog/shape_json.h"

#define TRIES_MAX  100
#define WAIT_MAX_S 86400
#define ROTATION_DAYS_MAX 3650

struct reader {
    const struct ctl_yaml *root;
    const char *file;
    struct ctl_findings *findings;
};


static bool
wrong(const struct reader *r, const struct ctl_yaml *map, const char *field,
    const char *what)
{
    const struct ctl_yaml *at = ctl_yaml_at(map, field);

    return ctl_finding_error(r->findings, r->file,
                             at != NULL ? at->line
                             : map != NULL ? map->line : r->root->line,
                             "\"%s\" %s", field, what);
}


/* The name of a field of a spec or of an output. */
static bool
is_field(const char *text)
{
    size_t i;

    for (i = 0; text[i] != '\0'; i++) {
        if ((text[i] < 'a' || text[i] > 'z') && text[i] != '_'
            && (i == 0 || text[i] < '0' || text[i] > '9'))
        {
            return false;
        }
    }

    return i >= 1 && i <= 64;
}


static bool
fields_check(const struct reader *r, const char *name)
{
    const struct ctl_yaml *list = ctl_yaml_at(r->root, name), *item;

    if (list != NULL && list->n > CTL_SERVICE_FIELDS_MAX) {
        return wrong(r, r->root, name, "has more than 32");
    }
    for (item = list != NULL ? list->first : NULL; item != NULL;
         item = item->next)
    {
        if (!is_field(item->text)) {
            return wrong(r, r->root, name, "expects names of small letters, "
                                           "digits, underscores");
        }
    }

    return true;
}


static unsigned
rank_of(const char *classification)
{
    static const char *const ladder[] = {
        "poc", "light-operational", "wide-operational", "critical-path"
    };
    unsigned i;

    for (i = 0; i < 3 && strcmp(ladder[i], classification) != 0; i++) { }

    return i;
}


static bool
range_check(const struct reader *r)
{
    return rank_of(ctl_yaml_text(r->root, "classification_min", "poc"))
           <= rank_of(ctl_yaml_text(r->root, "classification_max",
                                    "critical-path"))
           || wrong(r, r->root, "classification_max",
                    "is below classification_min");
}


static bool
variants_check(const struct reader *r)
{
    const struct ctl_yaml *variants = ctl_yaml_at(r->root, "variants");
    const struct ctl_yaml *options = ctl_yaml_at(variants, "options");

    if (variants == NULL) {
        return true;
    }
    if (!is_field(ctl_yaml_text(variants, "field", ""))) {
        return wrong(r, variants, "field", "expects the name of a field");
    }

    return (options != NULL && options->n > 0
            && options->n <= CTL_SERVICE_OPTIONS_MAX)
           || wrong(r, variants, "options", "expects 1 to 64 options");
}


static bool
retry_check(const struct reader *r)
{
    const struct ctl_yaml *retry = ctl_yaml_at(r->root, "retry");
    const struct ctl_yaml *tries = ctl_yaml_at(retry, "max_attempts");
    const struct ctl_yaml *base = ctl_yaml_at(retry, "base_secs");
    const struct ctl_yaml *cap = ctl_yaml_at(retry, "cap_secs");
    int64_t n = 0, base_s = 60, cap_s = 3600;

    if (tries != NULL) {
        ctl_yaml_int(tries, &n);
    }
    if (base != NULL) {
        ctl_yaml_int(base, &base_s);
    }
    if (cap != NULL) {
        ctl_yaml_int(cap, &cap_s);
    }
    if (n > TRIES_MAX) {
        return wrong(r, retry, "max_attempts", "is above 100");
    }

    return (base_s <= cap_s && cap_s <= WAIT_MAX_S)
           || wrong(r, retry, "cap_secs", "is below base_secs (60), or above a "
                                          "day");
}


static bool
rotation_check(const struct reader *r)
{
    const struct ctl_yaml *days = ctl_yaml_at(r->root, "secret_rotation_days");
    int64_t n = 1;

    if (days != NULL) {
        ctl_yaml_int(days, &n);
    }

    return (n >= 1 && n <= ROTATION_DAYS_MAX)
           || wrong(r, r->root, "secret_rotation_days", "is not 1 to 3650");
}


/* A module that is no backend is there to provision something. */
static bool
connector_check(const struct reader *r, bool has_inference)
{
    return has_inference || ctl_yaml_at(r->root, "provisioner") != NULL
           || wrong(r, r->root, "provisioner", "or \"inference\" is missing");
}


const char *
ctl_service_take(const struct ctl_yaml *root, const char *file,
    bool has_inference, struct ctl_findings *f)
{
    const struct reader r = {root, file, f};
    asg_buf_t b;
    char *text;

    if (!connector_check(&r, has_inference)
        || !fields_check(&r, "required_fields")
        || !fields_check(&r, "secret_outputs") || !range_check(&r)
        || !variants_check(&r) || !retry_check(&r) || !rotation_check(&r))
    {
        return NULL;
    }
    text = ctl_arena_alloc(f->arena, CTL_SERVICE_JSON_MAX);
    if (text == NULL) {
        ctl_finding_error(f, file, 0, "out of memory");
        return NULL;
    }
    asg_buf_init(&b, text, CTL_SERVICE_JSON_MAX - 1);
    ctl_shape_json(root, ctl_manifest_shape, "inference", &b);
    if (!asg_buf_ok(&b)) {
        ctl_finding_error(f, file, 0, "what it says of provisioning is more "
                                      "than 64 kB");
        return NULL;
    }

    return text;
}
