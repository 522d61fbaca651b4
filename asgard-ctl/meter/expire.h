/*
 * Expiry: a hold that nobody settled or extended is charged in full.
 */
#ifndef CTL_EXPIRE_H
#define CTL_EXPIRE_H

#include "meter/partition.h"

#define CTL_EXPIRE_MOST 100

/* At most CTL_EXPIRE_MOST; *n: how many were charged. */
bool ctl_expire_some(struct ctl_leader *l, struct ctl_partition *p,
    unsigned *n, struct ctl_error *e);

#endif
