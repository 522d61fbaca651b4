/*
 * Names that a project has of its own for models, as a client sends them: an
 * object of name and what it stands for.
 *
 * Whether a model of that name exists is asked at each call: the catalog may
 * get it later.
 */
#ifndef CTL_ALIAS_H
#define CTL_ALIAS_H

#include "base/arena.h"
#include "base/error.h"
#include "core/str.h"

/* 400 invalid_value of `field` unless `raw` is such an object, of at most
 * ASG_RECORD_ALIASES_MAX names that fit into a record. */
bool ctl_aliases_check(struct ctl_arena *arena, asg_str_t raw,
    const char *field, struct ctl_error *e);

#endif
