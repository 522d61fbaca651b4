/*
 * People in Postgres.
 */
#include "ops/user.h"

#include <string.h>

#include "ledger/time_text.h"
#include "ops/email.h"
#include "ops/notice.h"
#include "ops/password.h"
#include "policy/access.h"

#define SQL_SHOWN \
    "SELECT user_id, username, email, display_name, provider, role, active, " \
    CTL_TIME_ISO("created_at") ", password FROM users"
#define COLUMN_PASSWORD 8


static bool
check_username(const char *name, struct ctl_error *e)
{
    size_t i;

    for (i = 0; (name[i] >= 'a' && name[i] <= 'z')
                || (name[i] >= 'A' && name[i] <= 'Z')
                || (name[i] >= '0' && name[i] <= '9')
                || (i > 0 && name[i] != '\0'
                    && strchr("._@-", name[i]) != NULL); i++) { }

    return (name[i] == '\0' && i > 0 && i <= CTL_USER_NAME_MAX)
           || ctl_error_field(e, "invalid_value", "username",
                              "username must be 1 to %d of letters, digits, "
                              "dot, dash, underscore and @, and begin with a "
                              "letter or digit.", CTL_USER_NAME_MAX);
}


static bool
check_shown(const char *name, struct ctl_error *e)
{
    size_t i;

    for (i = 0; (unsigned char) name[i] >= 0x20 && name[i] != 0x7f; i++) { }

    return name[i] == '\0'
           || ctl_error_field(e, "invalid_value", "display_name",
                              "display_name must not hold control "
                              "characters.");
}


static bool
check_role(const char *role, struct ctl_error *e)
{
    enum ctl_user_role known;

    return ctl_user_role_parse(role, &known)
           || ctl_error_field(e, "invalid_value", "role",
                              "role must be admin, finance or member.");
}


bool
ctl_user_password_fits(const char *password, const char *field,
    struct ctl_error *e)
{
    return strlen(password) >= CTL_PASSWORD_MIN
           || ctl_error_field(e, "invalid_value", field,
                              "%s must have at least %d bytes.", field,
                              CTL_PASSWORD_MIN);
}


unsigned
ctl_user_passwords_at_once(const struct ctl_config *config)
{
    return config->api_threads > 3 ? config->api_threads / 2 : 1;
}


static void
user_fill(struct ctl_user *u, const struct ctl_rows *rows, unsigned i)
{
    u->id = ctl_rows_at(rows, i, 0);
    u->username = ctl_rows_at(rows, i, 1);
    u->email = ctl_rows_at(rows, i, 2);
    u->display_name = ctl_rows_at(rows, i, 3);
    u->provider = ctl_rows_at(rows, i, 4);
    u->role = ctl_rows_at(rows, i, 5);
    u->active = strcmp(ctl_rows_at(rows, i, 6), "t") == 0;
    u->created_at = ctl_rows_at(rows, i, 7);
}


/* The constraint's name becomes the field's. */
static bool
name_conflict(struct ctl_error *e)
{
    const char *field = strcmp(e->param, "users_email") == 0 ? "email"
                                                             : "username";

    if (strcmp(e->code, "conflict") != 0) {
        return false;
    }
    ctl_error_field(e, "conflict", field, "Somebody has this %s already.",
                    field);
    e->status = 409;

    return false;
}


bool
ctl_user_create(struct ctl_change *c, const struct ctl_config *config,
    const struct ctl_user_input *in, struct ctl_user *out,
    struct ctl_error *e)
{
    const char *shown = in->display_name != NULL && in->display_name[0] != '\0'
                        ? in->display_name : in->username;
    const char *hash = NULL;
    struct ctl_rows rows;

    if (!check_username(in->username, e)
        || !ctl_email_check("email", in->email, e) || !check_shown(shown, e)
        || !check_role(in->role, e)
        || (in->password != NULL
            && !ctl_user_password_fits(in->password, "password", e)))
    {
        return false;
    }
    if (in->password != NULL) {
        hash = ctl_password_hash(c->arena, in->password,
                                 ctl_user_passwords_at_once(config), e);
        if (hash == NULL) {
            return false;
        }
    }
    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "INSERT INTO users (username, email, email_verified,"
            " display_name, role, password)"
            " VALUES (lower($1), lower($2), true, $3, $4, $5)"
            " RETURNING user_id", in->username, in->email, shown, in->role,
            hash))
    {
        return name_conflict(e);
    }

    return ctl_user_get(c->pg, c->arena, ctl_rows_at(&rows, 0, 0), out, e)
           && ctl_change_audit(c, "user.created", "user", out->id, NULL, NULL,
                ctl_audit_data(c->arena, (const struct ctl_audit_field[]) {
                    {"username", out->username}, {"email", out->email},
                    {"role", out->role}}, 3), e)
           && ctl_notice_newcomer(c, out->id, e);
}


bool
ctl_user_get(struct ctl_pg *pg, struct ctl_arena *arena, const char *id,
    struct ctl_user *out, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            SQL_SHOWN " WHERE user_id::text = lower($1)", id))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_error_set(e, 404, "user_not_found",
                             "There is no user with this id.");
    }
    user_fill(out, &rows, 0);

    return true;
}


bool
ctl_user_find(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *username, struct ctl_user *out, const char **password,
    bool *found, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            SQL_SHOWN " WHERE username = lower($1)", username))
    {
        return false;
    }
    *found = rows.nrows == 1;
    if (*found) {
        user_fill(out, &rows, 0);
        *password = ctl_rows_at(&rows, 0, COLUMN_PASSWORD);
    }

    return true;
}


bool
ctl_user_list(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *after, unsigned limit, struct ctl_user **out, unsigned *n,
    bool *more, struct ctl_error *e)
{
    const char *most = ctl_arena_printf(arena, "%u", limit + 1);
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(pg, arena, &rows, e,
            SQL_SHOWN " WHERE user_id::text > lower($1)"
            " ORDER BY user_id::text LIMIT $2", after, most))
    {
        return false;
    }
    *more = rows.nrows > limit;
    *n = *more ? limit : rows.nrows;
    *out = ctl_arena_alloc(arena, (*n + 1) * sizeof(**out));
    for (i = 0; *out != NULL && i < *n; i++) {
        user_fill(&(*out)[i], &rows, i);
    }

    return *out != NULL || ctl_error_internal(e, "out of memory");
}


/* "actor" is "<kind>:<id>". */
static bool
check_not_self(const struct ctl_change *c, const struct ctl_user *u,
    const char *what, struct ctl_error *e)
{
    const char *colon = strchr(c->actor, ':');

    return colon == NULL || strcmp(colon + 1, u->id) != 0
           || ctl_error_set(e, 403, "forbidden",
                            "Nobody changes their own %s; ask another "
                            "administrator.", what);
}


bool
ctl_user_set_role(struct ctl_change *c, const char *id, const char *role,
    struct ctl_error *e)
{
    struct ctl_user u;

    return check_role(role, e) && ctl_user_get(c->pg, c->arena, id, &u, e)
           && check_not_self(c, &u, "role", e)
           && CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE users SET role = $2 WHERE user_id = $1::uuid", u.id,
               role)
           && ctl_change_audit(c, "user.role", "user", u.id, NULL, NULL,
                ctl_audit_data(c->arena, (const struct ctl_audit_field[]) {
                    {"before", u.role}, {"role", role}}, 2), e)
           && (strcmp(role, u.role) == 0
               || ctl_notice_newcomer(c, u.id, e));
}


bool
ctl_user_set_active(struct ctl_change *c, const char *id, bool active,
    struct ctl_error *e)
{
    struct ctl_user u;

    return ctl_user_get(c->pg, c->arena, id, &u, e)
           && check_not_self(c, &u, "account", e)
           && CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE users SET active = $2::boolean"
               " WHERE user_id = $1::uuid", u.id, active ? "t" : "f")
           && CTL_PG(c->pg, c->arena, NULL, e,
               "DELETE FROM sessions WHERE user_id = $1::uuid", u.id)
           && ctl_change_audit(c, active ? "user.activated"
                                         : "user.deactivated",
                               "user", u.id, NULL, NULL, NULL, e)
           && (!active || ctl_notice_newcomer(c, u.id, e));
}


bool
ctl_user_set_password(struct ctl_change *c, const struct ctl_config *config,
    const char *id, const char *password, const char *action,
    struct ctl_error *e)
{
    struct ctl_user u;
    const char *hash;

    if (!ctl_user_get(c->pg, c->arena, id, &u, e)) {
        return false;
    }
    hash = ctl_password_hash(c->arena, password,
                             ctl_user_passwords_at_once(config), e);

    return hash != NULL
           && CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE users SET password = $2 WHERE user_id = $1::uuid",
               u.id, hash)
           && CTL_PG(c->pg, c->arena, NULL, e,
               "DELETE FROM sessions WHERE user_id = $1::uuid", u.id)
           && ctl_change_audit(c, action, "user", u.id, NULL, NULL, NULL, e);
}


bool
ctl_user_reset_password(struct ctl_change *c,
    const struct ctl_config *config, const char *id, const char *password,
    struct ctl_error *e)
{
    struct ctl_user u;

    return ctl_user_password_fits(password, "password", e)
           && ctl_user_get(c->pg, c->arena, id, &u, e)
           && check_not_self(c, &u, "password here", e)
           && ctl_user_set_password(c, config, id, password,
                                    "user.password_reset", e);
}
