/*
 * Counting attempts, looking at passwords, opening sessions.
 */
#include "ops/login.h"

#include <ctype.h>
#include <string.h>

#include "ops/password.h"
#include "ops/session.h"

#define NETWORK_DIGITS 20

struct attempt {
    struct ctl_pg *pg;
    struct ctl_arena *arena;
    const struct ctl_login *in;
    const char *who;                    /* bytea of the counter's row */
};


/* Only a digest is stored: people type passwords where names belong. */
static const char *
attempt_name(struct ctl_arena *arena, const struct ctl_login *in)
{
    size_t len = strlen(in->username), i;
    size_t cap = len + 1 + NETWORK_DIGITS;
    char *text = ctl_arena_alloc(arena, cap);
    asg_buf_t b;

    if (text == NULL) {
        return NULL;
    }
    asg_buf_init(&b, text, cap);
    asg_buf_put(&b, in->username, len);
    for (i = 0; i < len; i++) {
        text[i] = (char) tolower((unsigned char) text[i]);
    }
    asg_buf_put(&b, "", 1);
    asg_buf_u64(&b, in->network);

    return ctl_credential_sha(arena, asg_buf_view(&b));
}


/* As many failures as may be, and one more while it is locked. */
static bool
count_attempt(struct attempt *a, int *retry_after_s, struct ctl_error *e)
{
    const char *lock = ctl_arena_printf(a->arena, "%d", CTL_LOGIN_LOCK_S);
    const char *most = ctl_arena_printf(a->arena, "%d", CTL_LOGIN_FAILURES);
    struct ctl_rows rows;

    if (lock == NULL || most == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(a->pg, a->arena, NULL, e,
            "DELETE FROM login_attempts"
            " WHERE at <= now() - $1::int * interval '1 second'", lock)
        || !CTL_PG(a->pg, a->arena, &rows, e,
            "INSERT INTO login_attempts AS a (who, failures, at)"
            " VALUES ($1::bytea, 1, now()) ON CONFLICT (who) DO UPDATE SET"
            " failures = least(a.failures, $3::int) + 1,"
            " at = CASE WHEN a.failures < $3::int THEN now() ELSE a.at END"
            " RETURNING failures > $3::int, greatest(1, ceil(extract(epoch"
            " FROM at - now()) + $2::int))::int", a->who, lock, most))
    {
        return false;
    }
    if (strcmp(ctl_rows_at(&rows, 0, 0), "t") != 0) {
        return true;
    }
    *retry_after_s = (int) ctl_rows_i64(&rows, 0, 1);

    return ctl_error_set(e, 429, "login_locked",
                         "Too many failed attempts to sign in; wait %d "
                         "seconds.", *retry_after_s);
}


/* What an attempt came to is recorded whoever it was. */
static bool
refuse(struct ctl_change *c, const char *user_id, struct ctl_error *e)
{
    const struct ctl_audit_event event = {
        .actor = c->actor, .action = "session.refused", .entity_kind = "user",
        .entity_id = user_id != NULL ? user_id : "unknown",
        .trace_id = c->trace_id, .outcome = "denied"
    };

    return ctl_audit_write(c->pg, c->arena, &event, e)
           && ctl_change_commit(c, e)
           && ctl_error_set(e, 401, "bad_credentials",
                            "This name and this password do not belong "
                            "together.");
}


static bool
accept_person(struct ctl_change *c, const struct attempt *a,
    const struct ctl_config *config, const char *user_id,
    char text[CTL_CREDENTIAL_TEXT], struct ctl_error *e)
{
    c->actor = ctl_arena_printf(a->arena, "user:%s", user_id);

    return (c->actor != NULL || ctl_error_internal(e, "out of memory"))
           && (a->in->before.len == 0
               || ctl_session_end_text(c, a->in->before, e))
           && CTL_PG(c->pg, c->arena, NULL, e,
               "DELETE FROM login_attempts WHERE who = $1::bytea", a->who)
           && ctl_session_open(c, config, user_id, text, e)
           && ctl_change_commit(c, e);
}


bool
ctl_login(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_config *config, const char *trace_id,
    const struct ctl_login *in, char text[CTL_CREDENTIAL_TEXT],
    struct ctl_user *user, int *retry_after_s, struct ctl_error *e)
{
    struct attempt a = {pg, arena, in, attempt_name(arena, in)};
    const char *stored = NULL;
    struct ctl_change c;
    bool found, matches, ok;

    if (a.who == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!count_attempt(&a, retry_after_s, e)
        || !ctl_user_find(pg, arena, in->username, user, &stored, &found, e)
        || !ctl_password_check(found && user->active ? stored : NULL,
                               in->password,
                               ctl_user_passwords_at_once(config), &matches,
                               e)
        || !ctl_change_begin(&c, pg, arena, "anonymous:", trace_id, e))
    {
        return false;
    }
    ok = matches ? accept_person(&c, &a, config, user->id, text, e)
                 : refuse(&c, found ? user->id : NULL, e);
    ctl_change_abort(&c);

    return ok;
}


static bool
change_password(struct ctl_change *c, const struct attempt *a,
    const struct ctl_config *config, const char *user_id,
    const char *password, struct ctl_error *e)
{
    c->actor = ctl_arena_printf(a->arena, "user:%s", user_id);

    if (asg_str_eq_secret(asg_str_z(password), asg_str_z(a->in->password))) {
        return ctl_error_field(e, "invalid_value", "new_password",
                               "new_password must be another than the one "
                               "that it replaces.");
    }

    return (c->actor != NULL || ctl_error_internal(e, "out of memory"))
           && CTL_PG(c->pg, c->arena, NULL, e,
               "DELETE FROM login_attempts WHERE who = $1::bytea", a->who)
           && ctl_user_set_password(c, config, user_id, password,
                                    "user.password_changed", e)
           && ctl_change_commit(c, e);
}


bool
ctl_login_change(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_config *config, const char *trace_id,
    const char *user_id, const struct ctl_login *in, const char *password,
    int *retry_after_s, struct ctl_error *e)
{
    struct attempt a = {pg, arena, in, attempt_name(arena, in)};
    const char *stored = NULL;
    struct ctl_user user;
    struct ctl_change c;
    bool found, matches, ok;

    if (a.who == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!ctl_user_password_fits(password, "new_password", e)
        || !count_attempt(&a, retry_after_s, e)
        || !ctl_user_find(pg, arena, in->username, &user, &stored, &found, e)
        || !ctl_password_check(found ? stored : NULL, in->password,
                               ctl_user_passwords_at_once(config), &matches,
                               e)
        || !ctl_change_begin(&c, pg, arena, "anonymous:", trace_id, e))
    {
        return false;
    }
    ok = matches ? change_password(&c, &a, config, user_id, password, e)
                 : refuse(&c, user_id, e);
    ctl_change_abort(&c);

    return ok;
}
