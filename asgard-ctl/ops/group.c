/*
 * Groups in Postgres.
 */
#include "ops/group.h"

#include <string.h>

#include "ledger/time_text.h"

#define SQL_SHOWN \
    "SELECT group_key, display_name, cost_center, " \
    CTL_TIME_ISO("created_at") " FROM groups"

/* Held to the end of the transaction.  Whoever changes what is known of groups
 * waits for those who rely on it, and these for whoever changes it. */
#define SQL_RELY \
    "SELECT pg_advisory_xact_lock_shared(hashtextextended('groups', 0))"
#define SQL_CHANGE \
    "SELECT pg_advisory_xact_lock(hashtextextended('groups', 0))"


static bool
check_text(const char *text, const char *field, struct ctl_error *e)
{
    size_t i;

    for (i = 0; (unsigned char) text[i] >= 0x20 && text[i] != 0x7f; i++) { }

    return (i > 0 && text[i] == '\0')
           || ctl_error_field(e, "invalid_value", field,
                              "%s must not be empty or hold control "
                              "characters.", field);
}


static bool
check_key(const char *key, const char *field, struct ctl_error *e)
{
    return asg_id_is_valid(asg_str_z(key))
           || ctl_error_field(e, "invalid_value", field,
                              "%s must be 1 to 64 of letters, digits, dot, "
                              "dash and underscore.", field);
}


static void
group_fill(struct ctl_group *g, const struct ctl_rows *rows, unsigned i)
{
    g->key = ctl_rows_at(rows, i, 0);
    g->display_name = ctl_rows_at(rows, i, 1);
    g->cost_center = ctl_rows_at(rows, i, 2);
    g->created_at = ctl_rows_at(rows, i, 3);
}


/* After the lock: what is found stays so. */
static bool
check_room(struct ctl_change *c, const char *key, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT count(*), count(*) FILTER (WHERE group_key = $1)"
            " FROM groups", key))
    {
        return false;
    }
    if (ctl_rows_i64(&rows, 0, 1) > 0) {
        (void) ctl_error_field(e, "conflict", "key",
                               "There is a group with this key already.");
        e->status = 409;
        return false;
    }

    return ctl_rows_i64(&rows, 0, 0) < CTL_GROUPS_MAX
           || ctl_error_set(e, 409, "conflict",
                            "There are %d groups, and no more can be "
                            "declared.", CTL_GROUPS_MAX);
}


static bool
audit_declared(struct ctl_change *c, const struct ctl_group *g,
    struct ctl_error *e)
{
    const struct ctl_audit_field fields[] = {
        {"display_name", g->display_name}, {"cost_center", g->cost_center}
    };

    return ctl_change_audit(c, "group.declared", "group", g->key, NULL, NULL,
                            ctl_audit_data(c->arena, fields, 2), e);
}


bool
ctl_group_lock(struct ctl_change *c, struct ctl_error *e)
{
    return CTL_PG(c->pg, c->arena, NULL, e, SQL_CHANGE);
}


bool
ctl_group_create(struct ctl_change *c, const struct ctl_group *in,
    struct ctl_group *out, struct ctl_error *e)
{
    const char *cost = in->cost_center ? in->cost_center : in->key;
    struct ctl_rows rows;

    if (!check_key(in->key, "key", e)
        || !check_text(in->display_name, "display_name", e)
        || !check_text(cost, "cost_center", e)
        || !ctl_group_lock(c, e) || !check_room(c, in->key, e)
        || !CTL_PG(c->pg, c->arena, NULL, e,
               "INSERT INTO groups (group_key, display_name, cost_center)"
               " VALUES ($1, $2, $3)", in->key, in->display_name, cost)
        || !CTL_PG(c->pg, c->arena, &rows, e, SQL_SHOWN
                   " WHERE group_key = $1", in->key))
    {
        return false;
    }
    group_fill(out, &rows, 0);

    return audit_declared(c, out, e);
}


bool
ctl_group_list(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_group **out, unsigned *n, struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(pg, arena, &rows, e, SQL_SHOWN " ORDER BY group_key")) {
        return false;
    }
    *n = rows.nrows;
    *out = ctl_arena_alloc(arena, (rows.nrows + 1) * sizeof(**out));
    for (i = 0; *out != NULL && i < rows.nrows; i++) {
        group_fill(&(*out)[i], &rows, i);
    }

    return *out != NULL || ctl_error_internal(e, "out of memory");
}


bool
ctl_group_check(struct ctl_pg *pg, struct ctl_arena *arena, const char *key,
    const char **cost_center, struct ctl_error *e)
{
    struct ctl_rows rows;

    *cost_center = NULL;
    if (key == NULL) {
        return true;
    }
    if (!check_key(key, "group", e)
        || !CTL_PG(pg, arena, NULL, e, SQL_RELY)
        || !CTL_PG(pg, arena, &rows, e,
               "SELECT EXISTS (SELECT FROM groups),"
               " (SELECT cost_center FROM groups WHERE group_key = $1)", key))
    {
        return false;
    }
    *cost_center = ctl_rows_at(&rows, 0, 1);
    if (*cost_center == NULL && ctl_rows_at(&rows, 0, 0)[0] == 't') {
        return ctl_error_field(e, "invalid_value", "group",
                               "There is no group with this key; the groups "
                               "that there are stand in /api/groups.");
    }
    if (*cost_center == NULL) {
        *cost_center = key;
    }

    return true;
}
