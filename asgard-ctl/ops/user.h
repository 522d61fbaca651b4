/*
 * People: created by an administrator, whose word for an address counts.
 *
 * Names and addresses are kept in lower case and belong to one person each.
 * Nobody is ever removed, for the audit log names them: they are made inactive,
 * which ends their sessions, tokens and agents at once.
 */
#ifndef CTL_USER_H
#define CTL_USER_H

#include "base/config.h"
#include "ops/change.h"

#define CTL_USER_NAME_MAX  64
#define CTL_USER_SHOWN_MAX 200

/* A row as the API shows it; texts are of the arena. */
struct ctl_user {
    const char *id, *username, *email, *display_name, *provider, *role;
    bool active;
    const char *created_at;
};

struct ctl_user_input {
    const char *username, *email, *role;
    const char *display_name;           /* NULL: the username */
    const char *password;               /* NULL: none, so no login */
};

/* 409 conflict that names username or email; 400 invalid_value. */
bool ctl_user_create(struct ctl_change *c, const struct ctl_config *config,
    const struct ctl_user_input *in, struct ctl_user *out,
    struct ctl_error *e);
/* 404 user_not_found. */
bool ctl_user_get(struct ctl_pg *pg, struct ctl_arena *arena, const char *id,
    struct ctl_user *out, struct ctl_error *e);
/* By name; *password: the stored hash, or NULL. */
bool ctl_user_find(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *username, struct ctl_user *out, const char **password,
    bool *found, struct ctl_error *e);
/* Ascending by id after `after` ("" from the first); *more: not all. */
bool ctl_user_list(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *after, unsigned limit, struct ctl_user **out, unsigned *n,
    bool *more, struct ctl_error *e);

bool ctl_user_set_role(struct ctl_change *c, const char *id, const char *role,
    struct ctl_error *e);
bool ctl_user_set_active(struct ctl_change *c, const char *id, bool active,
    struct ctl_error *e);

/* 400 by the field. */
bool ctl_user_password_fits(const char *password, const char *field,
    struct ctl_error *e);
/* Ends their sessions, and not their tokens.  404. */
bool ctl_user_set_password(struct ctl_change *c,
    const struct ctl_config *config, const char *id, const char *password,
    const char *action, struct ctl_error *e);
/* By an administrator, of another person. */
bool ctl_user_reset_password(struct ctl_change *c,
    const struct ctl_config *config, const char *id, const char *password,
    struct ctl_error *e);

/* Half of the threads may be busy with passwords. */
unsigned ctl_user_passwords_at_once(const struct ctl_config *config);

#endif
