/*
 * Whom a request concerns, as queries over its id ($1): user_id, username,
 * email and power of people with an account.
 */
#ifndef CTL_ASK_PEOPLE_H
#define CTL_ASK_PEOPLE_H

#define CTL_ASK_DECIDERS_MAX 20

#define CTL_ASK_PEOPLE_NUMBER(n)   #n
#define CTL_ASK_PEOPLE_LIMIT(most) CTL_ASK_PEOPLE_NUMBER(most)

/* Administrators, and the manager unless it was handed up or they own the
 * project; nobody who asked, nobody who has approved. */
#define CTL_ASK_DECIDERS \
    "SELECT u.user_id, u.username, u.email, CASE WHEN u.role = 'admin'" \
    "  THEN 'admin' ELSE 'manager' END AS power" \
    " FROM requests r JOIN projects p USING (project_id), users u" \
    " WHERE r.request_id = $1::uuid AND u.active" \
    " AND (u.role = 'admin' OR (u.email_verified" \
    "  AND u.email = p.manager_email AND u.email <> p.owner_email" \
    "  AND r.state <> 'reviewing'))" \
    " AND r.person <> 'user:' || u.user_id" \
    " AND NOT EXISTS (SELECT 1 FROM request_approvals a" \
    "  WHERE a.request_id = r.request_id AND a.user_id = u.user_id)" \
    " ORDER BY power DESC, username LIMIT " \
    CTL_ASK_PEOPLE_LIMIT(CTL_ASK_DECIDERS_MAX)

/* Who asked, or whose agent did. */
#define CTL_ASK_REQUESTER \
    "SELECT u.user_id, u.username, u.email, 'requester' AS power" \
    " FROM requests r JOIN users u ON r.person = 'user:' || u.user_id" \
    " WHERE r.request_id = $1::uuid AND u.active"

#endif
