/*
 * Signing in with a name and a password.
 *
 * Every attempt is counted before the password is looked at, so attempts at
 * once are not cheaper than one after the other.  CTL_LOGIN_FAILURES of one
 * name from one address, and that name is refused from that address (an IPv6
 * address: from its /64) for CTL_LOGIN_LOCK_S; from elsewhere it is not.  A
 * name that nobody has is counted, takes its time and is answered like any
 * other.
 */
#ifndef CTL_LOGIN_H
#define CTL_LOGIN_H

#include "base/config.h"
#include "ops/credential.h"
#include "ops/user.h"

#define CTL_LOGIN_FAILURES 5
#define CTL_LOGIN_LOCK_S   300

struct ctl_login {
    const char *username, *password;
    uint64_t network;                   /* that the client is in */
    asg_str_t before;                   /* a session's token that this one
                                         * replaces; null: none */
};

/* Makes its own changes.  401 bad_credentials; 429 login_locked, with
 * *retry_after_s.  `text` gets the session's token: wipe it after use. */
bool ctl_login(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_config *config, const char *trace_id,
    const struct ctl_login *in, char text[CTL_CREDENTIAL_TEXT],
    struct ctl_user *user, int *retry_after_s, struct ctl_error *e);

/* A person's own, who knows the old one: counted like an attempt to sign in,
 * for a session may be somebody else's by now.  `in` is of the person, with the
 * old password.  It ends all their sessions. */
bool ctl_login_change(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_config *config, const char *trace_id,
    const char *user_id, const struct ctl_login *in, const char *password,
    int *retry_after_s, struct ctl_error *e);

#endif
