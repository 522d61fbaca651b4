/*
 * Access tokens (asg_pat_…): minted once, shown once, kept as a digest.
 *
 * A token belongs to the operator (`admin bootstrap`), a person or an agent.
 * What a token mints has no scope that it lacks and does not outlive it; to
 * revoke it revokes all that it minted.
 */
#ifndef CTL_TOKEN_H
#define CTL_TOKEN_H

#include "ops/change.h"
#include "ops/credential.h"
#include "policy/access.h"

#define CTL_TOKENS_MAX    100           /* live ones of one owner */
#define CTL_TOKEN_DAYS_MAX 3650

/* A row as the API shows it; texts are of the arena. */
struct ctl_token {
    const char *id, *name, *suffix, *created_at;
    const char *expires_at, *revoked_at;        /* NULL: none */
    unsigned scopes;
};

/* Of an operator; `ttl_s` 0: no end.  `text` gets the token: wipe it after
 * use. */
bool ctl_token_mint_operator(struct ctl_change *c, const char *name,
    int64_t ttl_s, char text[CTL_CREDENTIAL_TEXT], struct ctl_error *e);

struct ctl_token_input {
    const char *name;
    const char *agent_id;               /* NULL: the caller's own */
    int64_t ttl_days;                   /* 0: as long as the caller's */
    unsigned scopes;                    /* never more than the caller's */
};

/* 403 insufficient_scope; 409 too_many when there are CTL_TOKENS_MAX. */
bool ctl_token_mint(struct ctl_change *c, const struct ctl_principal *who,
    const struct ctl_token_input *in, char text[CTL_CREDENTIAL_TEXT],
    struct ctl_token *out, struct ctl_error *e);

/* The caller's own, ascending by id after `after`; *more: not all. */
bool ctl_token_list(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_principal *who, const char *after, unsigned limit,
    struct ctl_token **out, unsigned *n, bool *more, struct ctl_error *e);

/* The caller's, one of an agent of theirs, or for an administrator any; 404
 * token_not_found.  Repeatable. */
bool ctl_token_revoke(struct ctl_change *c, const struct ctl_principal *who,
    const char *id, struct ctl_error *e);

#endif
