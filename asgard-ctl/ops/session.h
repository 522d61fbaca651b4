/*
 * Sessions of people: begun by a password, ended by logout, by time, or with
 * the person.
 *
 * Limits are session_idle and session_max_age of the configuration, by the
 * database's clock.  A person has at most CTL_SESSIONS_MAX: a new one ends the
 * oldest.
 */
#ifndef CTL_SESSION_H
#define CTL_SESSION_H

#include "base/config.h"
#include "ops/change.h"
#include "ops/credential.h"

#define CTL_SESSIONS_MAX 50

/* `text` gets the session's token: wipe it after use. */
bool ctl_session_open(struct ctl_change *c, const struct ctl_config *config,
    const char *user_id, char text[CTL_CREDENTIAL_TEXT], struct ctl_error *e);
bool ctl_session_end(struct ctl_change *c, const char *session_id,
    const char *user_id, struct ctl_error *e);
/* The one of this token, if there is one. */
bool ctl_session_end_text(struct ctl_change *c, asg_str_t text,
    struct ctl_error *e);

#endif
