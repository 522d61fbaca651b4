/*
 * Groups: who a project belongs to, and who pays unless the project says.
 *
 * With none declared any name is accepted at registration; from the first on
 * only those that are declared.  A project without a group is always accepted.
 * The group of a project never changes: it decides the project's partition, so
 * that all budgets of a call stand in one.
 */
#ifndef CTL_GROUP_H
#define CTL_GROUP_H

#include "core/rkey.h"
#include "ops/change.h"

#define CTL_GROUPS_MAX      1000
#define CTL_GROUP_SHOWN_MAX 200
#define CTL_GROUP_COST_MAX  64

/* A row as the API shows it; texts are of the arena, times RFC 3339. */
struct ctl_group {
    const char *key, *display_name, *cost_center, *created_at;
};

/* `cost_center` NULL: the key.  400 invalid_value; 409 conflict for a key that
 * is there, and beyond CTL_GROUPS_MAX. */
bool ctl_group_create(struct ctl_change *c, const struct ctl_group *in,
    struct ctl_group *out, struct ctl_error *e);
/* Ascending by key: all of them. */
bool ctl_group_list(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_group **out, unsigned *n, struct ctl_error *e);

/* Until the end of the change no project is registered in a group, and nothing
 * else changes that is known of groups. */
bool ctl_group_lock(struct ctl_change *c, struct ctl_error *e);

/* In the transaction of a registration: 400 by the field `group` for a name
 * that is not accepted; it may be NULL.  *cost_center: the group's, NULL of
 * none. */
bool ctl_group_check(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *key, const char **cost_center, struct ctl_error *e);

#endif
