/*
 * Groups of approvers: who is in them, by the word of an administrator.
 *
 * Which group must agree to what is the policy's (policy/decide.h); a group
 * without members is not asked.  A member who is not active does not count, but
 * the group is asked all the same.
 */
#ifndef CTL_APPROVERS_H
#define CTL_APPROVERS_H

#include "ops/change.h"
#include "policy/approval.h"

#define CTL_APPROVERS_MAX 100           /* in a group */

/* *out: a JSON list of {user_id, username, active, added_by, added_at}. */
bool ctl_approvers_list(struct ctl_pg *pg, struct ctl_arena *arena,
    enum ctl_approvers group, const char **out, struct ctl_error *e);

/* Who is in it already stays.  400 by the field `username` for nobody's, or of
 * somebody who is not active; 409 conflict beyond CTL_APPROVERS_MAX. */
bool ctl_approvers_add(struct ctl_change *c, enum ctl_approvers group,
    const char *username, struct ctl_error *e);
/* By id or username; 404 approver_not_found.  403 self_approval of who waits
 * for the group with a request of their own. */
bool ctl_approvers_remove(struct ctl_change *c, enum ctl_approvers group,
    const char *member, struct ctl_error *e);

#endif
