/*
 * The steps of a run: a list drawn from the seed, each with dice of its own, so
 * that the list without some of them still makes sense.
 */
#ifndef SIM_OP_H
#define SIM_OP_H

#include "check.h"

#define SIM_RUN_STEPS 4000              /* of one run: a database */

struct sim_op {
    unsigned at;                        /* in the list as it was drawn */
    unsigned kind;
    uint64_t dice;
};

unsigned sim_kinds(void);

/* `n` steps of the run with this seed. */
void sim_ops_draw(uint64_t seed, struct sim_op *ops, unsigned n);
/* False: something was wrong, s->world.why says what.  *failed_at: the step,
 * `n` for what comes after the last one.
 * `trace` NULL: nothing is printed. */
bool sim_run(struct sim *s, const struct sim_op *ops, unsigned n,
    unsigned *failed_at, FILE *trace);

#endif
