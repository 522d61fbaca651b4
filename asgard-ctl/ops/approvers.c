/*
 * Groups of approvers in Postgres.
 */
#include "ops/approvers.h"

#include <string.h>

#include "ledger/time_text.h"
#include "ops/notice.h"


bool
ctl_approvers_list(struct ctl_pg *pg, struct ctl_arena *arena,
    enum ctl_approvers group, const char **out, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT coalesce(jsonb_agg(jsonb_build_object("
            " 'user_id', user_id, 'username', username, 'active', active,"
            " 'added_by', added_by, 'added_at', " CTL_TIME_ISO("added_at") ")"
            " ORDER BY username), '[]') FROM approvers JOIN users"
            " USING (user_id) WHERE group_name = $1",
            ctl_approvers_name(group)))
    {
        return false;
    }
    *out = ctl_rows_at(&rows, 0, 0);

    return true;
}


/* `members`: how many there are then; none, and the group is asked no more. */
static bool
tell(struct ctl_change *c, const char *action, enum ctl_approvers group,
    const char *user_id, const char *username, struct ctl_error *e)
{
    const char *name = ctl_approvers_name(group);
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT count(*) FROM approvers WHERE group_name = $1", name))
    {
        return false;
    }

    return ctl_change_audit(c, action, "approvers", name, user_id, NULL,
        ctl_audit_data(c->arena, (const struct ctl_audit_field[]) {
            {"username", username},
            {"members", ctl_rows_at(&rows, 0, 0)}}, 2), e);
}


/* Those who change one group wait for each other. */
static bool
check_room(struct ctl_change *c, const char *name, struct ctl_error *e)
{
    struct ctl_rows rows;

    return CTL_PG(c->pg, c->arena, NULL, e,
               "SELECT pg_advisory_xact_lock(hashtextextended($1, 50))", name)
           && CTL_PG(c->pg, c->arena, &rows, e,
               "SELECT count(*) FROM approvers WHERE group_name = $1", name)
           && (ctl_rows_i64(&rows, 0, 0) < CTL_APPROVERS_MAX
               || ctl_error_set(e, 409, "conflict",
                                "The group has %d members, and takes no "
                                "more.", CTL_APPROVERS_MAX));
}


bool
ctl_approvers_add(struct ctl_change *c, enum ctl_approvers group,
    const char *username, struct ctl_error *e)
{
    const char *name = ctl_approvers_name(group);
    struct ctl_rows user, added;

    if (!CTL_PG(c->pg, c->arena, &user, e, "SELECT user_id, username"
                " FROM users WHERE username = lower($1) AND active", username))
    {
        return false;
    }
    if (user.nrows == 0) {
        return ctl_error_field(e, "invalid_value", "username",
                               "There is nobody of this name, or their "
                               "account is not active.");
    }
    if (!check_room(c, name, e)
        || !CTL_PG(c->pg, c->arena, &added, e,
               "INSERT INTO approvers (group_name, user_id, added_by)"
               " VALUES ($1, $2::uuid, $3) ON CONFLICT DO NOTHING"
               " RETURNING 1", name, ctl_rows_at(&user, 0, 0), c->actor))
    {
        return false;
    }

    return added.nrows == 0
           || (tell(c, "approvers.added", group, ctl_rows_at(&user, 0, 0),
                    ctl_rows_at(&user, 0, 1), e)
               && ctl_notice_newcomer(c, ctl_rows_at(&user, 0, 0), e));
}


/* Who waits for the group would wait for fewer without its member. */
static bool
check_asks_nothing(struct ctl_change *c, const char *name,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (c->person == NULL) {
        return true;
    }

    return CTL_PG(c->pg, c->arena, &rows, e,
               "SELECT 1 FROM requests WHERE group_rules ? $1"
               " AND person = 'user:' || $2 AND state IN ('requested',"
               " 'reviewing', 'flagged') LIMIT 1", name, c->person)
           && (rows.nrows == 0
               || ctl_error_set(e, 403, "self_approval",
                                "You wait for this group's agreement "
                                "yourself; another administrator takes its "
                                "members out."));
}


bool
ctl_approvers_remove(struct ctl_change *c, enum ctl_approvers group,
    const char *member, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!check_asks_nothing(c, ctl_approvers_name(group), e)
        || !CTL_PG(c->pg, c->arena, &rows, e,
            "DELETE FROM approvers v USING users u WHERE u.user_id = v.user_id"
            " AND v.group_name = $1 AND lower($2) IN (u.user_id::text,"
            " u.username) RETURNING u.user_id, u.username",
            ctl_approvers_name(group), member))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_error_set(e, 404, "approver_not_found",
                             "The group has no such member.");
    }

    return tell(c, "approvers.removed", group, ctl_rows_at(&rows, 0, 0),
                ctl_rows_at(&rows, 0, 1), e);
}
