/*
 * The time of asgard-ctl in this process: its monotonic clock is the one of the
 * run (in place of base/clock.c), and a pause of it (-Wl,--wrap=nanosleep)
 * takes none of ours.  What others do meanwhile is up to whoever called it.
 */
#ifndef SIM_PAUSE_H
#define SIM_PAUSE_H

#include "world.h"

typedef void (*sim_pause_pt)(void *data);

void sim_pause_begin(const struct sim_world *w);
/* What happens in each pause from now on; NULL: nothing. */
void sim_pause_set(sim_pause_pt meanwhile, void *data);
/* A pause of our own, for servers that start and end: 1 ms. */
void sim_pause_real(void);

#endif
