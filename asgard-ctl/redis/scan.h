/*
 * One page of SCAN or HSCAN.
 */
#ifndef CTL_SCAN_H
#define CTL_SCAN_H

#include "redis/client.h"

#define CTL_SCAN_CURSOR  24
#define CTL_SCAN_COUNT   "500"
#define CTL_SCAN_PAGES   100000         /* of 500: 50 million names */

/* The words of the command with `cursor` among them, "0" at first and after
 * the last page. */
bool ctl_redis_scan(struct ctl_redis *redis, struct ctl_arena *arena,
    size_t argc, const asg_str_t *argv, char cursor[CTL_SCAN_CURSOR],
    struct ctl_reply *page, struct ctl_error *e);

#endif
