/*
 * Whose credential this is, as of now: a token's, or a session's.
 *
 * Read at every request, so a role that was changed, a person who was made
 * inactive and a token that was revoked count at once.
 */
#ifndef CTL_PRINCIPAL_H
#define CTL_PRINCIPAL_H

#include "base/config.h"
#include "policy/access.h"
#include "store/pg.h"

#define CTL_SESSION_PREFIX "asg_ses_"

/* Texts of the arena.  kind NONE: nobody's, or no longer valid; no error. */
bool ctl_principal_of_token(struct ctl_pg *pg, struct ctl_arena *arena,
    asg_str_t token, struct ctl_principal *out, struct ctl_error *e);
/* Also notes that the session is in use. */
bool ctl_principal_of_session(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_config *config, asg_str_t token,
    struct ctl_principal *out, struct ctl_error *e);

/* Whose it is by now, of the one of the two that is not NULL: for what goes on
 * longer than a request.  A session is not in use by that. */
bool ctl_principal_now(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_config *config, const char *token_id,
    const char *session_id, struct ctl_principal *out, struct ctl_error *e);

/* Of a text[] as PostgreSQL writes it. */
unsigned ctl_principal_scopes(const char *text);

/* With all that they may, as if they had signed in; kind none: there is no such
 * account, or it is not active. */
bool ctl_principal_of_user(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *user_id, struct ctl_principal *out, struct ctl_error *e);

/* "operator" is shown as token:<id>, a person as user:<id>, an agent as
 * agent:<id>: the actor of the audit log. */
const char *ctl_principal_actor(struct ctl_arena *arena,
    const struct ctl_principal *who);

/* Whether the project exists, and what it is to the caller. */
bool ctl_principal_relation(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_principal *who, const char *project_id, bool *exists,
    unsigned *relation, struct ctl_error *e);

#endif
