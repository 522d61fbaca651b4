/*
 * From a credential to who it is.
 */
#include "ops/principal.h"

#include <string.h>

#include "ledger/time_text.h"
#include "ops/credential.h"

/* How often a session's last use is written, seconds. */
#define SEEN_STEP_S "30"

#define PERSON "u.user_id, u.username, u.role," \
    " CASE WHEN u.email_verified THEN u.email END," \
    " (SELECT coalesce(sum(CASE group_name WHEN 'platform' THEN 4" \
    "  WHEN 'security' THEN 8 END), 0) FROM approvers v" \
    "  WHERE v.user_id = u.user_id)"

/* A token that is good now, found by `column` ($1). */
#define TOKEN(column) \
    "SELECT t.token_id, t.role, t.scopes::text, " \
    CTL_TIME_ISO("t.expires_at") ", a.agent_id, a.name, " PERSON \
    " FROM tokens t LEFT JOIN agents a ON a.agent_id = t.agent_id" \
    " LEFT JOIN users u ON u.user_id = coalesce(t.user_id, a.owner_id)" \
    " WHERE " column " AND t.revoked_at IS NULL" \
    " AND (t.expires_at IS NULL OR t.expires_at > now())" \
    " AND (t.role IS NOT NULL OR u.active)" \
    " AND (t.agent_id IS NULL OR a.active)"

/* A session likewise; $2 is how old it may be, $3 how long unused. */
#define SESSION(column) \
    "SELECT s.session_id, s.seen_at < now() - least($3::bigint / 4," \
    " " SEEN_STEP_S ") * interval '1 second', " \
    CTL_TIME_ISO("s.created_at + $2::bigint * interval '1 second'") \
    ", " PERSON \
    " FROM sessions s JOIN users u ON u.user_id = s.user_id" \
    " WHERE " column " AND u.active" \
    " AND s.created_at > now() - $2::bigint * interval '1 second'" \
    " AND s.seen_at > now() - $3::bigint * interval '1 second'"


unsigned
ctl_principal_scopes(const char *text)
{
    unsigned found = 0;
    enum ctl_scope scope;

    for (scope = CTL_SCOPE_READ; scope <= CTL_SCOPE_ADMIN; scope <<= 1) {
        if (strstr(text, ctl_scope_name(scope)) != NULL) {
            found |= scope;
        }
    }

    return found;
}


/* Columns of PERSON from `col` on. */
static bool
person_fill(const struct ctl_rows *rows, unsigned col,
    struct ctl_principal *out, struct ctl_error *e)
{
    out->user_id = ctl_rows_at(rows, 0, col);
    out->id = out->user_id;
    out->name = ctl_rows_at(rows, 0, col + 1);
    out->email = ctl_rows_at(rows, 0, col + 3);
    out->groups = (unsigned) ctl_rows_i64(rows, 0, col + 4);

    return ctl_user_role_parse(ctl_rows_at(rows, 0, col + 2), &out->role)
           || ctl_error_internal(e, "a user of no role");
}


static bool
token_fill(const struct ctl_rows *rows, struct ctl_principal *out,
    struct ctl_error *e)
{
    const char *agent = ctl_rows_at(rows, 0, 4);

    out->token_id = ctl_rows_at(rows, 0, 0);
    out->scopes = ctl_principal_scopes(ctl_rows_at(rows, 0, 2));
    out->expires_at = ctl_rows_at(rows, 0, 3);
    if (ctl_rows_at(rows, 0, 1) != NULL) {
        out->kind = CTL_PRINCIPAL_OPERATOR;
        out->role = CTL_USER_ADMIN;
        out->id = out->token_id;
        return true;
    }
    out->kind = agent != NULL ? CTL_PRINCIPAL_AGENT : CTL_PRINCIPAL_PERSON;
    if (!person_fill(rows, 6, out, e)) {
        return false;
    }
    if (agent != NULL) {
        out->groups = 0;
        out->id = agent;
        out->name = ctl_rows_at(rows, 0, 5);
    }

    return true;
}


bool
ctl_principal_of_token(struct ctl_pg *pg, struct ctl_arena *arena,
    asg_str_t token, struct ctl_principal *out, struct ctl_error *e)
{
    const char *sha = ctl_credential_sha(arena, token);
    struct ctl_rows rows;

    memset(out, 0, sizeof(*out));
    if (sha == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return CTL_PG(pg, arena, &rows, e, TOKEN("t.sha256 = $1::bytea"), sha)
           && (rows.nrows == 0 || token_fill(&rows, out, e));
}


/* The first row is a session. */
static bool
session_fill(const struct ctl_rows *rows, struct ctl_principal *out,
    struct ctl_error *e)
{
    out->kind = CTL_PRINCIPAL_PERSON;
    out->scopes = CTL_SCOPES_ALL;
    out->session_id = ctl_rows_at(rows, 0, 0);
    out->expires_at = ctl_rows_at(rows, 0, 2);

    return person_fill(rows, 3, out, e);
}


/* `sql` is SESSION(), `by` its $1. */
static bool
session_find(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_config *config, const char *sql, const char *by,
    struct ctl_rows *rows, struct ctl_error *e)
{
    const char *idle = ctl_arena_printf(arena, "%lld",
                                        (long long) config->session_idle_s);
    const char *age = ctl_arena_printf(arena, "%lld",
                                       (long long) config->session_max_age_s);

    if (by == NULL || idle == NULL || age == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return CTL_PG(pg, arena, rows, e, sql, by, age, idle);
}


bool
ctl_principal_of_session(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_config *config, asg_str_t token,
    struct ctl_principal *out, struct ctl_error *e)
{
    const char *sha = ctl_credential_sha(arena, token);
    struct ctl_rows rows;

    memset(out, 0, sizeof(*out));
    if (!session_find(pg, arena, config, SESSION("s.sha256 = $1::bytea"), sha,
                      &rows, e))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return true;
    }

    return session_fill(&rows, out, e)
           && (strcmp(ctl_rows_at(&rows, 0, 1), "t") != 0
               || CTL_PG(pg, arena, NULL, e,
                   "UPDATE sessions SET seen_at = now()"
                   " WHERE session_id = $1::uuid", out->session_id));
}


bool
ctl_principal_now(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_config *config, const char *token_id,
    const char *session_id, struct ctl_principal *out, struct ctl_error *e)
{
    struct ctl_rows rows;

    memset(out, 0, sizeof(*out));
    if (session_id == NULL) {
        return CTL_PG(pg, arena, &rows, e, TOKEN("t.token_id = $1::uuid"),
                      token_id)
               && (rows.nrows == 0 || token_fill(&rows, out, e));
    }

    return session_find(pg, arena, config, SESSION("s.session_id = $1::uuid"),
                        session_id, &rows, e)
           && (rows.nrows == 0 || session_fill(&rows, out, e));
}


bool
ctl_principal_of_user(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *user_id, struct ctl_principal *out, struct ctl_error *e)
{
    struct ctl_rows rows;

    memset(out, 0, sizeof(*out));
    if (!CTL_PG(pg, arena, &rows, e, "SELECT " PERSON " FROM users u"
                " WHERE u.user_id = $1::uuid AND u.active", user_id))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return true;
    }
    out->kind = CTL_PRINCIPAL_PERSON;
    out->scopes = CTL_SCOPES_ALL;

    return person_fill(&rows, 0, out, e);
}


const char *
ctl_principal_actor(struct ctl_arena *arena, const struct ctl_principal *who)
{
    static const char *const kinds[] = {
        [CTL_PRINCIPAL_NONE] = "anonymous",
        [CTL_PRINCIPAL_OPERATOR] = "token", [CTL_PRINCIPAL_PERSON] = "user",
        [CTL_PRINCIPAL_AGENT] = "agent"
    };

    return ctl_arena_printf(arena, "%s:%s", kinds[who->kind],
                            who->id != NULL ? who->id : "");
}


bool
ctl_principal_relation(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_principal *who, const char *project_id, bool *exists,
    unsigned *relation, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT CASE WHEN owner_email = $2 THEN 1 ELSE 0 END"
            " + CASE WHEN manager_email = $2 THEN 2 ELSE 0 END"
            " FROM projects WHERE project_id = $1", project_id, who->email))
    {
        return false;
    }
    *exists = rows.nrows == 1;
    *relation = *exists ? (unsigned) ctl_rows_i64(&rows, 0, 0)
                        : CTL_RELATION_NONE;

    return true;
}
