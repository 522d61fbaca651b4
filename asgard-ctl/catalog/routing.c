/*
 * The routing file: a table of its settings, and the rules that they give.
 */
#include "catalog/routing.h"

#include <string.h>

#include "catalog/manifest.h"
#include "catalog/shape.h"

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
static bool timeout_take(const struct reader *rd,
    const struct ctl_yaml *node);
static bool stream_timeout_take(const struct reader *rd,
    const struct ctl_yaml *node);
static bool section_take(const struct reader *rd,
    const struct ctl_yaml *node);

static const struct setting settings[] = {
    {"model_alias_map", aliases_take},
    {"model_group_alias", aliases_take},
    {"models", models_take},
    {"fallbacks", fallbacks_take},
    {"timeout", timeout_take},
    {"request_timeout", timeout_take},
    {"stream_timeout", stream_timeout_take},
    {"router_settings", section_take},
    {"litellm_settings", section_take},
    {"general_settings", section_take},
    {"num_retries", NULL}, {"max_retries", NULL}, {"retry_after", NULL},
    {"cooldown_time", NULL}, {"allowed_fails", NULL},
    {"allowed_fails_policy", NULL}, {"retry_policy", NULL},
    {"strategy", NULL}, {"routing_strategy", NULL},
    {"routing_strategy_args", NULL}, {"default_fallbacks", NULL},
    {"context_window_fallbacks", NULL}, {"content_policy_fallbacks", NULL},
    {"max_fallbacks", NULL}, {"enable_pre_call_checks", NULL},
    {"disable_cooldowns", NULL}, {"weight", NULL},
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

static struct ctl_routing_rule *
rule_add(const struct reader *rd, struct ctl_routing_rule **list,
    const struct ctl_yaml *at, const char *name)
{
    struct ctl_routing_rule *rule;

    if (!ctl_manifest_is_name(name)) {
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
    *list = rule;

    return rule;
}


static bool
target_add(const struct reader *rd, struct ctl_routing_rule *rule,
    const struct ctl_yaml *node)
{
    struct ctl_routing_target **last = &rule->targets, *target;

    if (node->kind != CTL_YAML_SCALAR || !ctl_manifest_is_name(node->text)) {
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
        return target_add(rd, rule, list);
    }
    if (list->kind != CTL_YAML_LIST || list->n == 0) {
        return wrong(rd, list, "expects a list of models");
    }
    for (item = list->first; item != NULL; item = item->next) {
        if (!target_add(rd, rule, item)) {
            return false;
        }
    }

    return true;
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
        ok = rule != NULL && target_add(rd, rule, child) && ok;
    }

    return ok;
}


/* One candidate: its name, or a map with `model` and what comes later. */
static bool
candidate_take(const struct reader *rd, struct ctl_routing_rule *rule,
    const struct ctl_yaml *node)
{
    static const struct ctl_shape fields[] = {
        {"model", CTL_SHAPE_TEXT, true, NULL, NULL},
        {"weight", CTL_SHAPE_INT, false, NULL, NULL},
        {"order", CTL_SHAPE_INT, false, NULL, NULL},
        {"timeout", CTL_SHAPE_TIME, false, NULL, NULL},
        {"stream_timeout", CTL_SHAPE_TIME, false, NULL, NULL},
        {NULL, CTL_SHAPE_FREE, false, NULL, NULL}
    };
    const struct ctl_yaml *child;
    struct ctl_yaml model;

    if (node->kind == CTL_YAML_SCALAR) {
        return target_add(rd, rule, node);
    }
    if (node->kind != CTL_YAML_MAP) {
        return wrong(rd, node, "expects \"model: NAME\"");
    }
    if (!ctl_shape_check(node, fields, rd->r->file, rd->findings)) {
        return false;
    }
    for (child = node->first; child != NULL; child = child->next) {
        if (strcmp(child->key, "model") != 0) {
            ctl_finding_warn(rd->findings, rd->r->file, child->line,
                             "\"%s\" of a candidate is accepted and does not "
                             "act yet", child->key);
        }
    }
    model = *ctl_yaml_at(node, "model");
    model.key = NULL;

    return target_add(rd, rule, &model);
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
        {"cooldown_time", CTL_SHAPE_TIME, false, NULL, NULL},
        {"allowed_fails", CTL_SHAPE_INT, false, NULL, NULL},
        {NULL, CTL_SHAPE_FREE, false, NULL, NULL}
    };
    const struct ctl_yaml *list, *child;
    struct ctl_routing_rule *rule;

    if (node->kind != CTL_YAML_MAP) {
        return wrong(rd, node, "expects \"candidates: [...]\"");
    }
    if (!ctl_shape_check(node, fields, rd->r->file, rd->findings)) {
        return false;
    }
    for (child = node->first; child != NULL; child = child->next) {
        if (strcmp(child->key, "candidates") != 0) {
            ctl_finding_warn(rd->findings, rd->r->file, child->line,
                             "\"%s\" of one model is accepted and does not "
                             "act yet", child->key);
        }
    }
    list = ctl_yaml_at(node, "candidates");
    if (list->kind != CTL_YAML_LIST || list->n == 0) {
        return wrong(rd, list, "expects a list of candidates");
    }
    rule = rule_add(rd, &rd->r->models, node, node->key);
    for (child = list->first; rule != NULL && child != NULL;
         child = child->next)
    {
        if (!candidate_take(rd, rule, child)) {
            return false;
        }
    }

    return rule != NULL;
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
fallbacks_take(const struct reader *rd, const struct ctl_yaml *node)
{
    const struct ctl_yaml *child;
    struct ctl_routing_rule *rule;
    bool ok = true;

    if (node->kind == CTL_YAML_SCALAR) {
        return wrong(rd, node, "expects a list of {name: [models]}");
    }
    for (child = node->first; child != NULL; child = child->next) {
        if (node->kind == CTL_YAML_LIST) {
            ok = (child->kind == CTL_YAML_MAP ? fallbacks_take(rd, child)
                  : wrong(rd, child, "expects {name: [models]}")) && ok;
            continue;
        }
        rule = rule_add(rd, &rd->r->fallbacks, child, child->key);
        ok = rule != NULL && targets_add(rd, rule, child) && ok;
    }

    return ok;
}


/* --- times --- */

static bool
time_take(const struct reader *rd, const struct ctl_yaml *node, int64_t *out)
{
    return (ctl_yaml_ms(node, out) && *out <= 3600000)
           || wrong(rd, node, "expects a time such as 30 or 30s, at most 1h");
}


static bool
timeout_take(const struct reader *rd, const struct ctl_yaml *node)
{
    return time_take(rd, node, &rd->r->timeout_ms);
}


static bool
stream_timeout_take(const struct reader *rd, const struct ctl_yaml *node)
{
    return time_take(rd, node, &rd->r->stream_timeout_ms);
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
