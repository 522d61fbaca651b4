/*
 * routing.yaml: aliases, candidates, fallbacks, retries, cooldowns, timeouts,
 * in LiteLLM's vocabulary.
 *
 * The same names are accepted at the top and under router_settings,
 * litellm_settings and general_settings, so that a proxy's settings can be
 * carried over.  Names that we know and that do not yet act are accepted with a
 * warning.  Which names exist is not known here: see catalog.h.
 */
#ifndef CTL_ROUTING_H
#define CTL_ROUTING_H

#include "catalog/finding.h"
#include "core/route.h"
#include "core/str.h"

#define CTL_ROUTING_UNSAID       (-1)
#define CTL_ROUTING_DEPTH_MAX    16     /* alias of an alias of … */
#define CTL_ROUTING_RETRIES_MAX  10
#define CTL_ROUTING_FAILS_MAX    1000000

/* How a name's candidates are called; CTL_ROUTING_UNSAID where nothing is said
 * (times: 0). */
struct ctl_routing_how {
    int strategy;                       /* asg_strategy_t */
    int64_t retries;
    int64_t allowed_fails;
    int64_t cooldown_ms;
    int64_t timeout_ms;                 /* to the first byte */
    int64_t stream_timeout_ms;          /* between bytes */
};

struct ctl_routing_target {
    const char *name;
    unsigned line;
    unsigned weight;                    /* 1 to ASG_ROUTE_WEIGHT_MAX */
    struct ctl_routing_target *next;
};

struct ctl_routing_rule {
    const char *name;                   /* public name */
    unsigned line;
    struct ctl_routing_target *targets; /* in order, never empty */
    struct ctl_routing_how how;
    bool hidden;                        /* an alias that nobody is shown */
    unsigned followed;                  /* how far fallback_loops.h is */
    struct ctl_routing_rule *next;
};

struct ctl_routing {
    const char *file;
    struct ctl_routing_rule *aliases;   /* each has one target */
    struct ctl_routing_rule *models;    /* candidates */
    struct ctl_routing_rule *fallbacks;
    struct ctl_routing_rule *on_context;        /* prompts that are too long */
    struct ctl_routing_rule *on_any;    /* default_fallbacks; NULL: none */
    struct ctl_routing_how how;         /* of all that say nothing else */
    bool no_cooldowns;
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
/* The same; what an alias does not say itself is said by what it stands for. */
const struct ctl_routing_rule *ctl_routing_behind(
    const struct ctl_routing *routing, const struct ctl_routing_rule *rules,
    const char *name);

#endif
