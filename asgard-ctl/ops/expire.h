/*
 * Expiry: a hold that nobody settled or extended is charged in full.
 */
#ifndef CTL_EXPIRE_H
#define CTL_EXPIRE_H

#include "ops/partition.h"

/* At most a hundred at a time; *n: how many were charged. */
bool ctl_expire_some(struct ctl_leader *l, struct ctl_partition *p,
    unsigned *n, struct ctl_error *e);

#endif
