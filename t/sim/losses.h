/*
 * Losses, one at a time, by the dice.
 */
#ifndef SIM_LOSSES_H
#define SIM_LOSSES_H

#include "check.h"

void sim_lose_flush(struct sim *s);
void sim_lose_restart(struct sim *s);
void sim_lose_dump(struct sim *s);      /* what a failover goes back to */
void sim_lose_failover(struct sim *s);
/* Redis takes the data of the last dump and stays the process that it is; the
 * meter that leads notices before a call comes. */
void sim_lose_by_copy(struct sim *s);
void sim_lose_key(struct sim *s);
void sim_lose_save(struct sim *s);      /* what a restore goes back to */
void sim_lose_restore(struct sim *s);

#endif
