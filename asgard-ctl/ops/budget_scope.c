/*
 * Finding a scope, and its first budget.
 */
#include "ops/budget_scope.h"

#include <string.h>

#include "core/alias.h"
#include "core/rkey.h"
#include "ops/group.h"
#include "ops/project.h"

#define KEY_CHARS  36                   /* of a key's id */

/* project, budget: a row where there is such a scope. */
static const struct scope {
    const char *name, *sql;
    bool (*create)(struct ctl_change *c, struct ctl_budget_scope *s,
        const struct ctl_budget_list *list, struct ctl_error *e);
} *scope_find(const char *name);


bool
ctl_budget_scope_absent(const char *scope, struct ctl_error *e)
{
    if (strcmp(scope, "key") == 0 || strcmp(scope, "model") == 0) {
        return ctl_error_set(e, 404, "key_not_found",
                             "There is no key with this id.");
    }
    if (strcmp(scope, "group") == 0) {
        return ctl_error_set(e, 404, "group_not_found",
                             "There is no group with this key.");
    }

    return ctl_project_absent(e);
}


/* From now on the key's calls name its budget. */
static bool
key_create(struct ctl_change *c, struct ctl_budget_scope *s,
    const struct ctl_budget_list *list, struct ctl_error *e)
{
    const char *key_id;
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "UPDATE keys k SET budgeted = true, version = k.version + 1"
            " FROM projects p WHERE key_id::text = lower($1)"
            " AND p.project_id = k.project_id AND NOT budgeted"
            " RETURNING key_id, k.project_id, partition, k.version",
            s->scope_id))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_error_set(e, 409, "conflict",
                             "The key got a budget at the same time.");
    }
    key_id = ctl_rows_at(&rows, 0, 0);

    return ctl_budget_create(c, "key", key_id, ctl_rows_at(&rows, 0, 1),
                             (int) ctl_rows_i64(&rows, 0, 2), list, e)
           && ctl_change_send(c, CTL_OUTBOX_KEY, key_id,
                              ctl_rows_i64(&rows, 0, 3), e);
}


/* From now on the calls of the group's projects name its budget.  Whoever
 * registers a project in it waits, and finds the budget. */
static bool
group_create(struct ctl_change *c, struct ctl_budget_scope *s,
    const struct ctl_budget_list *list, struct ctl_error *e)
{
    int part = (int) asg_partition_of(asg_str_z(s->scope_id));
    struct ctl_rows rows;

    if (!ctl_group_lock(c, e)
        || !CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT FROM budgets WHERE scope = 'group' AND scope_id = $1",
            s->scope_id))
    {
        return false;
    }
    if (rows.nrows > 0) {
        return ctl_error_set(e, 409, "conflict",
                             "The group got a budget at the same time.");
    }

    return ctl_budget_create(c, "group", s->scope_id, NULL, part, list, e)
           && ctl_project_changed_group(c, s->scope_id, e);
}


/* The key's row is locked. */
static bool
models_have_room(struct ctl_change *c, const char *key_id, const char *id,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT count(*), coalesce(sum(octet_length(scope_id) - 35"
            " + octet_length(budget_id)), 0) + octet_length($2) - 17"
            " FROM budgets WHERE scope = 'model'"
            " AND project_id = (SELECT project_id FROM keys"
            " WHERE key_id::text = $1) AND left(scope_id, 36) = $1",
            key_id, id))
    {
        return false;
    }

    return (ctl_rows_i64(&rows, 0, 0) < CTL_BUDGET_MODELS_MAX
            && ctl_rows_i64(&rows, 0, 1) <= ASG_ALIASES_BYTES)
           || ctl_error_set(e, 409, "conflict",
                            "A key has budgets for at most %d models, whose "
                            "names together are below %d bytes.",
                            CTL_BUDGET_MODELS_MAX, ASG_ALIASES_BYTES);
}


/* "<key id>/<model>": the key's record names all such budgets of it, packed as
 * core/record.h says.  What was spent before is none of it. */
static bool
model_create(struct ctl_change *c, struct ctl_budget_scope *s,
    const struct ctl_budget_list *list, struct ctl_error *e)
{
    const char *id, *key_id;
    struct ctl_rows rows;

    if (!asg_alias_is_model_name(asg_str_z(s->scope_id + KEY_CHARS + 1))) {
        return ctl_error_field(e, "invalid_value", "scope_id",
                               "scope_id must be the id of a key, a slash and "
                               "the name or ref of a model.");
    }
    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "UPDATE keys k SET version = k.version + 1 FROM projects p"
            " WHERE key_id::text = lower(left($1, 36))"
            " AND p.project_id = k.project_id"
            " RETURNING key_id, k.project_id, partition, k.version,"
            " key_id || substr($1, 37)", s->scope_id))
    {
        return false;
    }
    key_id = ctl_rows_at(&rows, 0, 0);
    id = ctl_rows_at(&rows, 0, 4);

    return models_have_room(c, key_id, id, e)
           && ctl_budget_create(c, "model", id, ctl_rows_at(&rows, 0, 1),
                                (int) ctl_rows_i64(&rows, 0, 2), list, e)
           && ctl_change_send(c, CTL_OUTBOX_KEY, key_id,
                              ctl_rows_i64(&rows, 0, 3), e);
}


static const struct scope scopes[] = {
    {"project", "SELECT project_id, 'p.' || project_id FROM projects"
        " WHERE project_id = $1", NULL},
    {"key", "SELECT project_id, (SELECT budget_id FROM budgets"
        " WHERE budget_id = 'k.' || key_id) FROM keys"
        " WHERE key_id::text = lower($1)", key_create},
    {"group", "SELECT NULL, (SELECT budget_id FROM budgets"
        " WHERE scope = 'group' AND scope_id = $1)"
        " WHERE EXISTS (SELECT FROM groups WHERE group_key = $1)"
        " OR EXISTS (SELECT FROM projects WHERE group_key = $1)",
        group_create},
    {"model", "SELECT project_id, (SELECT budget_id FROM budgets"
        " WHERE scope = 'model' AND scope_id = key_id || substr($1, 37))"
        " FROM keys WHERE key_id::text = lower(left($1, 36))"
        " AND substr($1, 37, 1) = '/'", model_create}
};


static const struct scope *
scope_find(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        if (strcmp(scopes[i].name, name) == 0) {
            return &scopes[i];
        }
    }

    return NULL;
}


bool
ctl_budget_scope_find(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *scope, const char *scope_id, struct ctl_budget_scope *out,
    struct ctl_error *e)
{
    const struct scope *known = scope_find(scope);
    struct ctl_rows rows;

    if (known == NULL) {
        return ctl_error_field(e, "invalid_value", "scope",
                               "scope must be project, key, group or model.");
    }
    if (!CTL_PG(pg, arena, &rows, e, known->sql, scope_id)) {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_budget_scope_absent(scope, e);
    }
    *out = (struct ctl_budget_scope) {
        scope, scope_id, ctl_rows_at(&rows, 0, 0), ctl_rows_at(&rows, 0, 1)
    };

    return true;
}


bool
ctl_budget_scope_set(struct ctl_change *c, struct ctl_budget_scope *s,
    const struct ctl_budget_list *list, struct ctl_error *e)
{
    const struct ctl_budget_list none = {.n = 0};
    struct ctl_project p;

    if (s->project_id != NULL
        && !ctl_project_lock_live(c, s->project_id, &p, e))
    {
        return false;
    }
    if (list->n > CTL_BUDGET_SHARED_WINDOWS && strcmp(s->scope, "project") != 0
        && strcmp(s->scope, "key") != 0)
    {
        return ctl_error_field(e, "invalid_value", "budgets",
                               "A budget of a %s has at most %d windows.",
                               s->scope, CTL_BUDGET_SHARED_WINDOWS);
    }
    if (s->budget_id != NULL) {
        return ctl_budget_replace(c, s->budget_id, list, e);
    }

    return scope_find(s->scope)->create(c, s, list, e)
           && ctl_budget_scope_find(c->pg, c->arena, s->scope, s->scope_id, s,
                                    e)
           && ctl_budget_note(c, s->budget_id, &none, e);
}
