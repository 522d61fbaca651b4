/*
 * Project keys: minted once, shown once, known by their digest.
 */
#ifndef CTL_KEY_H
#define CTL_KEY_H

#include "core/keyfile.h"
#include "ops/budget.h"
#include "ops/change.h"
#include "ops/credential.h"
#include "ops/limits.h"

/* Of clients: addresses or CIDRs (core/network.h). */
struct ctl_key_networks {
    bool given;
    const char **items;                 /* none: any address */
    unsigned n;
};

struct ctl_key_input {
    const char *name;
    const char *expires_at;             /* RFC 3339, NULL: never */
    const char *not_before;             /* the same, NULL: at once */
    struct ctl_key_networks networks;
    const char **models;                /* NULL: all */
    unsigned nmodels;
    const struct ctl_budget_list *budgets;      /* NULL or empty: none */
    asg_str_t aliases;                  /* raw JSON, alias.h; null: none */
    struct ctl_limits limits;
};

struct ctl_key {
    const char *id, *name, *prefix, *created_at;
    const char *expires_at, *revoked_at, *last_used_at;     /* NULL: none */
    const char *aliases;                /* JSON object, alias.h */
    const char *not_before;             /* NULL: at once */
    const char *networks;               /* JSON list */
    const char *limits[ASG_LIMIT_COUNT];        /* digits, NULL: none */
};

/* `text` gets the key itself: wipe it after use.  404, 403. */
bool ctl_key_mint(struct ctl_change *c, const asg_keyfile_t *peppers,
    const char *project_id, const struct ctl_key_input *in,
    char text[CTL_CREDENTIAL_TEXT], const char **key_id, const char **prefix,
    struct ctl_error *e);
/* Oldest first, after `after` (an id, "" from the first). */
bool ctl_key_list(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *project_id, const char *after, unsigned limit,
    struct ctl_key **out, unsigned *n, bool *more, struct ctl_error *e);
bool ctl_key_get(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *project_id, const char *key_id, struct ctl_key *out,
    struct ctl_error *e);

/* All its names for models anew, the null string changes nothing; all its
 * networks anew, and those limits that are given. */
struct ctl_key_patch {
    asg_str_t aliases;
    struct ctl_key_networks networks;
    struct ctl_limits limits;
};

bool ctl_key_patch(struct ctl_change *c, const char *project_id,
    const char *key_id, const struct ctl_key_patch *patch,
    struct ctl_error *e);
/* `project_id` NULL: whichever it belongs to (break-glass).  Repeatable. */
bool ctl_key_revoke(struct ctl_change *c, const char *project_id,
    const char *key_id, struct ctl_error *e);

#endif
