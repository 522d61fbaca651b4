/*
 * Ceilings of what needs nobody's approval.
 */
#include "base/self_service.h"

#include <string.h>

#define USD INT64_C(1000000000)

static const struct {
    const char *name;
    asg_nusd_t ceiling_nusd;
} classes[CTL_SELF_SERVICE_CLASSES] = {
    {"poc", 500 * USD},
    {"light-operational", 2500 * USD},
    {"wide-operational", 10000 * USD},
    {"critical-path", 25000 * USD}
};


void
ctl_self_service_init(struct ctl_self_service *s)
{
    unsigned i;

    for (i = 0; i < CTL_SELF_SERVICE_CLASSES; i++) {
        s->ceilings_nusd[i] = classes[i].ceiling_nusd;
    }
    s->capped = false;
    s->cap_nusd = 0;
}


/* CTL_SELF_SERVICE_CLASSES: none has this name. */
static unsigned
class_of(const char *name, size_t len)
{
    unsigned i;

    for (i = 0; i < CTL_SELF_SERVICE_CLASSES; i++) {
        if (strlen(classes[i].name) == len
            && memcmp(classes[i].name, name, len) == 0)
        {
            break;
        }
    }

    return i;
}


static bool
read_usd(const char *text, size_t len, asg_nusd_t *out)
{
    return asg_money_parse((asg_str_t) {text, len}, out) == ASG_OK
           && *out >= 0;
}


bool
ctl_self_service_parse(struct ctl_self_service *s, const char *text)
{
    struct ctl_self_service all = *s;
    bool seen[CTL_SELF_SERVICE_CLASSES] = {false};
    const char *at = text;
    size_t len, name;
    unsigned i;

    do {
        len = strcspn(at, ",");
        name = strcspn(at, "=");
        i = name < len ? class_of(at, name) : CTL_SELF_SERVICE_CLASSES;
        if (i == CTL_SELF_SERVICE_CLASSES || seen[i]
            || !read_usd(at + name + 1, len - name - 1,
                         &all.ceilings_nusd[i]))
        {
            return false;
        }
        seen[i] = true;
        at += len;
    } while (*at++ == ',');
    *s = all;

    return true;
}


bool
ctl_self_service_parse_cap(struct ctl_self_service *s, const char *text)
{
    asg_nusd_t cap = 0;
    bool any = strcmp(text, "any") == 0;

    if (!any && !read_usd(text, strlen(text), &cap)) {
        return false;
    }
    s->capped = !any;
    s->cap_nusd = cap;

    return true;
}


bool
ctl_self_service_ceiling(const struct ctl_self_service *s,
    const char *classification, asg_nusd_t *out)
{
    unsigned i = class_of(classification, strlen(classification));

    if (i == CTL_SELF_SERVICE_CLASSES) {
        return false;
    }
    *out = s->ceilings_nusd[i];

    return true;
}
