/*
 * Sessions in Postgres: only their SHA-256.
 */
#include "ops/session.h"

#include "ops/principal.h"


/* Those that are over, and the oldest beyond what a person may have. */
static bool
remove_old(struct ctl_change *c, const struct ctl_config *config,
    const char *user_id, struct ctl_error *e)
{
    const char *age = ctl_arena_printf(c->arena, "%lld",
                                       (long long) config->session_max_age_s);
    const char *kept = ctl_arena_printf(c->arena, "%d", CTL_SESSIONS_MAX - 1);

    return CTL_PG(c->pg, c->arena, NULL, e,
        "DELETE FROM sessions WHERE user_id = $1::uuid"
        " AND (created_at <= now() - $2::bigint * interval '1 second'"
        " OR session_id IN (SELECT session_id FROM sessions"
        " WHERE user_id = $1::uuid ORDER BY created_at DESC, session_id"
        " OFFSET $3::bigint))", user_id, age, kept);
}


bool
ctl_session_open(struct ctl_change *c, const struct ctl_config *config,
    const char *user_id, char text[CTL_CREDENTIAL_TEXT], struct ctl_error *e)
{
    const char *sha;
    struct ctl_rows rows;

    if (!remove_old(c, config, user_id, e)
        || !ctl_credential_make(CTL_SESSION_PREFIX, text, e))
    {
        return false;
    }
    sha = ctl_credential_sha(c->arena, asg_str_z(text));
    if (sha == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return CTL_PG(c->pg, c->arena, &rows, e,
               "INSERT INTO sessions (sha256, user_id)"
               " VALUES ($1::bytea, $2::uuid) RETURNING session_id",
               sha, user_id)
           && ctl_change_audit(c, "session.opened", "session",
                               ctl_rows_at(&rows, 0, 0), user_id, NULL, NULL,
                               e);
}


bool
ctl_session_end(struct ctl_change *c, const char *session_id,
    const char *user_id, struct ctl_error *e)
{
    return CTL_PG(c->pg, c->arena, NULL, e,
               "DELETE FROM sessions WHERE session_id = $1::uuid", session_id)
           && ctl_change_audit(c, "session.ended", "session", session_id,
                               user_id, NULL, NULL, e);
}


bool
ctl_session_end_text(struct ctl_change *c, asg_str_t text,
    struct ctl_error *e)
{
    const char *sha = ctl_credential_sha(c->arena, text);

    return sha != NULL
           ? CTL_PG(c->pg, c->arena, NULL, e,
                 "DELETE FROM sessions WHERE sha256 = $1::bytea", sha)
           : ctl_error_internal(e, "out of memory");
}
