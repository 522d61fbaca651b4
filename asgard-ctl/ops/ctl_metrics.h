/*
 * /metrics/ctl in the text format of Prometheus.
 *
 * What Postgres or Redis cannot say at the moment is left out; asgard_ctl_up
 * tells which of them answered.
 */
#ifndef CTL_METRICS_H
#define CTL_METRICS_H

#include "redis/client.h"
#include "store/pg.h"

/* The text is the arena's; NULL when it is too small. */
const char *ctl_metrics_text(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena);

#endif
