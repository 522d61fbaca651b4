/*
 * Access tokens in Postgres.
 */
#include "ops/token.h"

#include <string.h>

#include "ledger/time_text.h"
#include "ops/principal.h"

#define PREFIX "asg_pat_"

#define SHOWN \
    "token_id, name, suffix, " CTL_TIME_ISO("created_at") ", " \
    CTL_TIME_ISO("expires_at") ", " CTL_TIME_ISO("revoked_at") \
    ", scopes::text"


/* The text itself, what is stored of it, and what may be shown of it. */
static bool
token_make(struct ctl_change *c, char text[CTL_CREDENTIAL_TEXT],
    const char **sha, const char **suffix, struct ctl_error *e)
{
    size_t len;

    if (!ctl_credential_make(PREFIX, text, e)) {
        return false;
    }
    len = strlen(text);
    *sha = ctl_credential_sha(c->arena, (asg_str_t) {text, len});
    *suffix = ctl_arena_text(c->arena, text + len - CTL_CREDENTIAL_SUFFIX,
                             CTL_CREDENTIAL_SUFFIX);

    return (*sha != NULL && *suffix != NULL)
           || ctl_error_internal(e, "out of memory");
}


bool
ctl_token_mint_operator(struct ctl_change *c, const char *name,
    int64_t ttl_s, char text[CTL_CREDENTIAL_TEXT], struct ctl_error *e)
{
    const char *sha, *suffix, *ttl;
    struct ctl_rows rows;

    if (!token_make(c, text, &sha, &suffix, e)) {
        return false;
    }
    ttl = ttl_s > 0 ? ctl_arena_printf(c->arena, "%lld", (long long) ttl_s)
                    : NULL;

    return CTL_PG(c->pg, c->arena, &rows, e,
               "INSERT INTO tokens (name, sha256, suffix, role, expires_at)"
               " VALUES ($1, $2::bytea, $3, 'admin',"
               " now() + $4::bigint * interval '1 second')"
               " RETURNING token_id", name, sha, suffix, ttl)
           && ctl_change_audit(c, "token.minted", "token",
                               ctl_rows_at(&rows, 0, 0), NULL, NULL, NULL, e);
}


/* "{read,request}" */
static const char *
scopes_text(struct ctl_arena *arena, unsigned scopes)
{
    const char *text = "{", *comma = "";
    enum ctl_scope scope;

    for (scope = CTL_SCOPE_READ; scope <= CTL_SCOPE_ADMIN && text != NULL;
         scope <<= 1)
    {
        if ((scopes & scope) != 0) {
            text = ctl_arena_printf(arena, "%s%s%s", text, comma,
                                    ctl_scope_name(scope));
            comma = ",";
        }
    }

    return text != NULL ? ctl_arena_printf(arena, "%s}", text) : NULL;
}


static void
token_fill(struct ctl_token *t, const struct ctl_rows *rows, unsigned i)
{
    t->id = ctl_rows_at(rows, i, 0);
    t->name = ctl_rows_at(rows, i, 1);
    t->suffix = ctl_rows_at(rows, i, 2);
    t->created_at = ctl_rows_at(rows, i, 3);
    t->expires_at = ctl_rows_at(rows, i, 4);
    t->revoked_at = ctl_rows_at(rows, i, 5);
    t->scopes = ctl_principal_scopes(ctl_rows_at(rows, i, 6));
}


/* Whose it will be: an agent's, the operator's, or the person's. */
struct belongs {
    const char *role, *user_id, *agent_id;
};


static struct belongs
belongs_to(const struct ctl_principal *who, const char *agent_id)
{
    struct belongs b = {NULL, NULL, agent_id};

    if (agent_id == NULL && who->kind == CTL_PRINCIPAL_OPERATOR) {
        b.role = ctl_user_role_name(CTL_USER_ADMIN);
    } else if (agent_id == NULL) {
        b.user_id = who->user_id;
    }

    return b;
}


/* The row of the person makes those who mint at once wait for each other. */
static bool
check_room(struct ctl_change *c, const struct belongs *b,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (b->user_id == NULL) {
        return true;
    }
    if (!CTL_PG(c->pg, c->arena, NULL, e,
            "SELECT 1 FROM users WHERE user_id = $1::uuid FOR UPDATE",
            b->user_id)
        || !CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT count(*) FROM tokens WHERE user_id = $1::uuid"
            " AND revoked_at IS NULL"
            " AND (expires_at IS NULL OR expires_at > now())", b->user_id))
    {
        return false;
    }

    return ctl_rows_i64(&rows, 0, 0) < CTL_TOKENS_MAX
           || ctl_error_set(e, 409, "too_many",
                            "There are %d tokens already; revoke one first.",
                            CTL_TOKENS_MAX);
}


bool
ctl_token_mint(struct ctl_change *c, const struct ctl_principal *who,
    const struct ctl_token_input *in, char text[CTL_CREDENTIAL_TEXT],
    struct ctl_token *out, struct ctl_error *e)
{
    struct belongs b = belongs_to(who, in->agent_id);
    const char *sha, *suffix, *scopes = scopes_text(c->arena, in->scopes);
    const char *days = in->ttl_days == 0 ? NULL
        : ctl_arena_printf(c->arena, "%lld", (long long) in->ttl_days);
    struct ctl_rows rows;

    if (!ctl_access_covers(who, in->scopes)) {
        return ctl_error_set(e, 403, "insufficient_scope",
                             "A token gives no scope that it has not itself.");
    }
    if (scopes == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!check_room(c, &b, e) || !token_make(c, text, &sha, &suffix, e)
        || !CTL_PG(c->pg, c->arena, &rows, e,
            "INSERT INTO tokens (name, sha256, suffix, role, user_id,"
            " agent_id, scopes, minted_by, expires_at)"
            " VALUES ($1, $2::bytea, $3, $4, $5::uuid, $6::uuid,"
            " $7::text[], $8::uuid, least(now() + $9::int * interval '1 day',"
            " (SELECT expires_at FROM tokens WHERE token_id = $8::uuid)))"
            " RETURNING " SHOWN, in->name, sha, suffix, b.role, b.user_id,
            b.agent_id, scopes, who->token_id, days))
    {
        return false;
    }
    token_fill(out, &rows, 0);

    return ctl_change_audit(c, "token.minted", "token", out->id,
                            in->agent_id, NULL,
                ctl_audit_data(c->arena, (const struct ctl_audit_field[]) {
                    {"name", in->name}, {"scopes", scopes},
                    {"expires_at", out->expires_at}}, 3), e);
}


bool
ctl_token_list(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_principal *who, const char *after, unsigned limit,
    struct ctl_token **out, unsigned *n, bool *more, struct ctl_error *e)
{
    struct belongs b = belongs_to(who, NULL);
    const char *most = ctl_arena_printf(arena, "%u", limit + 1);
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT " SHOWN " FROM tokens"
            " WHERE (user_id = $1::uuid OR role = $2)"
            " AND token_id::text > lower($3)"
            " ORDER BY token_id::text LIMIT $4",
            b.user_id, b.role, after, most))
    {
        return false;
    }
    *more = rows.nrows > limit;
    *n = *more ? limit : rows.nrows;
    *out = ctl_arena_alloc(arena, (*n + 1) * sizeof(**out));
    for (i = 0; *out != NULL && i < *n; i++) {
        token_fill(&(*out)[i], &rows, i);
    }

    return *out != NULL || ctl_error_internal(e, "out of memory");
}


bool
ctl_token_revoke(struct ctl_change *c, const struct ctl_principal *who,
    const char *id, struct ctl_error *e)
{
    const char *any = ctl_access_is_admin(who) ? "t" : "f";
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT token_id FROM tokens t WHERE token_id::text = lower($1)"
            " AND ($3::boolean OR user_id = $2::uuid OR EXISTS (SELECT 1"
            " FROM agents a WHERE a.agent_id = t.agent_id"
            " AND a.owner_id = $2::uuid))", id, who->user_id, any))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_error_set(e, 404, "token_not_found",
                             "You have no token with this id.");
    }
    id = ctl_rows_at(&rows, 0, 0);

    return CTL_PG(c->pg, c->arena, NULL, e,
               "WITH RECURSIVE gone AS (SELECT $1::uuid AS token_id"
               " UNION SELECT t.token_id FROM tokens t JOIN gone g"
               " ON t.minted_by = g.token_id)"
               " UPDATE tokens SET revoked_at = coalesce(revoked_at, now())"
               " WHERE token_id IN (SELECT token_id FROM gone)", id)
           && ctl_change_audit(c, "token.revoked", "token", id, NULL, NULL,
                               NULL, e);
}
