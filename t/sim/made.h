/*
 * What an administrator makes and takes back while calls run: projects, keys
 * with budgets of their own and without, keys that are revoked, budgets of
 * which only `total` is left.  By asgard-ctl's own hand.
 *
 * An older database does not know what was made after it: the model forgets it
 * too (sim_made_restored).  Calls in flight go on, whatever becomes of theirs.
 */
#ifndef SIM_MADE_H
#define SIM_MADE_H

#include "model.h"
#include "ops/change.h"

bool sim_project_make(struct sim_model *m);
bool sim_key_make(struct sim_model *m);
bool sim_key_revoke(struct sim_model *m);

/* The database is kept as it is, and goes back to that. */
void sim_made_saved(struct sim_model *m);
void sim_made_restored(struct sim_model *m);

/* A change of the administrator's; end() fails the run when it is not made. */
bool sim_change_begin(struct sim_model *m, struct ctl_change *c,
    struct ctl_error *e);
bool sim_change_end(struct sim_model *m, struct ctl_change *c, bool ok,
    struct ctl_error *e);

/* Some set that calls may be made of. */
unsigned sim_set_pick(struct sim_model *m);
/* Some budget that there is. */
struct sim_budget *sim_budget_pick(struct sim_model *m);

#endif
