/*
 * Public names and their groups of candidates.
 *
 * Manifests register refs, routes and aliases; the routing file then lays its
 * aliases, candidate lists and fallbacks over them.  A name's first group are
 * the candidates of its list (or what it is an alias of, or the model that
 * registered it); each of its fallbacks is a group.  Fallbacks of fallbacks are
 * not followed.  A candidate stands in the first of its groups only.
 */
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"
#include "catalog/fallback_loops.h"
#include "catalog/wildcard.h"

#define ROUNDING       1e-9             /* a difference that is none */

/* Where the routing file says nothing. */
#define RETRIES        2
#define ALLOWED_FAILS  3                /* a minute */
#define COOLDOWN_MS    5000

/* A name that a manifest registered, active or not. */
struct entry {
    const char *name;
    unsigned order;                     /* of registration */
    int model;                          /* index, or -1: not active */
    bool alias;
};

struct registry {
    struct ctl_catalog *catalog;
    struct entry *entries;              /* sorted by name, then by order */
    unsigned n, room;
};

struct resolving {
    const struct registry *registry;
    struct ctl_catalog_name *out;
    const char *asked;                  /* for messages */
    unsigned line;
    double shares[ASG_CATALOG_CANDIDATES_MAX];  /* within its group */
    bool inactive;                      /* a candidate is not active */
};

static bool resolve(struct resolving *r, const char *name, unsigned line,
    unsigned depth);


static int
by_name(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}


static bool
refuse(const struct registry *reg, unsigned line, const char *what,
    const char *name)
{
    struct ctl_catalog *c = reg->catalog;

    return ctl_finding_error(&c->findings, c->routing->file, line,
                             "\"%.128s\" %s", name, what);
}


static const struct entry *
entry_find(const struct registry *reg, const char *name)
{
    unsigned low = 0, high = reg->n, mid;

    while (low < high) {
        mid = low + (high - low) / 2;
        if (strcmp(reg->entries[mid].name, name) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }

    return low < reg->n && strcmp(reg->entries[low].name, name) == 0
           ? &reg->entries[low] : NULL;
}


/* --- registration by the manifests --- */

static void
entry_add(struct registry *reg, const char *name, int model, bool alias)
{
    reg->entries[reg->n] = (struct entry) {name, reg->n, model, alias};
    reg->n++;
}


static void
entries_of_model(struct registry *reg, const struct ctl_model *m, int index)
{
    unsigned i;

    entry_add(reg, m->ref, index, false);
    if (strcmp(m->ref, m->route) != 0) {
        entry_add(reg, m->route, index, false);
    }
    for (i = 0; i < m->naliases; i++) {
        entry_add(reg, m->aliases[i], index, true);
    }
}


static bool
registry_count(struct registry *reg, unsigned *nmodels)
{
    struct ctl_catalog *c = reg->catalog;
    const struct ctl_manifest *m;
    unsigned i, j;

    *nmodels = 0;
    for (i = 0; i < c->nmodules; i++) {
        m = c->modules[i].manifest;
        for (j = 0; m != NULL && j < m->nmodels; j++) {
            reg->room += 2 + m->models[j].naliases;
            *nmodels += c->modules[i].state == CTL_MODULE_ACTIVE;
        }
    }
    if (*nmodels > ASG_CATALOG_MODELS_MAX) {
        return ctl_finding_error(&c->findings, "services", 0,
                                 "more than %d models are active",
                                 ASG_CATALOG_MODELS_MAX);
    }

    return true;
}


/* Active modules first: one that waits for its variables takes no name. */
static void
registry_fill(struct registry *reg, bool active)
{
    struct ctl_catalog *c = reg->catalog;
    const struct ctl_module *module;
    struct ctl_catalog_model *model;
    unsigned i, j;

    for (i = 0; i < c->nmodules; i++) {
        module = &c->modules[i];
        if (module->manifest == NULL
            || (module->state == CTL_MODULE_ACTIVE) != active)
        {
            continue;
        }
        for (j = 0; j < module->manifest->nmodels; j++) {
            if (active) {
                model = &c->models[c->nmodels];
                model->module = module;
                model->model = &module->manifest->models[j];
            }
            entries_of_model(reg, &module->manifest->models[j],
                             active ? (int) c->nmodels++ : -1);
        }
    }
}


/* Of several entries of one name the first stays; the others are named. */
static void
registry_settle(struct registry *reg)
{
    struct ctl_catalog *c = reg->catalog;
    const struct entry *first;
    unsigned i, n = 0;

    qsort(reg->entries, reg->n, sizeof(*reg->entries), by_name);
    for (i = 0; i < reg->n; i++) {
        first = n > 0 ? &reg->entries[n - 1] : NULL;
        if (first == NULL || strcmp(first->name, reg->entries[i].name) != 0) {
            reg->entries[n++] = reg->entries[i];
            continue;
        }
        if (reg->entries[i].model >= 0
            && reg->entries[i].model != first->model)
        {
            const struct ctl_catalog_model *m =
                &c->models[reg->entries[i].model];

            ctl_finding_warn(&c->findings, m->module->file, m->model->line,
                             "\"%s\" is taken by %s already; the first has it",
                             first->name,
                             c->models[first->model].module->file);
        }
    }
    reg->n = n;
}


static bool
registry_build(struct registry *reg)
{
    struct ctl_catalog *c = reg->catalog;
    unsigned nmodels;

    if (!registry_count(reg, &nmodels)) {
        return false;
    }
    c->models = ctl_arena_alloc(c->arena, (nmodels + 1) * sizeof(*c->models));
    reg->entries = ctl_arena_alloc(c->arena,
                                   (reg->room + 1) * sizeof(*reg->entries));
    if (c->models == NULL || reg->entries == NULL) {
        return ctl_finding_error(&c->findings, "services", 0,
                                 "out of memory");
    }
    registry_fill(reg, true);
    registry_fill(reg, false);
    registry_settle(reg);

    return true;
}


/* --- resolution --- */

static bool
candidate_add(struct resolving *r, unsigned model)
{
    struct ctl_catalog_name *out = r->out;
    unsigned i;

    for (i = 0; i < out->ncandidates; i++) {
        if (out->candidates[i] == model) {
            return true;
        }
    }
    if (out->ncandidates == ASG_CATALOG_CANDIDATES_MAX) {
        return refuse(r->registry, r->line, "has more than 16 candidates",
                      r->asked);
    }
    r->shares[out->ncandidates] = 1;
    out->candidates[out->ncandidates++] = model;

    return true;
}


static bool
resolve_registered(struct resolving *r, const char *name, unsigned line)
{
    const struct entry *e = entry_find(r->registry, name);

    if (e == NULL) {
        return refuse(r->registry, line, "is not the name of any model", name);
    }
    if (e->model < 0) {
        r->inactive = true;
        return true;
    }

    return candidate_add(r, (unsigned) e->model);
}


/* The candidates from `from` on share the weight of what they stand in for. */
static void
shares_scale(struct resolving *r, unsigned from, unsigned weight)
{
    double sum = 0;
    unsigned i;

    for (i = from; i < r->out->ncandidates; i++) {
        sum += r->shares[i];
    }
    for (i = from; i < r->out->ncandidates; i++) {
        r->shares[i] = r->shares[i] * weight / sum;
    }
}


/* In its own list a name stands for the model that registered it; a list in a
 * list has its part of the weight, however many it names.  A list of one list
 * is that list. */
static bool
resolve_list(struct resolving *r, const struct ctl_routing_rule *rule,
    unsigned depth)
{
    const struct ctl_routing_target *t;
    bool ok = true;
    unsigned from;

    for (t = rule->targets; ok && t != NULL; t = t->next) {
        from = r->out->ncandidates;
        ok = strcmp(t->name, rule->name) == 0
             ? resolve_registered(r, t->name, t->line)
             : resolve(r, t->name, t->line, depth + 1);
        if (rule->targets->next != NULL
            || r->out->ncandidates == from + 1)
        {
            shares_scale(r, from, t->weight);
        }
    }

    return ok;
}


static bool
resolve(struct resolving *r, const char *name, unsigned line, unsigned depth)
{
    const struct ctl_routing *routing = r->registry->catalog->routing;
    const struct ctl_routing_rule *rule;

    if (depth > CTL_ROUTING_DEPTH_MAX) {
        return refuse(r->registry, line, "leads to itself, or through more "
                                         "than 16 names", r->asked);
    }
    rule = ctl_routing_find(routing->models, name);
    if (rule == NULL) {
        rule = ctl_routing_find(routing->aliases, name);
    }

    return rule != NULL ? resolve_list(r, rule, depth)
                        : resolve_registered(r, name, line);
}


/* --- weights --- */

static unsigned
nearest_weight(double share)
{
    return share < 1 ? 1 : (unsigned) (share + 0.5);
}


/* How far the worst of n whole numbers is from its share times `scale`: a part
 * of it. */
static double
scale_error(const double *shares, unsigned n, double scale)
{
    double off, worst = 0;
    unsigned i;

    for (i = 0; i < n; i++) {
        off = nearest_weight(shares[i] * scale) / (shares[i] * scale) - 1;
        off = off < 0 ? -off : off;
        worst = off > worst ? off : worst;
    }

    return worst;
}


/* Shares as whole weights up to the bound, as near to them as it permits: as
 * they were written when they are whole, else the smallest that are best. */
static void
weights_set(struct resolving *r, unsigned from)
{
    const double *shares = r->shares + from;
    unsigned n = r->out->ncandidates - from;
    double largest = 0, scale = 1, error, least;
    unsigned i, top;

    for (i = 0; i < n; i++) {
        largest = shares[i] > largest ? shares[i] : largest;
    }
    least = scale_error(shares, n, scale);
    for (top = 1; least > ROUNDING && top <= ASG_ROUTE_WEIGHT_MAX; top++) {
        error = scale_error(shares, n, top / largest);
        if (error < least - ROUNDING) {
            least = error;
            scale = top / largest;
        }
    }
    for (i = 0; i < n; i++) {
        r->out->weights[from + i] = nearest_weight(shares[i] * scale);
    }
}


/* --- groups --- */

static int64_t
first_said(int64_t a, int64_t b, int64_t otherwise)
{
    return a != CTL_ROUTING_UNSAID ? a
           : b != CTL_ROUTING_UNSAID ? b : otherwise;
}


static struct ctl_routing_how
how_of(const struct ctl_routing *routing, const char *name)
{
    const struct ctl_routing_rule *rule;
    const struct ctl_routing_how *own, *all = &routing->how;
    struct ctl_routing_how how;

    rule = ctl_routing_behind(routing, routing->models, name);
    own = rule != NULL ? &rule->how : all;
    how.strategy = (int) first_said(own->strategy, all->strategy,
                                    ASG_STRATEGY_WEIGHTED);
    how.retries = first_said(own->retries, all->retries, RETRIES);
    how.allowed_fails = first_said(own->allowed_fails, all->allowed_fails,
                                   ALLOWED_FAILS);
    how.cooldown_ms = routing->no_cooldowns ? 0
                      : first_said(own->cooldown_ms, all->cooldown_ms,
                                   COOLDOWN_MS);
    /* those of all are in the endpoints, where a manifest is stronger */
    how.timeout_ms = rule != NULL ? own->timeout_ms : 0;
    how.stream_timeout_ms = rule != NULL ? own->stream_timeout_ms : 0;

    return how;
}


/* The candidates of `name` that are in no group yet. */
static bool
group_add(struct resolving *r, const char *name, unsigned line,
    bool on_context)
{
    struct ctl_catalog_name *out = r->out;
    struct ctl_catalog_group *group = &out->groups[out->ngroups];
    unsigned before = out->ncandidates;

    if (!resolve(r, name, line, 0)) {
        return false;
    }
    if (out->ncandidates > before) {
        weights_set(r, before);
        group->n = out->ncandidates - before;
        group->how = how_of(r->registry->catalog->routing, name);
        group->on_context = on_context;
        out->ngroups++;
    }

    return true;
}


/* Each target of the rule (NULL: none) as a group. */
static bool
groups_add(struct resolving *r, const struct ctl_routing_rule *rule,
    bool on_context)
{
    const struct ctl_routing_target *t;

    for (t = rule != NULL ? rule->targets : NULL; t != NULL; t = t->next) {
        if (strcmp(t->name, rule->name) == 0) {     /* of a pattern */
            return refuse(r->registry, t->line, "falls back to itself",
                          t->name);
        }
        if (!group_add(r, t->name, t->line, on_context)) {
            return false;
        }
    }

    return true;
}


static bool
name_resolve(const struct registry *reg, struct ctl_catalog_name *out,
    const char *name, unsigned line)
{
    struct ctl_catalog *c = reg->catalog;
    const struct ctl_routing *routing = c->routing;
    struct resolving r = {reg, out, name, line, {0}, false};
    const struct ctl_routing_rule *fallbacks, *on_context;

    out->name = name;
    fallbacks = ctl_routing_behind(routing, routing->fallbacks, name);
    if (!group_add(&r, name, line, false)) {
        return false;
    }
    if (out->ncandidates == 0 && fallbacks == NULL) {
        return true;                    /* none is active: no such name yet */
    }
    if (!groups_add(&r, fallbacks != NULL ? fallbacks : routing->on_any,
                    false))
    {
        return false;
    }
    on_context = ctl_routing_behind(routing, routing->on_context, name);
    if (out->ncandidates > 0 && !groups_add(&r, on_context, true)) {
        return false;
    }
    if (r.inactive && line != 0) {
        ctl_finding_warn(&c->findings, routing->file, line, "\"%s\" has a "
                         "candidate whose module is not active", name);
    }

    return true;
}


/* --- the table of names --- */

static bool
name_add(const struct registry *reg, const char *name, unsigned line,
    bool alias)
{
    struct ctl_catalog *c = reg->catalog;
    struct ctl_catalog_name *out = &c->names[c->nnames];
    const struct ctl_routing_rule *rule;

    if (!name_resolve(reg, out, name, line)) {
        return false;
    }
    if (out->ncandidates == 0) {
        memset(out, 0, sizeof(*out));
        return true;
    }
    out->alias = alias;
    rule = ctl_routing_find(c->routing->aliases, name);
    out->hidden = rule != NULL && rule->hidden;
    c->nnames++;

    return true;
}


static unsigned
rules_count(const struct ctl_routing_rule *rule)
{
    unsigned n = 0;

    for (; rule != NULL; rule = rule->next) {
        n++;
    }

    return n;
}


/* Names that only the routing file knows. */
static bool
rules_add(const struct registry *reg, const struct ctl_routing_rule *rules,
    const struct ctl_routing_rule *before)
{
    bool ok = true;

    for (; rules != NULL; rules = rules->next) {
        if (entry_find(reg, rules->name) == NULL
            && ctl_routing_find(before, rules->name) == NULL)
        {
            ok = name_add(reg, rules->name, rules->line, true) && ok;
        }
    }

    return ok;
}


static unsigned
rule_line(const struct ctl_routing *routing, const char *name)
{
    const struct ctl_routing_rule *rule;

    rule = ctl_routing_find(routing->models, name);
    if (rule == NULL) {
        rule = ctl_routing_find(routing->aliases, name);
    }
    if (rule == NULL) {
        rule = ctl_routing_find(routing->fallbacks, name);
    }

    return rule != NULL ? rule->line : 0;
}


/* A fallback of a name that nobody has would be silently dead. */
static bool
fallbacks_check(const struct registry *reg,
    const struct ctl_routing_rule *rule)
{
    const struct ctl_routing *routing = reg->catalog->routing;
    bool ok = true;

    for (; rule != NULL; rule = rule->next) {
        if (entry_find(reg, rule->name) == NULL
            && ctl_routing_find(routing->models, rule->name) == NULL
            && ctl_routing_find(routing->aliases, rule->name) == NULL)
        {
            ok = refuse(reg, rule->line, "is not the name of any model",
                        rule->name);
        }
    }

    return ok;
}


static bool
wildcards_expand(const struct registry *reg)
{
    struct ctl_catalog *c = reg->catalog;
    struct ctl_wildcard_name *items;
    struct ctl_wildcard_names names = {NULL, reg->n};
    unsigned i;

    items = ctl_arena_alloc(c->arena, (reg->n + 1) * sizeof(*items));
    if (items == NULL) {
        return ctl_finding_memory(&c->findings, c->routing->file);
    }
    for (i = 0; i < reg->n; i++) {
        items[i].name = reg->entries[i].name;
        items[i].active = reg->entries[i].model >= 0;
    }
    names.items = items;

    return ctl_wildcards_expand(c->routing, &names, &c->findings);
}


bool
ctl_catalog_register(struct ctl_catalog *c)
{
    struct registry reg = {.catalog = c};
    const struct ctl_routing *routing = c->routing;
    unsigned i, room;
    bool ok = true;

    if (!registry_build(&reg)
        || !ctl_fallback_loops_refuse(c->routing, &c->findings)
        || !wildcards_expand(&reg))
    {
        return false;
    }
    room = reg.n + rules_count(routing->aliases)
           + rules_count(routing->models);
    if (room > ASG_CATALOG_NAMES_MAX) {
        return ctl_finding_error(&c->findings, "services", 0,
                                 "more than %d names", ASG_CATALOG_NAMES_MAX);
    }
    c->names = ctl_arena_alloc(c->arena, (room + 1) * sizeof(*c->names));
    if (c->names == NULL) {
        return ctl_finding_error(&c->findings, "services", 0,
                                 "out of memory");
    }
    for (i = 0; i < reg.n; i++) {
        ok = name_add(&reg, reg.entries[i].name,
                      rule_line(routing, reg.entries[i].name),
                      reg.entries[i].alias) && ok;
    }
    ok = rules_add(&reg, routing->models, NULL) && ok;
    ok = rules_add(&reg, routing->aliases, routing->models) && ok;

    ok = fallbacks_check(&reg, routing->fallbacks) && ok;

    return fallbacks_check(&reg, routing->on_context) && ok;
}
