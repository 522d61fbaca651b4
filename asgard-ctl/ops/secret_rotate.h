/*
 * A new value for a secret: a job of the resource that has it.
 */
#ifndef CTL_SECRET_ROTATE_H
#define CTL_SECRET_ROTATE_H

#include "ops/resource.h"

/* Begins it; one that is under way is that one.  *out: the resource.
 * 404 secret_not_found; 403 of a project that is not live or is killed;
 * 400 illegal_transition unless it is provisioned. */
bool ctl_secret_rotate(struct ctl_change *c, const char *project_id,
    const char *name, const char *reason, struct ctl_resource *out,
    struct ctl_error *e);

#endif
