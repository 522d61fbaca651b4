/*
 * Rules of the routing file for many names, by their beginning.
 *
 * ctl_wildcards_expand() replaces each such rule by one for every name that it
 * is of, so that nobody behind it sees a `*`.  A rule of the name itself is
 * stronger, then the longest pattern.  Names are those of the manifests, active
 * or not, and, where a target ends in `*` as well, those that the target's
 * names stand for.  In a rule of fallbacks a target that is of the pattern
 * itself counts for the others of it.  A rule that is of no name refuses the
 * whole.
 */
#ifndef CTL_WILDCARD_H
#define CTL_WILDCARD_H

#include "catalog/routing.h"

struct ctl_wildcard_name {
    const char *name;
    bool active;                        /* some active model has it */
};

struct ctl_wildcard_names {
    const struct ctl_wildcard_name *items;      /* sorted by name, no two */
    unsigned n;
};

/* A name that ends in its only `*`, which is not all of it. */
bool ctl_wildcard_is(const char *name);

bool ctl_wildcards_expand(struct ctl_routing *routing,
    const struct ctl_wildcard_names *names, struct ctl_findings *f);

#endif
