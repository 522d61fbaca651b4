/*
 * How strict a project's data is, and who may say that it is less.
 *
 * Stricter is free: it only adds people who decide.  Less strict takes them
 * away, so it is not for who would have to ask them.
 */
#ifndef CTL_DATA_CLASS_H
#define CTL_DATA_CLASS_H

#include "ops/project.h"

/* 400 invalid_value by `data_class`. */
bool ctl_data_class_check(const char *text, struct ctl_error *e);
/* Of a project that is locked; NULL: it stays.  403 approval_needed unless an
 * administrator or its manager makes it less strict, in person. */
bool ctl_data_class_gate(const struct ctl_change *c,
    const struct ctl_project *p, const char *wanted, struct ctl_error *e);

#endif
