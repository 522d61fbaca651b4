/*
 * Rules for many names, made to rules for one.
 */
#include "catalog/wildcard.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/manifest.h"
#include "core/catalog.h"

struct expansion {
    struct ctl_routing *routing;
    const struct ctl_wildcard_names *names;
    struct ctl_findings *findings;
    struct ctl_routing_rule **list;     /* where new rules go */
    const struct ctl_routing_rule *other;       /* a rule there is stronger */
    bool rescues;                       /* whom a name falls back to */
    unsigned made;
};


bool
ctl_wildcard_is(const char *name)
{
    size_t len = strlen(name);
    char plain[CTL_MANIFEST_NAME_MAX + 1];

    if (len < 2 || len > CTL_MANIFEST_NAME_MAX || name[len - 1] != '*') {
        return false;
    }
    memcpy(plain, name, len - 1);
    plain[len - 1] = '\0';

    return ctl_manifest_is_name(plain);
}


static bool
refuse(struct expansion *x, unsigned line, const char *name, const char *what)
{
    return ctl_finding_error(x->findings, x->routing->file, line,
                             "\"%.128s\" %s", name, what);
}


/* What of `name` stands in the place of the pattern's `*`; NULL: nothing. */
static const char *
stem_of(const char *pattern, const char *name)
{
    size_t prefix = strlen(pattern) - 1;

    return strncmp(pattern, name, prefix) == 0 && name[prefix] != '\0'
           ? name + prefix : NULL;
}


/* `pattern` with `stem` in the place of its `*`; itself when it has none. */
static const char *
name_with(struct expansion *x, const char *pattern, const char *stem,
    unsigned line)
{
    const char *name = pattern;

    if (ctl_wildcard_is(pattern)) {
        name = ctl_arena_printf(x->findings->arena, "%.*s%s",
                                (int) strlen(pattern) - 1, pattern, stem);
    }
    if (name == NULL) {
        refuse(x, line, pattern, "needs more memory than there is");
    } else if (!ctl_manifest_is_name(name)) {
        refuse(x, line, name, "is too long for the name of a model");
        name = NULL;
    }

    return name;
}


static bool
name_is_known(const struct expansion *x, const char *name)
{
    unsigned low = 0, high = x->names->n, mid;

    while (low < high) {
        mid = low + (high - low) / 2;
        if (strcmp(x->names->items[mid].name, name) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }

    return (low < x->names->n
            && strcmp(x->names->items[low].name, name) == 0)
           || ctl_routing_find(x->routing->models, name) != NULL
           || ctl_routing_find(x->routing->aliases, name) != NULL;
}


/* --- one rule of one name --- */

static bool
target_make(struct expansion *x, struct ctl_routing_rule *rule,
    const struct ctl_routing_target *from, const char *stem)
{
    struct ctl_routing_target **last = &rule->targets, *target;

    target = ctl_arena_alloc(x->findings->arena, sizeof(*target));
    if (target == NULL) {
        return refuse(x, from->line, from->name,
                      "needs more memory than there is");
    }
    *target = *from;
    target->next = NULL;
    target->name = name_with(x, from->name, stem, from->line);
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = target;

    return target->name != NULL;
}


static bool
rule_make(struct expansion *x, const struct ctl_routing_rule *pattern,
    const char *name, const char *stem)
{
    const struct ctl_routing_target *t;
    struct ctl_routing_rule *rule;

    rule = ctl_arena_alloc(x->findings->arena, sizeof(*rule));
    if (rule == NULL || x->made == ASG_CATALOG_NAMES_MAX) {
        return refuse(x, pattern->line, pattern->name, "is of too many names");
    }
    *rule = *pattern;
    rule->name = name;
    rule->targets = NULL;
    for (t = pattern->targets; t != NULL; t = t->next) {
        /* no name falls back to itself, the others of the pattern may to it */
        if (x->rescues && strcmp(t->name, name) == 0) {
            continue;
        }
        if (!target_make(x, rule, t, stem)) {
            return false;
        }
    }
    rule->next = *x->list;
    *x->list = rule;
    x->made++;

    return true;
}


/* An inactive name is no name yet: without a counterpart it stays so. */
static bool
is_waiting(struct expansion *x, const struct ctl_routing_rule *pattern,
    const char *stem, bool active)
{
    const struct ctl_routing_target *t;
    const char *name;

    for (t = pattern->targets; !active && t != NULL; t = t->next) {
        name = name_with(x, t->name, stem, t->line);
        if (name == NULL || !name_is_known(x, name)) {
            return true;
        }
    }

    return false;
}


/* What is pointed at by many stays what it is. */
static bool
is_own_target(const struct ctl_routing_rule *pattern, const char *name)
{
    return pattern->targets->next == NULL
           && strcmp(pattern->targets->name, name) == 0;
}


static bool
stem_take(struct expansion *x, const struct ctl_routing_rule *pattern,
    const char *stem, bool active)
{
    const char *name = name_with(x, pattern->name, stem, pattern->line);

    if (name == NULL) {
        return false;
    }
    if (ctl_routing_find(*x->list, name) != NULL
        || ctl_routing_find(x->other, name) != NULL
        || is_own_target(pattern, name)
        || is_waiting(x, pattern, stem, active))
    {
        return true;
    }

    return rule_make(x, pattern, name, stem);
}


/* --- the names of a pattern --- */

static bool
names_each(struct expansion *x, const struct ctl_routing_rule *pattern,
    const char *of, bool active_only, unsigned *seen)
{
    const struct ctl_wildcard_name *item;
    const char *stem;
    unsigned i;

    for (i = 0; i < x->names->n; i++) {
        item = &x->names->items[i];
        stem = stem_of(of, item->name);
        if (stem == NULL || (active_only && !item->active)) {
            continue;
        }
        (*seen)++;
        if (!stem_take(x, pattern, stem, item->active)) {
            return false;
        }
    }

    return true;
}


/* Names that only the routing file has. */
static bool
rules_each(struct expansion *x, const struct ctl_routing_rule *pattern,
    const struct ctl_routing_rule *rules, unsigned *seen)
{
    const char *stem;

    for (; rules != NULL; rules = rules->next) {
        stem = stem_of(pattern->name, rules->name);
        if (stem != NULL) {
            (*seen)++;
            if (!stem_take(x, pattern, stem, true)) {
                return false;
            }
        }
    }

    return true;
}


static bool
targets_each(struct expansion *x, const struct ctl_routing_rule *pattern,
    unsigned *seen)
{
    const struct ctl_routing_target *t;

    for (t = pattern->targets; t != NULL; t = t->next) {
        if (ctl_wildcard_is(t->name)
            && !names_each(x, pattern, t->name, true, seen))
        {
            return false;
        }
    }

    return true;
}


static bool
pattern_expand(struct expansion *x, const struct ctl_routing_rule *pattern,
    bool makes_names)
{
    unsigned seen = 0;
    bool ok;

    ok = names_each(x, pattern, pattern->name, false, &seen);
    if (makes_names) {
        ok = ok && targets_each(x, pattern, &seen);
    } else {
        ok = ok && rules_each(x, pattern, x->routing->models, &seen)
             && rules_each(x, pattern, x->routing->aliases, &seen);
    }

    return ok && (seen > 0 || refuse(x, pattern->line, pattern->name,
                                     "is not the name of any model"));
}


/* --- patterns, the longest first --- */

struct pattern {
    struct ctl_routing_rule *rule;
    struct ctl_routing_rule **list;
    unsigned order;                     /* candidates before aliases */
};


static int
by_length(const void *a, const void *b)
{
    const struct pattern *x = a, *y = b;
    size_t n = strlen(x->rule->name), m = strlen(y->rule->name);

    return n != m ? (n < m) - (n > m)
                  : (x->order > y->order) - (x->order < y->order);
}


static unsigned
patterns_count(const struct ctl_routing_rule *rule)
{
    unsigned n = 0;

    for (; rule != NULL; rule = rule->next) {
        n += ctl_wildcard_is(rule->name);
    }

    return n;
}


/* Takes the patterns out of a list. */
static unsigned
patterns_take(struct ctl_routing_rule **list, struct pattern *out)
{
    struct ctl_routing_rule **at = list;
    unsigned n = 0;

    while (*at != NULL) {
        if (!ctl_wildcard_is((*at)->name)) {
            at = &(*at)->next;
            continue;
        }
        out[n++] = (struct pattern) {*at, list, 0};
        *at = (*at)->next;
    }

    return n;
}


/* Both lists at once: of two patterns for one name the longer has it. */
static bool
lists_expand(struct expansion *x, struct ctl_routing_rule **first,
    struct ctl_routing_rule **second)
{
    struct pattern *patterns;
    unsigned n, i;
    bool ok = true;

    x->rescues = second == NULL;
    n = patterns_count(*first) + (second ? patterns_count(*second) : 0);
    patterns = ctl_arena_alloc(x->findings->arena,
                               (n + 1) * sizeof(*patterns));
    if (patterns == NULL) {
        return ctl_finding_memory(x->findings, x->routing->file);
    }
    n = patterns_take(first, patterns);
    n += second != NULL ? patterns_take(second, patterns + n) : 0;
    for (i = 0; i < n; i++) {
        patterns[i].order = i;
    }
    qsort(patterns, n, sizeof(*patterns), by_length);
    for (i = 0; i < n; i++) {
        x->list = patterns[i].list;
        x->other = second == NULL ? NULL
                   : x->list == first ? *second : *first;
        ok = pattern_expand(x, patterns[i].rule, second != NULL) && ok;
    }

    return ok;
}


bool
ctl_wildcards_expand(struct ctl_routing *routing,
    const struct ctl_wildcard_names *names, struct ctl_findings *f)
{
    struct expansion x = {.routing = routing, .names = names, .findings = f};

    return lists_expand(&x, &routing->models, &routing->aliases)
           && lists_expand(&x, &routing->fallbacks, NULL)
           && lists_expand(&x, &routing->on_context, NULL);
}
