/*
 * Single steps of a meter, for its turns (meter.c) and for quiet points
 * (settle.c).  False: *e says why.
 */
#ifndef SIM_METER_STEP_H
#define SIM_METER_STEP_H

#include "meter.h"

/* Fails the run when the error is a mistake of asgard-ctl; returns `ok`. */
bool sim_meter_judge(struct sim_meters *ms, bool ok,
    const struct ctl_error *e);
/* One of the next scripts, or the next commit, may be cut. */
void sim_meter_traps(struct sim_meters *ms, unsigned percent,
    unsigned scripts);
/* Renews, checks, and keeps the beats: what the meter does each second. */
bool sim_meter_lead(struct sim_meters *ms, struct sim_meter *m,
    struct ctl_error *e);
/* A partition that is led, and open or not; NULL: none is. */
struct ctl_partition *sim_meter_part(struct sim_meters *ms,
    struct ctl_leader *l, bool open);
bool sim_meter_reseed(struct sim_meters *ms, struct ctl_leader *l,
    struct ctl_partition *p, struct ctl_error *e);
bool sim_meter_drain(struct sim_meters *ms, struct ctl_leader *l, unsigned *n,
    struct ctl_error *e);
bool sim_meter_apply(struct sim_meters *ms, struct ctl_leader *l,
    struct ctl_partition *p, struct ctl_error *e);
bool sim_meter_expire(struct sim_meters *ms, struct ctl_leader *l,
    struct ctl_partition *p, unsigned *n, struct ctl_error *e);

#endif
