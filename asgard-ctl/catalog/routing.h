/*
 * routing.yaml: aliases, ordered candidates, fallbacks, timeouts, in LiteLLM's
 * vocabulary.
 *
 * The same names are accepted at the top and under router_settings,
 * litellm_settings and general_settings, so that a proxy's settings can be
 * carried over.  Names that we know and that do not yet act are accepted with a
 * warning.  Which names exist is not known here: see catalog.h.
 */
#ifndef CTL_ROUTING_H
#define CTL_ROUTING_H

#include "catalog/finding.h"
#include "core/str.h"

struct ctl_routing_target {
    const char *name;
    unsigned line;
    struct ctl_routing_target *next;
};

struct ctl_routing_rule {
    const char *name;                   /* public name */
    unsigned line;
    struct ctl_routing_target *targets; /* in order, never empty */
    struct ctl_routing_rule *next;
};

struct ctl_routing {
    const char *file;
    struct ctl_routing_rule *aliases;   /* each has one target */
    struct ctl_routing_rule *models;    /* candidates */
    struct ctl_routing_rule *fallbacks;
    int64_t timeout_ms;                 /* to the first byte; 0: not said */
    int64_t stream_timeout_ms;          /* between bytes; 0: not said */
};

/* NULL after an error. */
struct ctl_routing *ctl_routing_parse(const char *file, asg_str_t text,
    struct ctl_findings *f);
/* A missing file is an empty routing. */
struct ctl_routing *ctl_routing_load(const char *file,
    struct ctl_findings *f);

/* The rule for a name; NULL when there is none. */
const struct ctl_routing_rule *ctl_routing_find(
    const struct ctl_routing_rule *rules, const char *name);

#endif
