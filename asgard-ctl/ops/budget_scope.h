/*
 * Scopes: whose a budget is.
 *
 * A project always has one.  A key, a group and a key's model (`<key>/<model>`,
 * its name or ref) get theirs when it is first set, and their calls are held
 * against it from then on; what a key or a group had spent before it opens with
 * (opening.h).  All budgets that a call touches stand in one
 * partition: of a group and of all its projects it follows from the group's
 * name, and a project never changes its group.
 *
 * An end user of a project (`<project>/<id>`, core/end_user.h) may have one of
 * its own; all others have the default, with `*` for the id, each its counters,
 * which reserve makes (core/lua/part/end_user.lua).
 */
#ifndef CTL_BUDGET_SCOPE_H
#define CTL_BUDGET_SCOPE_H

#include "core/alias.h"
#include "core/end_user.h"
#include "core/keyfile.h"
#include "ops/budget.h"

#define CTL_BUDGET_MODELS_MAX      16   /* of a key */
/* Windows of a group and of a model, `total` not counted: a call's record has
 * room for the windows of all its budgets (the module's journal.h). */
#define CTL_BUDGET_SHARED_WINDOWS  4
#define CTL_BUDGET_USERS_MAX       1000 /* end users with one of their own */
#define CTL_BUDGET_USERS_LONGEST_S (31 * 86400)
#define CTL_BUDGET_SCOPE_ID_MAX    (ASG_ID_MAX + 1 + ASG_END_USER_SAID)

struct ctl_budget_scope {
    const char *scope, *scope_id;       /* as they were given */
    const char *project_id;             /* NULL: a group's */
    const char *budget_id;              /* NULL: there is none yet */
};

/* 400 by `scope` for one that there is not.  404 project_not_found,
 * key_not_found, group_not_found: of the last, no project is in it and it was
 * not declared. */
bool ctl_budget_scope_find(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *scope, const char *scope_id, struct ctl_budget_scope *out,
    struct ctl_error *e);
/* The 404 of find(). */
bool ctl_budget_scope_absent(const char *scope, struct ctl_error *e);

/* The list anew; s->budget_id is set when true is returned.  403
 * project_inactive. */
bool ctl_budget_scope_set(struct ctl_change *c, struct ctl_budget_scope *s,
    const struct ctl_budget_list *list, struct ctl_error *e);

/* Of the scope end_user: is it the default's, or has it an id and no name? */
bool ctl_budget_scope_is_public(const char *scope_id);
/* Of the scope end_user: a name in it becomes the id that is written down. */
bool ctl_budget_scope_of_user(struct ctl_arena *arena,
    const asg_keyfile_t *peppers, const char **scope_id, struct ctl_error *e);

#endif
