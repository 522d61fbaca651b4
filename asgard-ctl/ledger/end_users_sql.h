/*
 * Budgets of end users, in SQL: what they are called.
 *
 * As core/end_user.h has it: the budget of `who` in a project is "e." and the
 * beginning of the SHA-256 of "<project>/<who>"; who `*` is the default of all
 * that have none of their own.
 */
#ifndef CTL_END_USERS_SQL_H
#define CTL_END_USERS_SQL_H

#define CTL_END_USER_OF(project, who) \
    "'e.' || left(encode(sha256(convert_to(" project " || '/' || " who "," \
    " 'UTF8')), 'hex'), 16)"

#define CTL_END_USERS_OF(project)  CTL_END_USER_OF(project, "'*'")

#endif
