/*
 * Shrinking: from a list of steps that fails, ever shorter lists that still
 * fail, within a bound of time.
 */
#ifndef SIM_SHRINK_H
#define SIM_SHRINK_H

#include "op.h"

/* `ops` becomes the shortest list that was found; returns its length. */
unsigned sim_shrink(struct sim *s, struct sim_op *ops, unsigned n,
    unsigned seconds);

#endif
