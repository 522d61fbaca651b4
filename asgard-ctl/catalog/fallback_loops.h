/*
 * Fallbacks that lead back to the name that they began at.
 *
 * Each name's list is its own, and those of its targets are not followed by a
 * call; so a loop does no harm there, but says something that cannot be meant.
 * Rules of patterns are left out: of a pattern each may stand in for the
 * others.
 */
#ifndef CTL_FALLBACK_LOOPS_H
#define CTL_FALLBACK_LOOPS_H

#include "catalog/routing.h"

/* Before patterns are expanded; false when there is a loop, with its line. */
bool ctl_fallback_loops_refuse(struct ctl_routing *routing,
    struct ctl_findings *f);

#endif
