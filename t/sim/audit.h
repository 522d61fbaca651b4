/*
 * The audit of asgard-ctl, by its own code: of one partition while all goes on,
 * of all the money where nothing stands in its way.
 */
#ifndef SIM_AUDIT_H
#define SIM_AUDIT_H

#include "check.h"

/* By its row and by its head in Redis. */
bool sim_part_is_open(struct sim *s, unsigned part);

/* Of a partition that is open, or of everything; by the dice. */
void sim_audit_some(struct sim *s);
/* Of everything: `audit money`, M1 to M5 and M7 to M9; M5 of what a provider
 * said (of the witness files: lines.h). */
void sim_audit_money(struct sim *s);

#endif
