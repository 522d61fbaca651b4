/*
 * Resources of a project: asked for, made, shown, ended.
 *
 * Each is asked for by a request (ops/ask.h); its effect writes the row before
 * anything is done, and a job for what runs its connector
 * (ops/resource_work.h).
 * Only the stub runs in asgard-ctl's own transaction.
 */
#ifndef CTL_RESOURCE_H
#define CTL_RESOURCE_H

#include "flow/resource_state.h"
#include "ops/ask.h"
#include "ops/ask_effect.h"
#include "ops/resource_gate.h"

/* A row; texts are of the arena. */
struct ctl_resource {
    const char *id, *number, *project_id, *rtype, *name;
    const char *spec, *outputs, *tags;  /* JSON */
    enum ctl_resource_state state;
    const char *state_name, *backend, *request_id, *error;
    const char *attempts, *next_retry_at, *created_at, *updated_at;
    const char *generation;
    const char *cost_source, *note;     /* of what is linked; NULL */
    bool dry_run, needs_attention;
    const char *est_monthly_nusd;       /* NULL: of what is linked, unknown */
    const char *actual_nusd;            /* NULL: not measured */
};

#define CTL_RESOURCE_CURSOR "9999999999999999"

/* *out: the request; its state says what became of it: fulfilled, waiting,
 * rejected (by a rule: *decision, for ctl_resource_denied()).  An identical one
 * that is alive is *again: nothing happened. */
bool ctl_resource_ask(struct ctl_change *c, const struct ctl_config *config,
    const struct ctl_principal *who, const struct ctl_resource_wish *wish,
    const char *reason, struct ctl_ask *out, bool *again,
    struct ctl_decision *decision, struct ctl_error *e);
/* To end one: 404 resource_not_found; 400 illegal_transition. */
bool ctl_resource_unask(struct ctl_change *c, const struct ctl_principal *who,
    const char *project_id, const char *id, const char *reason,
    struct ctl_ask *out, bool *again, struct ctl_error *e);

/* By id, or by what a request made; NULL id: the latter.  404. */
bool ctl_resource_get(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *project_id, const char *id, struct ctl_resource *out,
    struct ctl_error *e);
bool ctl_resource_of_ask(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_ask *ask, struct ctl_resource *out, bool *found,
    struct ctl_error *e);
/* In the order that they were made, after `after`. */
bool ctl_resource_list(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *project_id, const char *after, unsigned limit,
    struct ctl_resource **out, unsigned *n, bool *more, struct ctl_error *e);

/* Ends all that are alive, as a decommission does, without asking. */
bool ctl_resource_end_all(struct ctl_change *c, const char *project_id,
    const char *reason, struct ctl_error *e);

/* Effects of requests (ask_effect.c). */
bool ctl_resource_provision(struct ctl_change *c, const struct ctl_ask *ask,
    enum ctl_ask_done *done, struct ctl_error *e);
bool ctl_resource_destroy(struct ctl_change *c, const struct ctl_ask *ask,
    enum ctl_ask_done *done, struct ctl_error *e);

#endif
