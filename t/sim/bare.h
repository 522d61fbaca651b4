/*
 * A counter of a budget that Redis lost alone: no call may be granted there,
 * until the counters of the budget or of its partition are written anew.
 */
#ifndef SIM_BARE_H
#define SIM_BARE_H

#include "model.h"

/* The field of its hash is gone; any field may be given. */
void sim_counter_deleted(struct sim_model *m, const struct sim_budget *b,
    const char *field);
void sim_counters_new(struct sim_model *m, const struct sim_budget *b);
void sim_part_new(struct sim_model *m, unsigned part);

#endif
