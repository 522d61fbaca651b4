/*
 * Agents: programs that act for a person, known apart from them.
 *
 * An agent sees and asks what its human may in projects that they own or
 * manage; whatever it asks is asked by them too.  It has one kind of token, of
 * the scopes request and read, so it decides nothing.  It ends with its human.
 */
#ifndef CTL_AGENT_H
#define CTL_AGENT_H

#include "ops/token.h"

#define CTL_AGENTS_MAX   100            /* active ones of one person */
#define CTL_AGENT_SCOPES (CTL_SCOPE_READ | CTL_SCOPE_REQUEST)

/* A row as the API shows it; texts are of the arena. */
struct ctl_agent {
    const char *id, *name, *owner_id, *created_at;
    bool active;
};

/* With its token, whose `text` is to be wiped after use. */
bool ctl_agent_create(struct ctl_change *c, const struct ctl_principal *who,
    const char *name, int64_t ttl_days, char text[CTL_CREDENTIAL_TEXT],
    struct ctl_agent *out, struct ctl_token *token, struct ctl_error *e);
/* The caller's, ascending by id after `after`; *more: not all. */
bool ctl_agent_list(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_principal *who, const char *after, unsigned limit,
    struct ctl_agent **out, unsigned *n, bool *more, struct ctl_error *e);
/* The caller's, or for an administrator any: its tokens open nothing from then
 * on.  404 agent_not_found. */
bool ctl_agent_retire(struct ctl_change *c, const struct ctl_principal *who,
    const char *id, struct ctl_error *e);

#endif
