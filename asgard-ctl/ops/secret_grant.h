/*
 * Who may read which version of a secret, and that they did.
 *
 * api grants (after the gate said that the caller steers the project), in one
 * transaction with the audit entry; the keeper looks at the grant by itself
 * and opens.  A grant is of one principal and one version.  It counts from its
 * first opening, for ten minutes or until it is acknowledged; then the value is
 * to be had by a rotation alone.  Each opening uses up one audit entry: what
 * nobody recorded is not opened.  Plaintext never comes here.
 */
#ifndef CTL_SECRET_GRANT_H
#define CTL_SECRET_GRANT_H

#include "ops/change.h"
#include "ops/secret_store.h"

#define CTL_SECRET_READABLE_MIN 10
#define CTL_SECRET_NAME_MAX     168

/* Texts of the arena; NULL where there is none. */
struct ctl_secret_shown {
    const char *name, *path, *state;
    int64_t version;
    const char *resource_id, *output, *created_at, *ended_at;
    /* of the caller's grant */
    const char *first_read_at, *readable_until, *acknowledged_at;
};

struct ctl_secret_grant {
    const char *id;
    struct ctl_secret_ref ref;
};

/* Each name once, as its newest version is; ascending after `after`. */
bool ctl_secret_list(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *project_id, const char *principal, const char *after,
    unsigned limit, struct ctl_secret_shown **out, unsigned *n, bool *more,
    struct ctl_error *e);

/* For the caller, to the active version.  404 secret_not_found;
 * 410 secret_gone. */
bool ctl_secret_grant(struct ctl_change *c, const char *project_id,
    const char *name, struct ctl_secret_grant *out, struct ctl_error *e);
/* The caller has what they read: it is not to be read again.  `version` 0: the
 * active one.  404 secret_not_found; 409 secret_unread. */
bool ctl_secret_acknowledge(struct ctl_change *c, const char *project_id,
    const char *name, int64_t version, struct ctl_secret_shown *out,
    struct ctl_error *e);
/* After a grant was used: what the caller may know of it. */
bool ctl_secret_shown(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_secret_grant *grant, struct ctl_secret_shown *out,
    struct ctl_error *e);

/* 410, in the words of who reads. */
bool ctl_secret_gone(struct ctl_error *e);

/* In the keeper: uses the grant once.  410 secret_gone; 403 forbidden of
 * one that is not there, or that the audit log does not know. */
bool ctl_secret_grant_use(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *grant_id, int64_t version, struct ctl_secret_ref *out,
    struct ctl_error *e);

#endif
