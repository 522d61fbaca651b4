/*
 * What keeps the door shut beside the limits: a stream that is full, a time
 * that has passed, no memory.  The dice bring it about; whether a call should
 * have been let in is looked up in Redis, which has not moved since.
 */
#ifndef SIM_DOOR_H
#define SIM_DOOR_H

#include "flight.h"

/* A reserve was granted, or refused with BACKLOG or CLOCK: rightly so? */
void sim_door_was_open(struct sim_flight *f, const struct sim_command *c);
void sim_door_was_shut(struct sim_flight *f, const struct sim_command *c,
    asg_verdict_t verdict);

/* By the clock that scripts see, in us. */
int64_t sim_door_time_us(struct sim_world *w, unsigned part);

/* A partition that its leader takes for open lets nobody in for long when its
 * clock went back further than scripts bear. */
void sim_door_clock(struct sim_world *w, unsigned part);

/* Few more events may wait in the stream of a partition. */
void sim_door_narrow(struct sim_flight *f, unsigned part);
/* After everything was drained and trimmed: there is room again. */
void sim_door_check(struct sim_flight *f, unsigned part);

void sim_memory_gone(struct sim_world *w);
void sim_memory_back(struct sim_world *w);

#endif
