/*
 * What a connector wants of a spec beyond the manifest's required_fields.
 */
#ifndef CTL_RESOURCE_SPEC_H
#define CTL_RESOURCE_SPEC_H

#include "store/pg.h"

/* 400 invalid_value, missing_field, that name the field. */
bool ctl_resource_spec_check(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *service, const char *connector, const char *spec,
    struct ctl_error *e);

#endif
