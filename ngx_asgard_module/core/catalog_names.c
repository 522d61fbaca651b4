/*
 * The snapshot's public names: candidates, and the groups that say how one is
 * chosen.
 */
#include <string.h>

#include "core/catalog_outline.h"
#include "core/members.h"

#define NAME_BYTES_MAX     256
#define TIMEOUT_MS_MAX     ((int64_t) 3600 * 1000)
#define RETRIES_MAX        10
#define ALLOWED_FAILS_MAX  1000000

typedef struct {
    asg_str_t strategy;
    int64_t n, retries, allowed_fails;
    unsigned weights[ASG_CATALOG_CANDIDATES_MAX];
    unsigned nweights;
    asg_group_t group;
} group_parts_t;

static asg_err_t read_candidates(asg_json_t *json, asg_buf_t *scratch,
    void *out);
static asg_err_t read_groups(asg_json_t *json, asg_buf_t *scratch, void *out);
static asg_err_t read_weights(asg_json_t *json, asg_buf_t *scratch, void *out);

#define MAYBE(kind, name, field) \
    ASG_MEMBER_MAYBE(kind, name, group_parts_t, field)

static const asg_member_t name_members[] = {
    ASG_MEMBER(STRING, "name", asg_public_name_t, name),
    ASG_MEMBER_MAYBE(FLAG, "alias", asg_public_name_t, alias),
    ASG_MEMBER_MAYBE(FLAG, "hidden", asg_public_name_t, hidden),
    ASG_MEMBER_BY(read_candidates, "candidates"),
    ASG_MEMBER_MAYBE_BY(read_groups, "groups")
};

static const asg_member_t group_members[] = {
    ASG_MEMBER(COUNT, "n", group_parts_t, n),
    MAYBE(STRING, "strategy", strategy),
    ASG_MEMBER_MAYBE_BY(read_weights, "weights"),
    MAYBE(COUNT, "retries", retries),
    MAYBE(COUNT, "allowed_fails", allowed_fails),
    MAYBE(COUNT, "cooldown_ms", group.cooldown_ms),
    MAYBE(COUNT, "first_byte_timeout_ms", group.first_byte_timeout_ms),
    MAYBE(COUNT, "idle_timeout_ms", group.idle_timeout_ms),
    MAYBE(FLAG, "on_context", group.on_context)
};

bool asg_catalog_is_name(asg_str_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((uint8_t) s.data[i] < ' ' || s.data[i] == 0x7f) {
            return false;
        }
    }
    return s.len >= 1 && s.len <= NAME_BYTES_MAX;
}

/* A list of at most ASG_CATALOG_CANDIDATES_MAX numbers from low to high. */
static asg_err_t read_numbers(asg_json_t *json, int64_t low, int64_t high,
    unsigned *list, unsigned *n)
{
    asg_json_event_t event = asg_json_next(json);
    int64_t number;

    if (event != ASG_JSON_ARRAY) {
        return asg_members_fault(json);
    }
    while ((event = asg_json_next(json)) == ASG_JSON_NUMBER) {
        if (*n == ASG_CATALOG_CANDIDATES_MAX) {
            return ASG_ERR_LIMIT;
        }
        if (!asg_json_int(json, &number) || number < low || number > high) {
            return ASG_ERR_RANGE;
        }
        list[(*n)++] = (unsigned) number;
    }
    return event == ASG_JSON_ARRAY_END ? ASG_OK : asg_members_fault(json);
}

static asg_err_t read_candidates(asg_json_t *json, asg_buf_t *scratch,
    void *out)
{
    asg_public_name_t *name = out;

    (void) scratch;
    return read_numbers(json, 0, ASG_CATALOG_MODELS_MAX - 1, name->candidates,
                        &name->ncandidates);
}

static asg_err_t read_weights(asg_json_t *json, asg_buf_t *scratch, void *out)
{
    group_parts_t *parts = out;

    (void) scratch;
    return read_numbers(json, 1, ASG_ROUTE_WEIGHT_MAX, parts->weights,
                        &parts->nweights);
}

static bool group_is_possible(const group_parts_t *parts)
{
    const asg_group_t *g = &parts->group;

    return parts->n >= 1 && parts->n <= ASG_CATALOG_CANDIDATES_MAX
        && (parts->nweights == 0 || parts->nweights == parts->n)
        && parts->retries <= RETRIES_MAX
        && parts->allowed_fails <= ALLOWED_FAILS_MAX
        && g->cooldown_ms <= TIMEOUT_MS_MAX
        && g->first_byte_timeout_ms <= TIMEOUT_MS_MAX
        && g->idle_timeout_ms <= TIMEOUT_MS_MAX;
}

/* The candidates behind those of the groups before it. */
static asg_err_t group_add(asg_public_name_t *name, group_parts_t *parts)
{
    unsigned before = 0;

    for (unsigned i = 0; i < name->ngroups; i++) {
        before += name->groups[i].n;
    }
    if (!group_is_possible(parts)
        || before + (unsigned) parts->n > ASG_CATALOG_CANDIDATES_MAX)
    {
        return ASG_ERR_RANGE;
    }
    parts->group.strategy = ASG_STRATEGY_ORDERED;
    if (parts->strategy.data != NULL
        && !asg_strategy_parse(parts->strategy, &parts->group.strategy))
    {
        return ASG_ERR_RANGE;
    }
    parts->group.n = (unsigned) parts->n;
    parts->group.retries = (unsigned) parts->retries;
    parts->group.allowed_fails = (unsigned) parts->allowed_fails;
    for (unsigned i = 0; i < parts->nweights; i++) {
        name->weights[before + i] = parts->weights[i];
    }
    name->groups[name->ngroups++] = parts->group;
    return ASG_OK;
}

static asg_err_t read_groups(asg_json_t *json, asg_buf_t *scratch, void *out)
{
    asg_public_name_t *name = out;
    asg_json_event_t event = asg_json_next(json);

    if (event != ASG_JSON_ARRAY) {
        return asg_members_fault(json);
    }
    while ((event = asg_json_next(json)) == ASG_JSON_OBJECT) {
        group_parts_t parts;
        asg_err_t rc;

        if (name->ngroups == ASG_CATALOG_CANDIDATES_MAX) {
            return ASG_ERR_LIMIT;
        }
        memset(&parts, 0, sizeof(parts));
        rc = asg_members_read(json, scratch, ASG_MEMBERS(group_members),
                              &parts);
        if (rc == ASG_OK) {
            rc = group_add(name, &parts);
        }
        if (rc != ASG_OK) {
            return rc;
        }
    }
    return event == ASG_JSON_ARRAY_END ? ASG_OK : asg_members_fault(json);
}

/* Without groups the candidates are tried as they stand, each once. */
static bool groups_settle(asg_public_name_t *name)
{
    unsigned n = 0;

    if (name->ngroups == 0) {
        for (unsigned i = 0; i < name->ncandidates; i++) {
            name->groups[i] = (asg_group_t) {.n = 1};
        }
        name->ngroups = name->ncandidates;
    }
    for (unsigned i = 0; i < name->ngroups; i++) {
        n += name->groups[i].n;
    }
    for (unsigned i = 0; i < name->ncandidates; i++) {
        name->weights[i] = name->weights[i] > 0 ? name->weights[i] : 1;
    }
    return n == name->ncandidates;
}

static bool candidates_exist(const asg_catalog_t *c,
    const asg_public_name_t *name)
{
    for (unsigned i = 0; i < name->ncandidates; i++) {
        if (name->candidates[i] >= c->nmodels) {
            return false;
        }
    }
    return name->ncandidates >= 1;
}

static asg_err_t read_name(asg_json_t *json, asg_str_t text,
    const asg_catalog_t *c, asg_public_name_t *out)
{
    asg_public_name_t name;
    const asg_model_t *first;
    bool is_route;
    asg_err_t rc;

    memset(&name, 0, sizeof(name));
    rc = asg_members_read_text(json, text, NULL, ASG_MEMBERS(name_members),
                               &name);
    if (rc != ASG_OK) {
        return rc;
    }
    if (!asg_catalog_is_name(name.name) || !candidates_exist(c, &name)
        || !groups_settle(&name) || name.groups[0].on_context)
    {
        return ASG_ERR_RANGE;
    }
    first = &c->models[name.candidates[0]];
    is_route = asg_str_eq(name.name, first->route);
    name.ref = !name.alias && !is_route && asg_str_eq(name.name, first->ref);
    name.alias = !name.ref;
    *out = name;
    return ASG_OK;
}

asg_err_t asg_catalog_read_names(asg_json_t *json, asg_str_t list,
    asg_catalog_t *c)
{
    asg_str_t text;

    while (asg_outline_next(&list, &text)) {
        asg_err_t rc = read_name(json, text, c, &c->names[c->nnames]);

        if (rc != ASG_OK) {
            return rc;
        }
        c->nnames++;
    }
    return asg_catalog_sort(c->names, c->nnames) ? ASG_OK : ASG_ERR_RANGE;
}
