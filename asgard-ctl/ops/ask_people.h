/*
 * Whom a request concerns, as queries over its id ($1): user_id, username,
 * email, power and, of deciders, groups of
 * people with an account.
 */
#ifndef CTL_ASK_PEOPLE_H
#define CTL_ASK_PEOPLE_H

#define CTL_ASK_DECIDERS_MAX 250        /* both groups, and then some */

#define CTL_ASK_PEOPLE_NUMBER(n)   #n
#define CTL_ASK_PEOPLE_LIMIT(most) CTL_ASK_PEOPLE_NUMBER(most)

/* Whose yes would count for something that it lacks: administrators, the
 * manager unless it was handed up or they own the project, members of the
 * groups that it names; nobody who asked, nobody who has approved. */
#define CTL_ASK_DECIDERS \
    "SELECT user_id, username, email, power, groups FROM (" \
    " SELECT u.user_id, u.username, u.email, t.lacks, CASE" \
    "  WHEN u.role = 'admin' THEN 'admin'" \
    "  WHEN u.email_verified AND u.email = p.manager_email" \
    "   AND u.email <> p.owner_email AND r.state <> 'reviewing'" \
    "  THEN 'manager' ELSE 'member' END AS power, ARRAY(" \
    "  SELECT v.group_name FROM approvers v WHERE v.user_id = u.user_id" \
    "   AND r.group_rules ? v.group_name AND u.email <> p.owner_email" \
    "   ORDER BY 1) AS groups" \
    " FROM requests r JOIN projects p USING (project_id)" \
    "  CROSS JOIN LATERAL request_tally(r.request_id) t, users u" \
    " WHERE r.request_id = $1::uuid AND u.active" \
    " AND (u.role = 'admin' OR u.email = p.manager_email OR u.user_id IN" \
    "  (SELECT user_id FROM approvers))" \
    " AND r.person <> 'user:' || u.user_id" \
    " AND NOT EXISTS (SELECT 1 FROM request_approvals a" \
    "  WHERE a.request_id = r.request_id AND a.user_id = u.user_id)) who" \
    " WHERE lacks & (CASE power WHEN 'admin' THEN 3 WHEN 'manager' THEN 1" \
    "  ELSE 0 END | CASE WHEN 'platform' = ANY (groups) THEN 4 ELSE 0 END" \
    "  | CASE WHEN 'security' = ANY (groups) THEN 8 ELSE 0 END) <> 0" \
    " ORDER BY power = 'admin', power, username LIMIT " \
    CTL_ASK_PEOPLE_LIMIT(CTL_ASK_DECIDERS_MAX)

/* Who asked, or whose agent did. */
#define CTL_ASK_REQUESTER \
    "SELECT u.user_id, u.username, u.email, 'requester' AS power" \
    " FROM requests r JOIN users u ON r.person = 'user:' || u.user_id" \
    " WHERE r.request_id = $1::uuid AND u.active"

#endif
