/*
 * Names that a project or a key has of its own for models, as a client sends
 * them: an object of name and what it stands for.
 *
 * Whether a model of that name exists is asked at each call.  What a project's
 * name stands for may come into the catalog later; a key's must be there.
 */
#ifndef CTL_ALIAS_H
#define CTL_ALIAS_H

#include "base/arena.h"
#include "base/error.h"
#include "core/str.h"
#include "store/pg.h"

/* 400 invalid_value of `field` unless `raw` is such an object, of at most
 * ASG_ALIASES_MAX names that fit into a record. */
bool ctl_aliases_check(struct ctl_arena *arena, asg_str_t raw,
    const char *field, struct ctl_error *e);
/* Of a key of this project, in `field`, that ctl_aliases_check() took: 400
 * unless each stands for a name of the project or of the catalog.  One for
 * another name of the key would be a chain, or a loop. */
bool ctl_aliases_lead(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *project_id, asg_str_t raw, const char *field,
    struct ctl_error *e);

#endif
