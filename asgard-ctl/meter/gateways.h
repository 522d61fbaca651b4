/*
 * Which workers of gateways live, and which have told what they hold.
 *
 * Every worker beats in Redis once a second (`{asg}:workers`, beat.lua); the
 * meter keeps the last beats in Postgres, since Redis may lose them together
 * with the counters.  After a loss a worker announces its open holds and tells
 * its undurable outcomes again under the new epoch, and then says so
 * (`{pNN}:a:<epoch>`).  A partition opens when all that lived have said so, or
 * without them: with those that are silent it has no long patience.
 */
#ifndef CTL_GATEWAYS_H
#define CTL_GATEWAYS_H

#include "meter/partition.h"

/* Keeps the beats that Redis has, and a copy of the open holds when one stops:
 * see held_copy.h.  Only while every partition is open: who
 * comes back first after a loss must not make the others look gone. */
bool ctl_gateways_note(struct ctl_leader *l, struct ctl_error *e);
/* *all: every worker that lived when Redis was last well, and every one that
 * listens for changes now, has told this partition. */
bool ctl_gateways_have_told(struct ctl_leader *l,
    const struct ctl_partition *p, bool *all, struct ctl_error *e);
/* *telling: one that beats at this time has not told this partition. */
bool ctl_gateways_are_telling(struct ctl_leader *l,
    const struct ctl_partition *p, bool *telling, struct ctl_error *e);
/* Those that have not are logged, noted (`unheard_at`, until their next beat)
 * and waited for no more: what they hold is announced
 * when they come back, and what they ended is charged then. */
bool ctl_gateways_give_up(struct ctl_leader *l,
    const struct ctl_partition *p, struct ctl_error *e);

#endif
