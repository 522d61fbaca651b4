/*
 * The routing file: a table of its settings, and the rules that they give.
 */
#include "catalog/routing.h"

#include <string.h>

#include "catalog/manifest.h"
#include "catalog/shape.h"
#include "catalog/wildcard.h"

struct reader {
    struct ctl_routing *r;
    struct ctl_findings *findings;
};

typedef bool (*take_fn)(const struct reader *rd, const struct ctl_yaml *node);

struct setting {
    const char *name;
    take_fn take;                       /* NULL: known, does not act yet */
};

static bool aliases_take(const struct reader *rd, const struct ctl_yaml *node);
static bool models_take(const struct reader *rd, const struct ctl_yaml *node);
static bool fallbacks_take(const struct reader *rd,
    const struct ctl_yaml *node);
static bool on_context_take(const struct reader *rd,
    const struct ctl_yaml *node);
static bool on_any_take(const struct reader *rd, const struct ctl_yaml *node);
static bool no_cooldowns_take(const struct reader *rd,
    const struct ctl_yaml *node);
static bool how_take(const struct reader *rd, const struct ctl_yaml *node);
static bool how_read(const struct reader *rd, const struct ctl_yaml *node,
    struct ctl_routing_how *how);
static bool section_take(const struct reader *rd,
    const struct ctl_yaml *node);

static const struct setting settings[] = {
    {"model_alias_map", aliases_take},
    {"model_group_alias", aliases_take},
    {"models", models_take},
    {"fallbacks", fallbacks_take},
    {"context_window_fallbacks", on_context_take},
    {"default_fallbacks", on_any_take},
    {"disable_cooldowns", no_cooldowns_take},
    {"timeout", how_take},
    {"request_timeout", how_take},
    {"stream_timeout", how_take},
    {"num_retries", how_take},
    {"max_retries", how_take},
    {"cooldown_time", how_take},
    {"allowed_fails", how_take},
    {"strategy", how_take},
    {"routing_strategy", how_take},
    {"router_settings", section_take},
    {"litellm_settings", section_take},
    {"general_settings", section_take},
    {"retry_after", NULL}, {"allowed_fails_policy", NULL},
    {"retry_policy", NULL}, {"routing_strategy_args", NULL},
    {"content_policy_fallbacks", NULL}, {"max_fallbacks", NULL},
    {"enable_pre_call_checks", NULL}, {"weight", NULL},
    {NULL, NULL}
};


static bool
wrong(const struct reader *rd, const struct ctl_yaml *at, const char *what)
{
    return ctl_finding_error(rd->findings, rd->r->file, at->line, "%s", what);
}


static bool
section_read(const struct reader *rd, const struct ctl_yaml *map, bool inner)
{
    const struct ctl_yaml *child;
    const struct setting *s;
    bool ok = true;

    for (child = map->first; child != NULL; child = child->next) {
        for (s = settings; s->name != NULL; s++) {
            if (strcmp(s->name, child->key) == 0) {
                break;
            }
        }
        if (s->name == NULL || (inner && s->take == section_take)) {
            ok = ctl_finding_error(rd->findings, rd->r->file, child->line,
                                   "unknown setting \"%.64s\"", child->key);
        } else if (ctl_yaml_is_null(child)) {
            continue;
        } else if (s->take == NULL) {
            ctl_finding_warn(rd->findings, rd->r->file, child->line,
                             "\"%s\" is accepted and does not act yet",
                             s->name);
        } else {
            ok = s->take(rd, child) && ok;
        }
    }

    return ok;
}


static bool
section_take(const struct reader *rd, const struct ctl_yaml *node)
{
    return node->kind == CTL_YAML_MAP ? section_read(rd, node, true)
                                      : wrong(rd, node, "expects a map");
}


/* --- rules --- */

static const struct ctl_routing_how nothing_said = {
    .strategy = CTL_ROUTING_UNSAID, .retries = CTL_ROUTING_UNSAID,
    .allowed_fails = CTL_ROUTING_UNSAID, .cooldown_ms = CTL_ROUTING_UNSAID
};


static struct ctl_routing_rule *
rule_add(const struct reader *rd, struct ctl_routing_rule **list,
    const struct ctl_yaml *at, const char *name)
{
    struct ctl_routing_rule *rule;

    if (!ctl_manifest_is_name(name) && !ctl_wildcard_is(name)) {
        wrong(rd, at, "the name of a model has a character that none may have "
                      "or is too long");
        return NULL;
    }
    if (ctl_routing_find(*list, name) != NULL) {
        ctl_finding_error(rd->findings, rd->r->file, at->line,
                          "\"%s\" stands twice", name);
        return NULL;
    }
    while (*list != NULL) {
        list = &(*list)->next;
    }
    rule = ctl_arena_alloc(rd->findings->arena, sizeof(*rule));
    if (rule == NULL) {
        wrong(rd, at, "out of memory");
        return NULL;
    }
    rule->name = name;
    rule->line = at->line;
    rule->how = nothing_said;
    *list = rule;

    return rule;
}


static bool
target_add(const struct reader *rd, struct ctl_routing_rule *rule,
    const struct ctl_yaml *node, unsigned weight)
{
    struct ctl_routing_target **last = &rule->targets, *target;

    if (node->kind != CTL_YAML_SCALAR
        || (!ctl_manifest_is_name(node->text)
            && !(ctl_wildcard_is(node->text) && ctl_wildcard_is(rule->name))))
    {
        return wrong(rd, node, "expects the name of a model");
    }
    if (strcmp(node->text, rule->name) == 0 && rule->targets == NULL
        && node->key != NULL)
    {
        return ctl_finding_error(rd->findings, rd->r->file, node->line,
                                 "\"%s\" leads to itself", rule->name);
    }
    target = ctl_arena_alloc(rd->findings->arena, sizeof(*target));
    if (target == NULL) {
        return wrong(rd, node, "out of memory");
    }
    target->name = node->text;
    target->line = node->line;
    target->weight = weight;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = target;

    return true;
}


static bool
targets_add(const struct reader *rd, struct ctl_routing_rule *rule,
    const struct ctl_yaml *list)
{
    const struct ctl_yaml *item;

    if (list->kind == CTL_YAML_SCALAR) {
        return target_add(rd, rule, list, 1);
    }
    if (list->kind != CTL_YAML_LIST || list->n == 0) {
        return wrong(rd, list, "expects a list of models");
    }
    for (item = list->first; item != NULL; item = item->next) {
        if (!target_add(rd, rule, item, 1)) {
            return false;
        }
    }

    return true;
}


/* LiteLLM's longer form: {model: NAME, hidden: true}. */
static bool
alias_take(const struct reader *rd, struct ctl_routing_rule *rule,
    const struct ctl_yaml *node)
{
    static const struct ctl_shape fields[] = {
        {"model", CTL_SHAPE_TEXT, true, NULL, NULL},
        {"hidden", CTL_SHAPE_BOOL, false, NULL, NULL},
        {NULL, CTL_SHAPE_FREE, false, NULL, NULL}
    };
    const struct ctl_yaml *hidden;

    if (node->kind != CTL_YAML_MAP) {
        return target_add(rd, rule, node, 1);
    }
    if (!ctl_shape_check(node, fields, rd->r->file, rd->findings)) {
        return false;
    }
    hidden = ctl_yaml_at(node, "hidden");
    if (hidden != NULL) {
        (void) ctl_yaml_bool(hidden, &rule->hidden);
    }

    return target_add(rd, rule, ctl_yaml_at(node, "model"), 1);
}


static bool
aliases_take(const struct reader *rd, const struct ctl_yaml *node)
{
    const struct ctl_yaml *child;
    struct ctl_routing_rule *rule;
    bool ok = true;

    if (node->kind != CTL_YAML_MAP) {
        return wrong(rd, node, "expects a map of alias: model");
    }
    for (child = node->first; child != NULL; child = child->next) {
        rule = rule_add(rd, &rd->r->aliases, child, child->key);
        ok = rule != NULL && alias_take(rd, rule, child) && ok;
    }

    return ok;
}


/* One candidate: its name, or a map with `model` and `weight`. */
static bool
candidate_take(const struct reader *rd, struct ctl_routing_rule *rule,
    const struct ctl_yaml *node)
{
    static const struct ctl_shape fields[] = {
        {"model", CTL_SHAPE_TEXT, true, NULL, NULL},
        {"weight", CTL_SHAPE_INT, false, NULL, NULL},
        {NULL, CTL_SHAPE_FREE, false, NULL, NULL}
    };
    const struct ctl_yaml *at;
    struct ctl_yaml model;
    int64_t weight = 1;

    if (node->kind == CTL_YAML_SCALAR) {
        return target_add(rd, rule, node, 1);
    }
    if (node->kind != CTL_YAML_MAP) {
        return wrong(rd, node, "expects \"model: NAME\"");
    }
    if (!ctl_shape_check(node, fields, rd->r->file, rd->findings)) {
        return false;
    }
    at = ctl_yaml_at(node, "weight");
    if (at != NULL && (!ctl_yaml_int(at, &weight) || weight < 1
                       || weight > ASG_ROUTE_WEIGHT_MAX))
    {
        return wrong(rd, at, "expects a weight from 1 to 1000");
    }
    model = *ctl_yaml_at(node, "model");
    model.key = NULL;

    return target_add(rd, rule, &model, (unsigned) weight);
}


static bool
model_take(const struct reader *rd, const struct ctl_yaml *node)
{
    static const struct ctl_shape fields[] = {
        {"candidates", CTL_SHAPE_FREE, true, NULL, NULL},
        {"strategy", CTL_SHAPE_TEXT, false, NULL, NULL},
        {"timeout", CTL_SHAPE_TIME, false, NULL, NULL},
        {"stream_timeout", CTL_SHAPE_TIME, false, NULL, NULL},
        {"num_retries", CTL_SHAPE_INT, false, NULL, NULL},
        {"cooldown_time", CTL_SHAPE_TEXT, false, NULL, NULL},
        {"allowed_fails", CTL_SHAPE_INT, false, NULL, NULL},
        {NULL, CTL_SHAPE_FREE, false, NULL, NULL}
    };
    const struct ctl_yaml *list, *child;
    struct ctl_routing_rule *rule;
    bool ok = true;

    if (node->kind != CTL_YAML_MAP) {
        return wrong(rd, node, "expects \"candidates: [...]\"");
    }
    if (!ctl_shape_check(node, fields, rd->r->file, rd->findings)) {
        return false;
    }
    list = ctl_yaml_at(node, "candidates");
    if (list->kind != CTL_YAML_LIST || list->n == 0) {
        return wrong(rd, list, "expects a list of candidates");
    }
    rule = rule_add(rd, &rd->r->models, node, node->key);
    if (rule == NULL) {
        return false;
    }
    for (child = node->first; child != NULL; child = child->next) {
        ok = (child == list || ctl_yaml_is_null(child)
              || how_read(rd, child, &rule->how)) && ok;
    }
    for (child = list->first; ok && child != NULL; child = child->next) {
        ok = candidate_take(rd, rule, child);
    }

    return ok;
}


static bool
models_take(const struct reader *rd, const struct ctl_yaml *node)
{
    const struct ctl_yaml *child;
    bool ok = true;

    if (node->kind != CTL_YAML_MAP) {
        return wrong(rd, node, "expects a map of name: {candidates: [...]}");
    }
    for (child = node->first; child != NULL; child = child->next) {
        ok = model_take(rd, child) && ok;
    }

    return ok;
}


/* A list of maps, as LiteLLM writes it, or one map. */
static bool
lists_take(const struct reader *rd, struct ctl_routing_rule **rules,
    const struct ctl_yaml *node)
{
    const struct ctl_yaml *child;
    struct ctl_routing_rule *rule;
    bool ok = true;

    if (node->kind == CTL_YAML_SCALAR) {
        return wrong(rd, node, "expects a list of {name: [models]}");
    }
    for (child = node->first; child != NULL; child = child->next) {
        if (node->kind == CTL_YAML_LIST) {
            ok = (child->kind == CTL_YAML_MAP ? lists_take(rd, rules, child)
                  : wrong(rd, child, "expects {name: [models]}")) && ok;
            continue;
        }
        rule = rule_add(rd, rules, child, child->key);
        ok = rule != NULL && targets_add(rd, rule, child) && ok;
    }

    return ok;
}


static bool
fallbacks_take(const struct reader *rd, const struct ctl_yaml *node)
{
    return lists_take(rd, &rd->r->fallbacks, node);
}


static bool
on_context_take(const struct reader *rd, const struct ctl_yaml *node)
{
    return lists_take(rd, &rd->r->on_context, node);
}


/* A rule whose name no model can have. */
static bool
on_any_take(const struct reader *rd, const struct ctl_yaml *node)
{
    struct ctl_routing_rule *rule;

    rule = ctl_arena_alloc(rd->findings->arena, sizeof(*rule));
    if (rule == NULL) {
        return wrong(rd, node, "out of memory");
    }
    rule->name = "";
    rule->line = node->line;
    rule->how = nothing_said;
    rd->r->on_any = rule;

    return targets_add(rd, rule, node);
}


/* --- how candidates are called --- */

static bool
how_strategy(const struct ctl_yaml *node, int *out)
{
    /* LiteLLM's words for what we have; usage-based counts tokens there */
    static const struct { const char *name; asg_strategy_t is; } also[] = {
        {"simple-shuffle", ASG_STRATEGY_WEIGHTED},
        {"latency-based-routing", ASG_STRATEGY_LOWEST_LATENCY},
        {"cost-based-routing", ASG_STRATEGY_CHEAPEST},
        {"usage-based-routing", ASG_STRATEGY_LEAST_BUSY},
        {"usage-based-routing-v2", ASG_STRATEGY_LEAST_BUSY}
    };
    asg_strategy_t s;
    size_t i;

    if (node->kind != CTL_YAML_SCALAR) {
        return false;
    }
    if (asg_strategy_parse(asg_str_z(node->text), &s)) {
        *out = (int) s;
        return true;
    }
    for (i = 0; i < sizeof(also) / sizeof(*also); i++) {
        if (strcmp(also[i].name, node->text) == 0) {
            *out = (int) also[i].is;
            return true;
        }
    }

    return false;
}


static bool
how_number(const struct reader *rd, const struct ctl_yaml *node, int64_t max,
    int64_t *out)
{
    return (ctl_yaml_int(node, out) && *out >= 0 && *out <= max)
           || ctl_finding_error(rd->findings, rd->r->file, node->line,
                                "\"%s\" expects a number from 0 to %lld",
                                node->key, (long long) max);
}


static bool
how_time(const struct reader *rd, const struct ctl_yaml *node, int64_t *out)
{
    return (ctl_yaml_ms(node, out) && *out <= 3600000)
           || wrong(rd, node, "expects a time such as 30 or 30s, at most 1h");
}


/* One setting, by its key. */
static bool
how_read(const struct reader *rd, const struct ctl_yaml *node,
    struct ctl_routing_how *how)
{
    const char *key = node->key;

    if (strcmp(key, "timeout") == 0 || strcmp(key, "request_timeout") == 0) {
        return how_time(rd, node, &how->timeout_ms);
    }
    if (strcmp(key, "stream_timeout") == 0) {
        return how_time(rd, node, &how->stream_timeout_ms);
    }
    if (strcmp(key, "cooldown_time") == 0) {
        /* 0, which is no time, is: never */
        return (ctl_yaml_int(node, &how->cooldown_ms)
                && how->cooldown_ms == 0)
               || how_time(rd, node, &how->cooldown_ms);
    }
    if (strcmp(key, "num_retries") == 0 || strcmp(key, "max_retries") == 0) {
        return how_number(rd, node, CTL_ROUTING_RETRIES_MAX, &how->retries);
    }
    if (strcmp(key, "allowed_fails") == 0) {
        return how_number(rd, node, CTL_ROUTING_FAILS_MAX,
                          &how->allowed_fails);
    }

    return how_strategy(node, &how->strategy)
           || wrong(rd, node, "expects weighted, least-busy, lowest-latency, "
                              "cheapest, sticky or ordered");
}


static bool
how_take(const struct reader *rd, const struct ctl_yaml *node)
{
    return how_read(rd, node, &rd->r->how);
}


static bool
no_cooldowns_take(const struct reader *rd, const struct ctl_yaml *node)
{
    return ctl_yaml_bool(node, &rd->r->no_cooldowns)
           || wrong(rd, node, "expects true or false");
}


/* --- the whole --- */

static struct ctl_routing *
routing_create(const char *file, struct ctl_findings *f)
{
    struct ctl_routing *r = ctl_arena_alloc(f->arena, sizeof(*r));

    if (r == NULL) {
        ctl_finding_error(f, file, 0, "out of memory");
        return NULL;
    }
    r->file = file;
    r->how = nothing_said;

    return r;
}


static struct ctl_routing *
routing_take(const char *file, const struct ctl_yaml *root,
    struct ctl_findings *f)
{
    struct reader rd = {routing_create(file, f), f};

    if (rd.r == NULL || !ctl_shape_no_secrets(root, file, f)) {
        return NULL;
    }
    if (root->kind != CTL_YAML_MAP) {
        wrong(&rd, root, "the file must be a map of settings");
        return NULL;
    }

    return section_read(&rd, root, false) ? rd.r : NULL;
}


struct ctl_routing *
ctl_routing_parse(const char *file, asg_str_t text, struct ctl_findings *f)
{
    const struct ctl_yaml *root = ctl_yaml_parse(file, text, f);

    return root != NULL ? routing_take(file, root, f) : NULL;
}


struct ctl_routing *
ctl_routing_load(const char *file, struct ctl_findings *f)
{
    const struct ctl_yaml *root;
    bool missing = true;

    root = file != NULL ? ctl_yaml_load(file, &missing, f) : NULL;
    if (root == NULL) {
        return missing ? routing_create(file, f) : NULL;
    }

    return routing_take(file, root, f);
}


const struct ctl_routing_rule *
ctl_routing_find(const struct ctl_routing_rule *rules, const char *name)
{
    for (; rules != NULL; rules = rules->next) {
        if (strcmp(rules->name, name) == 0) {
            return rules;
        }
    }

    return NULL;
}


const struct ctl_routing_rule *
ctl_routing_behind(const struct ctl_routing *routing,
    const struct ctl_routing_rule *rules, const char *name)
{
    const struct ctl_routing_rule *rule, *alias;
    unsigned depth;

    for (depth = 0; depth <= CTL_ROUTING_DEPTH_MAX; depth++) {
        rule = ctl_routing_find(rules, name);
        alias = ctl_routing_find(routing->aliases, name);
        if (rule != NULL || alias == NULL
            || ctl_routing_find(routing->models, name) != NULL)
        {
            return rule;
        }
        name = alias->targets->name;
    }

    return NULL;
}
