/*
 * What Redis says that a window opened with (`o:<w>` of a budget), and what was
 * spent without the window by then: what the ledger has, and the events that it
 * has not read.
 */
#ifndef SIM_OPENED_H
#define SIM_OPENED_H

#include "model.h"

/* What was spent in the period of the pin by calls of its budget that do not
 * name it.  The events that the ledger has not read are in it when Redis took
 * `amount` as the opening; `past`: it did that a while ago, and more has ended
 * since. */
bool sim_opened_sum(struct sim_model *m, const struct sim_pin *pin,
    int64_t amount, int64_t *sum, bool *past);
/* Redis may have taken what is not written down yet. */
void sim_opened_note(struct sim_model *m);

#endif
