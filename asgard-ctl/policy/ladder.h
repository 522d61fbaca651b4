/*
 * The ladder of classifications, lowest first: how much depends on a project.
 *
 * A project climbs one step at a time (promotion.h) and is taken down by any
 * number.
 */
#ifndef CTL_LADDER_H
#define CTL_LADDER_H

#include <stdbool.h>

enum ctl_class {
    CTL_CLASS_POC, CTL_CLASS_LIGHT, CTL_CLASS_WIDE, CTL_CLASS_CRITICAL,
    CTL_CLASSES
};

const char *ctl_class_name(enum ctl_class class);
/* False: there is no such classification; *out stays. */
bool ctl_class_parse(const char *name, enum ctl_class *out);

#endif
