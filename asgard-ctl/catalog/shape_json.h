/*
 * A YAML map that fits its shape, as JSON: of each field the kind that the
 * table says, so that a name of digits stays a text.
 */
#ifndef CTL_SHAPE_JSON_H
#define CTL_SHAPE_JSON_H

#include "catalog/shape.h"

/* Leaves out null fields and the field `without` (may be NULL).  A value of a
 * FREE field is a number, true, false or null where JSON would read its plain
 * text as such. */
void ctl_shape_json(const struct ctl_yaml *map, const struct ctl_shape *fields,
    const char *without, asg_buf_t *out);

#endif
