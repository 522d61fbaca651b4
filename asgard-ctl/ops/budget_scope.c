/*
 * Finding a scope, and its first budget.
 */
#include "ops/budget_scope.h"

#include <string.h>

#include <openssl/crypto.h>

#include "core/alias.h"
#include "core/end_user.h"
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


/* A default has nothing that never ends, and nothing longer than a month: that
 * bounds how long anybody is kept in mind. */
static bool
default_is_short(const struct ctl_budget_list *list, struct ctl_error *e)
{
    const struct ctl_budget_window *w;
    asg_window_t window;
    unsigned i;

    for (i = 0; i < list->n; i++) {
        w = &list->windows[i];
        if (asg_window_parse(asg_str_z(w->name), &window) != ASG_OK
            || (window.kind == ASG_WINDOW_TOTAL && !w->unlimited)
            || (window.kind == ASG_WINDOW_PERIOD
                && window.length_s > CTL_BUDGET_USERS_LONGEST_S))
        {
            return ctl_error_field(e, "invalid_value", "budgets", "The default "
                                   "budget of end users has windows of at most "
                                   "31 days or 1mo, and no limit on total; "
                                   "name an end user for these.");
        }
    }

    return true;
}


static bool
is_default(const char *scope_id)
{
    return strcmp(strchr(scope_id, '/'), "/*") == 0;
}


/* From now on the project's calls name a budget of their end users: the default
 * stands beside the first of them, without a limit where none was wanted.  The
 * project's row is locked. */
static bool
default_ensure(struct ctl_change *c, const char *project_id, int part,
    struct ctl_error *e)
{
    const struct ctl_budget_list none = {.n = 0};
    const char *id = ctl_arena_printf(c->arena, "%s/*", project_id);
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT count(*), count(*) FILTER (WHERE scope_id = $2)"
            " FROM budgets WHERE scope = 'end_user' AND project_id = $1",
            project_id, id))
    {
        return false;
    }
    if (ctl_rows_i64(&rows, 0, 0) > CTL_BUDGET_USERS_MAX) {
        return ctl_error_set(e, 409, "conflict", "A project has budgets of at "
                             "most %d named end users.", CTL_BUDGET_USERS_MAX);
    }

    return ctl_rows_i64(&rows, 0, 1) > 0
           || (ctl_budget_create(c, "end_user", id, project_id, part,
                                 &none, e)
               && ctl_project_changed(c, project_id, e));
}


static bool
end_user_create(struct ctl_change *c, struct ctl_budget_scope *s,
    const struct ctl_budget_list *list, struct ctl_error *e)
{
    struct ctl_rows rows;
    int part;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT partition FROM projects WHERE project_id = $1",
            s->project_id))
    {
        return false;
    }
    part = (int) ctl_rows_i64(&rows, 0, 0);
    if (is_default(s->scope_id)) {
        return ctl_budget_create(c, "end_user", s->scope_id, s->project_id,
                                 part, list, e)
               && ctl_project_changed(c, s->project_id, e);
    }

    return default_ensure(c, s->project_id, part, e)
           && ctl_budget_create(c, "end_user", s->scope_id, s->project_id,
                                part, list, e);
}


bool
ctl_budget_scope_is_public(const char *scope_id)
{
    const char *slash = strchr(scope_id, '/');

    return slash != NULL
           && (is_default(scope_id)
               || asg_end_user_is_id(asg_str_z(slash + 1)));
}


bool
ctl_budget_scope_of_user(struct ctl_arena *arena, const asg_keyfile_t *peppers,
    const char **scope_id, struct ctl_error *e)
{
    const asg_named_key_t *pepper = &peppers->peppers[peppers->npeppers - 1];
    const char *slash = strchr(*scope_id, '/');
    char id[ASG_END_USER_CHARS + 1];
    asg_key_pads_t pads;
    asg_str_t project;
    asg_err_t err;

    if (slash == NULL) {
        return ctl_error_field(e, "invalid_value", "scope_id", "scope_id must "
                               "be a project's id, a slash, and the name or "
                               "id of an end user, or *.");
    }
    if (ctl_budget_scope_is_public(*scope_id)) {
        return true;
    }
    project = (asg_str_t) {*scope_id, (size_t) (slash - *scope_id)};
    asg_key_pads_init(&pads, pepper->secret, sizeof(pepper->secret));
    err = asg_end_user_id(&pads, project, asg_str_z(slash + 1), id);
    OPENSSL_cleanse(&pads, sizeof(pads));
    if (err != ASG_OK) {
        return ctl_error_field(e, "invalid_value", "scope_id", "scope_id names "
                               "no end user.");
    }
    *scope_id = ctl_arena_printf(arena, "%.*s/%s", (int) project.len,
                                 project.data, id);

    return *scope_id != NULL || ctl_error_internal(e, "out of memory");
}


static const struct scope scopes[] = {
    {"end_user", "SELECT project_id, (SELECT budget_id FROM budgets"
        " WHERE scope = 'end_user' AND scope_id = $1) FROM projects"
        " WHERE strpos($1, '/') > 0"
        " AND project_id = split_part($1, '/', 1)", end_user_create},
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
                               "scope must be project, key, group, model or "
                               "end_user.");
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
    if (strcmp(s->scope, "end_user") == 0 && is_default(s->scope_id)
        && !default_is_short(list, e))
    {
        return false;
    }
    if (s->budget_id != NULL) {
        return ctl_budget_replace(c, s->budget_id, list, e);
    }

    return scope_find(s->scope)->create(c, s, list, e)
           && ctl_budget_scope_find(c->pg, c->arena, s->scope, s->scope_id, s,
                                    e)
           && ctl_budget_note(c, s->budget_id, &none, e);
}
