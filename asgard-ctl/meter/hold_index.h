/*
 * Open holds that the set of expiries does not name.
 *
 * Each open hold stands in `{pNN}:x`, written by the script that wrote the
 * hold.  When that key is lost the holds are there still, but nobody would end
 * them when their time is over, and a sum over the set would leave them out.
 */
#ifndef CTL_HOLD_INDEX_H
#define CTL_HOLD_INDEX_H

#include "meter/partition.h"

/* Of a closed partition: looks at every hold there is and names those that the
 * set lacks.  A hold that is not there any more leaves a name that expires.
 * Every key of Redis is passed over for it: not after all was lost, when the
 * gateways fill it and the door waits. */
bool ctl_hold_index_mend(struct ctl_leader *l, const struct ctl_partition *p,
    struct ctl_error *e);

#endif
