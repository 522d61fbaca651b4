/*
 * Names of the classifications.
 */
#include "policy/ladder.h"

#include <string.h>

static const char *const names[CTL_CLASSES] = {
    [CTL_CLASS_POC] = "poc",
    [CTL_CLASS_LIGHT] = "light-operational",
    [CTL_CLASS_WIDE] = "wide-operational",
    [CTL_CLASS_CRITICAL] = "critical-path"
};


const char *
ctl_class_name(enum ctl_class class)
{
    return names[class];
}


bool
ctl_class_parse(const char *name, enum ctl_class *out)
{
    unsigned i;

    for (i = 0; i < CTL_CLASSES; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum ctl_class) i;
            return true;
        }
    }

    return false;
}
